"""Prefect has no roles: nobody but OMERO's admins reaches it, whatever they send."""

from __future__ import annotations

import base64
import json

import httpx
import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from sandbox.site import Site
from tests.sandbox.panel.web_visitor import WebVisitor

#: The UI, its API by reading and by writing, a path that leaves and comes back.
PATHS = ["/prefect/", "/prefect/runs", "/prefect/api/admin/version", "/prefect/../prefect/api/health", "/prefect/api/"]
FORGED = {
    "Authorization": "Basic " + base64.b64encode(b"omero-flows:guess").decode(),
    "X-Original-URI": "/flows/",
    "X-Forwarded-User": "root",
    "X-Remote-User": "root",
    "X-Admin": "true",
}
ALL_RUNS = "/prefect/api/flow_runs/filter"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("headers", [{}, FORGED], ids=["plain", "forged"])
def test_others_than_admins_get_nothing(
    alice: WebVisitor, stranger: WebVisitor, path: str, headers: dict[str, str]
) -> None:
    for visitor, status in ((alice, 403), (stranger, 401)):
        answer = visitor.client.get(path, headers=headers)
        assert answer.status_code == status
        assert "Prefect" not in answer.text


PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_a_person_who_is_no_admin_reads_why(alice: WebVisitor) -> None:
    answer = alice.client.get("/prefect/runs", headers=PERSON)
    assert answer.status_code == 403
    assert "for OMERO's administrators" in answer.text
    assert 'href="/flows/runs/"' in answer.text


def test_a_person_who_is_not_logged_in_logs_in_and_comes_back(stranger: WebVisitor) -> None:
    answer = stranger.client.get("/prefect/runs?tags=a", headers=PERSON, follow_redirects=False)
    assert answer.status_code == 302
    where = httpx.URL(answer.headers["Location"])
    assert (where.path, where.params["url"]) == ("/webclient/login/", "/prefect/runs?tags=a")


def test_others_than_admins_change_nothing(alice: WebVisitor, stranger: WebVisitor) -> None:
    for visitor in (alice, stranger):
        assert visitor.client.post(ALL_RUNS, json={}, headers=FORGED).status_code in (401, 403)


def test_admins_reach_the_ui_and_the_api_and_never_see_the_password(admin: WebVisitor, site: Site) -> None:
    page = admin.get("/prefect/runs", Accept="text/html")
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"] == "frame-ancestors 'self'"
    runs = admin.client.post(ALL_RUNS, json={})
    assert runs.status_code == 200
    password = site.prefect_auth.partition(":")[2]
    encoded = base64.b64encode(site.prefect_auth.encode()).decode()
    settings = admin.get("/prefect/ui-settings")
    for answer in (page, runs, settings):
        said = answer.text + str(answer.headers) + str(answer.request.headers)
        assert password not in said
        assert encoded not in said


def test_a_page_of_another_site_cannot_use_an_admins_session(admin: WebVisitor) -> None:
    elsewhere = {"Sec-Fetch-Site": "cross-site"}
    link = elsewhere | {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html"}
    assert admin.client.post(ALL_RUNS, json={}, headers=elsewhere).status_code == 403
    assert admin.client.post(ALL_RUNS, json={}, headers=link).status_code == 403
    for refused in (elsewhere, link | {"Sec-Fetch-Dest": "iframe"}, link | {"Sec-Fetch-Mode": "no-cors"}):
        assert admin.client.get("/prefect/runs", headers=refused).status_code == 403
    # A link in a webmail opens the page.
    assert admin.client.get("/prefect/runs", headers=link).status_code == 200


def test_websockets_pass_for_admins_alone(
    admin: WebVisitor, alice: WebVisitor, stranger: WebVisitor, site: Site
) -> None:
    """The handshake is admitted as every request is; behind it Prefect asks for its password once more."""
    for visitor, status in ((alice, 403), (stranger, 401)):
        with pytest.raises(InvalidStatus) as refused:
            open_socket(site, visitor)
        assert refused.value.response.status_code == status
    with pytest.raises(InvalidStatus) as foreign:
        open_socket(site, admin, {"Sec-Fetch-Site": "cross-site"})
    assert foreign.value.response.status_code == 403
    with open_socket(site, admin) as socket:
        socket.send(json.dumps({"type": "auth", "token": "guess"}))
        with pytest.raises(ConnectionClosedError, match="Invalid token"):
            socket.recv(timeout=30)
    with open_socket(site, admin) as socket:
        socket.send(json.dumps({"type": "auth", "token": site.prefect_auth}))
        assert json.loads(socket.recv(timeout=30)) == {"type": "auth_success"}


def open_socket(site: Site, visitor: WebVisitor, headers: dict[str, str] | None = None) -> ClientConnection:
    """Prefect's stream of events, through nginx, with the visitor's cookies."""
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.client.cookies.items())
    return connect(
        site.web_url.replace("http", "ws", 1) + "/prefect/api/events/in",
        additional_headers={"Cookie": cookies, **(headers or {})},
        subprotocols=[Subprotocol("prefect")],
        open_timeout=60,
        proxy=None,
    )


def test_the_direct_port_asks_for_the_password(site: Site) -> None:
    with httpx.Client(trust_env=False, timeout=30) as client:
        assert client.post(f"{site.prefect_api}/flow_runs/filter", json={}).status_code == 401
        assert client.post(f"{site.prefect_api}/flow_runs/filter", json={}, headers=FORGED).status_code == 401


def test_the_admission_itself_says_only_yes_or_no(alice: WebVisitor, admin: WebVisitor, stranger: WebVisitor) -> None:
    admission = "/flows/admin/prefect/admission/"
    for visitor, status in ((admin, 204), (alice, 403), (stranger, 401)):
        answer = visitor.get(admission)
        assert (answer.status_code, answer.content) == (status, b"")
    # nginx's own name for it is not there for a browser.
    assert admin.get("/.prefect-admission").status_code == 404


def test_the_admin_pages_are_not_there_for_others(alice: WebVisitor, admin: WebVisitor) -> None:
    assert alice.get("/flows/admin/").status_code == 404
    assert admin.get("/flows/admin/").status_code == 200
