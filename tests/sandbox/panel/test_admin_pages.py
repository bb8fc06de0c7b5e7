"""The Admin pages over HTTP: what admins may change, what is refused, and that they are not there for others."""

from __future__ import annotations

import json
import uuid

import pytest

from sandbox.site import Site
from tests.chaos.waiting import wait_for
from tests.sandbox.panel.test_analyse_page import EVIL_DESCRIPTOR
from tests.sandbox.panel.web_visitor import WebVisitor

ADMIN = "/flows/admin/"
ADD, CHANGE, LOOK = ADMIN + "workflows/add/", ADMIN + "imports/change/", ADMIN + "look/site/"


def test_nobody_else_learns_of_them_or_changes_anything(
    alice: WebVisitor, stranger: WebVisitor, admin: WebVisitor
) -> None:
    before = admin.get(ADMIN + "workflows/").text
    asked = {"name": "mine", "descriptor": json.dumps(EVIL_DESCRIPTOR), "token": str(uuid.uuid4())}
    for address in (ADD, CHANGE, LOOK, ADMIN + "workflows/remove/nuclei/"):
        assert alice.post(address, asked).status_code == 404
        assert stranger.post(address, asked).status_code in (302, 403)
        assert admin.post(address, asked, csrf=False).status_code == 403
    for address in (ADMIN, ADMIN + "workflows/", ADMIN + "imports/"):
        assert alice.get(address).status_code == 404
        assert stranger.get(address).status_code == 302
    assert ("mine" in admin.get(ADMIN + "workflows/").text) == ("mine" in before)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "../x", "repository": "https://github.com/o/r/tree/v1"}, "name"),
        ({"name": "x"}, "one of repository, path and descriptor"),
        ({"name": "x", "repository": "http://github.com/o/r/tree/v1"}, "https://"),
        ({"name": "x", "repository": "https://169.254.169.254/latest/meta-data"}, "not among the hosts"),
        ({"name": "x", "repository": "https://github.com@127.0.0.1/o/r"}, "user name or a password"),
        ({"name": "x", "repository": "https://gitlab.com:6443/o/r/descriptor.json"}, "names a port"),
        ({"name": "x", "repository": "file:///etc/passwd"}, "http://"),
        ({"name": "x", "descriptor": '{"cwlVersion": "1.2"}'}, "CWL is not read"),
        ({"name": "x", "descriptor": json.dumps(EVIL_DESCRIPTOR), "memory": "1G --wrap=x"}, "mem"),
        ({"name": "x", "descriptor": json.dumps(EVIL_DESCRIPTOR), "cpus": "many"}, "cpus"),
    ],
)
def test_a_workflow_that_cannot_be_is_refused(admin: WebVisitor, fields: dict[str, str], said: str) -> None:
    answer = admin.client.post(
        ADD, data=fields, headers={"X-CSRFToken": admin.client.cookies.get("csrftoken", ""), "HX-Request": "true"}
    )
    assert answer.status_code in (400, 409), answer.text
    assert said in answer.text


def test_a_workflow_is_added_shown_to_users_and_removed(admin: WebVisitor, alice: WebVisitor) -> None:
    name = f"added-{uuid.uuid4().hex[:6]}"
    fields = {"name": name, "descriptor": json.dumps({**EVIL_DESCRIPTOR, "name": f"Workflow {name}"}), "cpus": "2"}
    try:
        assert admin.post(ADD, fields).status_code == 204
        # Not a second time by oversight.
        assert admin.post(ADD, fields).status_code == 400
        wait_for("the new workflow to be read", lambda: f"Workflow {name}" in alice.get("/flows/analyse/").text)
        assert "2 processors" in alice.get(f"/flows/analyse/?search={name}").text
    finally:
        assert admin.post(f"{ADMIN}workflows/remove/{name}/").status_code == 204
    assert f">{name}<" not in admin.get(ADMIN + "workflows/").text
    assert admin.post(f"{ADMIN}workflows/remove/{name}/").status_code == 404


def test_folders_uploads_and_extensions_are_changed_within_their_rules(admin: WebVisitor, site: Site) -> None:
    for wrong in ("../lab-b", "/etc", "a/../b", ".hidden", "a\0b"):
        assert admin.post(CHANGE, {"group": "lab-a", "folder": wrong}).status_code == 400
    assert admin.post(CHANGE, {"group": "lab-a", "folder": "lab-a"}).status_code == 204
    assert admin.post(CHANGE, {"group": "no-such-group", "folder": "x"}).status_code in (400, 409)
    assert admin.post(CHANGE, {"converter": "ome-tiff", "extensions": "lif"}).status_code == 400
    assert admin.post(CHANGE, {"converter": "nothing", "extensions": ".lif"}).status_code == 409
    assert admin.post(CHANGE, {"converter": "ome-tiff", "extensions": ".LIF"}).status_code == 204
    assert admin.post(CHANGE, {"enabled": "1", "most_gigabytes": "0", "chunk_megabytes": "16"}).status_code == 400
    assert admin.post(CHANGE, {"enabled": "1", "most_gigabytes": "50", "chunk_megabytes": "16"}).status_code == 204
    page = admin.get(ADMIN + "imports/").text
    assert 'value=".lif"' in page
    assert 'name="folder" value="lab-a"' in page


def test_health_says_what_a_worker_found(admin: WebVisitor) -> None:
    token = str(uuid.uuid4())
    for _ in range(2):
        assert admin.post(LOOK, {"token": token}).status_code == 204
    assert admin.post(ADMIN + "look/everything/", {"token": token}).status_code == 404
    wait_for("the site to be looked at", lambda: "Watcher of the cluster" in admin.get(ADMIN).text)
    assert "may act for users" in admin.get(ADMIN).text
