"""Runs over HTTP: who sees which, what the page says, what can be done to them, and that no name is markup.

The runs are made in Prefect as the panel makes them, and are put into the state that is asked about,
while no worker takes them. What a page tells of a run is asked here, not the work itself.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from contracts.destination import Destination, DestinationType
from contracts.import_order import ImportOrder
from contracts.source_file import SourceFile
from omero_ui.prefect_api.answers import FlowRun
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.prefect_api.placing import place_order
from sandbox.site import Site
from tests.sandbox.panel.web_visitor import WebVisitor

MARKUP = '<img src=x onerror="alert(1)">'


@dataclass
class Placed:
    """Orders in Prefect. The workers are held while they are placed, so that each stays as it is put."""

    prefect: PrefectApi
    mark: str
    orders: dict[str, ImportOrder]
    runs: dict[str, FlowRun]

    def token(self, name: str) -> uuid.UUID:
        return self.orders[name].uuid

    def page(self, name: str, what: str = "") -> str:
        return f"/flows/runs/{self.token(name)}/{what}"

    def place(self, name: str, user: str, group: str, state: str | None = None) -> None:
        order = ImportOrder(
            uuid=uuid.uuid4(),
            user=user,
            group=group,
            destination=Destination(type=DestinationType.DATASET, name=f"{self.mark} {MARKUP}"),
            files=(SourceFile(path="not-there/a.tif"),),
        )
        self.orders[name] = order
        self.runs[name] = place_order(self.prefect, order)
        if state is not None:
            self.set_state(name, state)

    def set_state(self, name: str, state: str) -> None:
        body = {"state": {"type": state.upper(), "name": state, "message": f"said {MARKUP}"}, "force": True}
        self.prefect.post(f"/flow_runs/{self.runs[name].id}/set_state", body)

    def state(self, name: str) -> str:
        run = FlowRun.model_validate(self.prefect.get(f"/flow_runs/{self.runs[name].id}"))
        assert run.state is not None
        return run.state.name


@pytest.fixture(scope="module")
def placed(site: Site) -> Iterator[Placed]:
    user, _, password = site.prefect_auth.partition(":")
    placed = Placed(PrefectApi(site.prefect_api, (user, password)), uuid.uuid4().hex[:8], {}, {})
    site.hold("worker")
    try:
        placed.place("shared", "alice", "lab-a", "Failed")
        placed.place("private", "alice", "lab-b", "Completed")
        placed.place("of bob", "bob", "lab-a", "Failed")
        placed.place("waiting", "alice", "lab-a")
        placed.place("of root", "root", "system", "Completed")
        yield placed
        for name in placed.runs:
            placed.set_state(name, "Cancelled")
    finally:
        site.release("worker", seconds=240)


def listed(visitor: WebVisitor, placed: Placed, more: str = "") -> set[str]:
    """Names of the placed runs that a list shows."""
    page = visitor.get(f"/flows/runs/?text={placed.mark}{more}")
    assert page.status_code == 200
    return {name for name, order in placed.orders.items() if f'id="run-{order.uuid}"' in page.text}


def test_the_list_shows_ones_own_runs_and_those_of_groups_that_share(
    placed: Placed, alice: WebVisitor, bob: WebVisitor, admin: WebVisitor, stranger: WebVisitor
) -> None:
    assert listed(alice, placed) == {"shared", "private", "of bob", "waiting"}
    assert listed(bob, placed) == {"shared", "of bob", "waiting"}
    assert listed(admin, placed) == set(placed.orders)
    assert listed(bob, placed, "&mine=yes") == {"of bob"}
    assert listed(alice, placed, "&state=failed&kind=import") == {"shared", "of bob"}
    assert listed(alice, placed, "&kind=analysis") == set()
    answer = stranger.get("/flows/runs/")
    assert answer.status_code == 302
    assert answer.headers["location"].startswith("/webclient/login/?url=%2Fflows%2Fruns%2F")


def test_a_uuid_that_is_searched_for_shows_no_more_than_may_be_seen(
    placed: Placed, alice: WebVisitor, bob: WebVisitor
) -> None:
    token = placed.token("private")
    assert f'id="run-{token}"' in alice.get(f"/flows/runs/?text={token}").text
    assert f'id="run-{token}"' not in bob.get(f"/flows/runs/?text={token}").text


@pytest.mark.parametrize("what", ["", "now/", "log/", "log.txt"])
def test_a_run_of_others_is_not_there(
    placed: Placed, bob: WebVisitor, alice: WebVisitor, stranger: WebVisitor, what: str
) -> None:
    assert alice.get(placed.page("private", what)).status_code == 200
    assert bob.get(placed.page("private", what)).status_code == 404
    assert bob.get(f"/flows/runs/{uuid.uuid4()}/{what}").status_code == 404
    assert stranger.get(placed.page("private", what)).status_code == 302
    # A part that a page asks for later says so instead of bringing the login page into it.
    part = stranger.get(placed.page("private", what), **{"HX-Request": "true"})
    assert (part.status_code, part.headers["HX-Retarget"]) == (401, "#notices")


def test_a_run_is_changed_by_its_user_alone(placed: Placed, alice: WebVisitor, bob: WebVisitor) -> None:
    for what in ("cancel/", "retry/"):
        assert bob.post(placed.page("shared", what)).status_code == 403
        assert bob.post(placed.page("private", what)).status_code == 404
        assert alice.post(placed.page("shared", what), csrf=False).status_code == 403
        assert alice.get(placed.page("shared", what)).status_code == 405
    assert placed.state("shared") == "Failed"
    assert "Retry the rest" not in bob.get(placed.page("shared")).text


def test_what_has_ended_is_not_cancelled_and_what_went_well_is_not_retried(placed: Placed, alice: WebVisitor) -> None:
    assert alice.post(placed.page("shared", "cancel/")).status_code == 400
    assert alice.post(placed.page("private", "retry/")).status_code == 400
    assert placed.state("private") == "Completed"


def test_retry_and_cancel(placed: Placed, alice: WebVisitor) -> None:
    answer = alice.post(placed.page("shared", "retry/"))
    assert (answer.status_code, answer.headers["location"]) == (302, placed.page("shared"))
    assert placed.state("shared") == "AwaitingRetry"
    assert "About to be tried again" in alice.get(placed.page("shared")).text
    assert alice.post(placed.page("shared", "cancel/")).status_code == 302
    assert placed.state("shared") == "Cancelled"


def test_run_again_makes_one_run_of_the_visitors_own(
    placed: Placed, bob: WebVisitor, alice: WebVisitor, admin: WebVisitor
) -> None:
    page = bob.get(placed.page("shared")).text
    [new] = re.findall(r'name="new_token" value="([0-9a-f-]{36})"', page)
    for _ in range(2):  # the button pressed twice
        answer = bob.post(placed.page("shared", "repeat/"), {"new_token": new})
        assert (answer.status_code, answer.headers["location"]) == (302, f"/flows/runs/{new}/")
    body = {"flow_runs": {"idempotency_key": {"any_": [new]}}}
    [again] = [FlowRun.model_validate(run) for run in placed.prefect.post("/flow_runs/filter", body)]
    placed.runs["again"] = again
    order = placed.orders["shared"]
    placed.orders["again"] = order.model_copy(update={"uuid": uuid.UUID(new), "user": "bob"})
    assert again.parameters["order"] == placed.orders["again"].model_dump(mode="json")
    assert "user:bob" in again.tags
    assert bob.post(placed.page("shared", "repeat/"), {"new_token": "x"}).status_code == 400
    # Who is no member of its group cannot have it run, also not as admin.
    assert admin.post(placed.page("shared", "repeat/"), {"new_token": str(uuid.uuid4())}).status_code == 403


def test_no_name_and_no_message_is_markup(placed: Placed, alice: WebVisitor) -> None:
    placed.prefect.post(
        "/logs/",
        [
            {
                "name": "test",
                "level": 30,
                "message": f"log {MARKUP}",
                "timestamp": "2026-11-25T08:00:00Z",
                "flow_run_id": str(placed.runs["of bob"].id),
            }
        ],
    )
    for path in (f"/flows/runs/?text={placed.mark}", placed.page("of bob"), placed.page("of bob", "log/")):
        page = alice.get(path)
        assert "<img src=x" not in page.text
        assert "&lt;img src=x" in page.text
        assert "script-src" not in page.headers["Content-Security-Policy"]  # so default-src 'self' counts
        assert page.headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert f"WARNING  log {MARKUP}" in alice.get(placed.page("of bob", "log.txt")).text
    searched = alice.get(
        "/flows/runs/",
    ).text
    assert 'onerror="alert(1)"' not in searched


def test_a_list_gets_the_rows_that_have_changed_and_no_others(
    placed: Placed, alice: WebVisitor, bob: WebVisitor
) -> None:
    page = alice.get(f"/flows/runs/?text={placed.mark}").text
    [asked] = re.findall(r'name="asked" value="([^"]+)"', page)
    marks = re.findall(r'name="row" value="([^"]+)"', page)
    waiting = str(placed.runs["waiting"].id)
    [mark] = [mark for mark in marks if mark.startswith(waiting)]
    asking = {"asked": asked, "text": placed.mark}
    unchanged = alice.post("/flows/runs/changes/", asking | {"row": mark})
    assert unchanged.status_code == 200
    assert "<tr" not in unchanged.text
    assert "<tr" in alice.post("/flows/runs/changes/", asking | {"row": f"{waiting}:before"}).text
    private = f"{placed.runs['private'].id}:before"
    assert "<tr" not in bob.post("/flows/runs/changes/", asking | {"row": private}).text
    for wrong in ({"row": "x"}, {"asked": "yesterday"}, {"asked": "2026-11-25T08:00:00"}):
        assert alice.post("/flows/runs/changes/", asking | wrong).status_code == 400


def test_what_no_menu_offers_is_refused_on_a_page_of_its_own(alice: WebVisitor) -> None:
    charts = ("/flows/runs/charts/", "/flows/runs/charts/storage/", "/flows/runs/charts/use/")
    for path in ("/flows/runs/?since=2y", "/flows/runs/?page=0", *(f"{chart}?days=8" for chart in charts)):
        page = alice.get(path)
        assert page.status_code == 400
        assert "bad-request" in page.text


def test_charts_are_of_visible_runs(placed: Placed, alice: WebVisitor, admin: WebVisitor) -> None:
    page = alice.get("/flows/runs/charts/?days=7")
    assert page.status_code == 200
    for part in ("storage", "use"):  # each is asked for after the page is there
        assert f"/flows/runs/charts/{part}/?days=7" in page.text
        assert alice.get(f"/flows/runs/charts/{part}/?days=7").status_code == 200
    # What is remembered for an admin is not told to others.
    assert ">system<" in admin.get("/flows/runs/charts/use/").text
    assert ">system<" not in alice.get("/flows/runs/charts/use/").text
