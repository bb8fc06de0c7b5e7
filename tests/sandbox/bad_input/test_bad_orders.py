"""Orders that are wrong as a whole: who orders, for which group, where to. Nothing is placed, nothing is written."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from prefect.client.schemas.objects import FlowRun, StateType

from contracts.failures import FailureCategory
from contracts.import_report import ImportReport
from tests.sandbox.bad_input.bad_ground import READERS, Answer, Ground

#: An id that no database of a test has come to.
NEVER = 1 << 40


@dataclass(frozen=True)
class BadOrder:
    """`target` is a dataset's or screen's id, a key of the ground's ids, or nothing: then one by name."""

    category: FailureCategory
    says: str
    user: str = "alice"
    group: str = "lab-a"
    kind: str = "Dataset"
    target: str | int | None = None

    def id_in(self, ground: Ground) -> int | None:
        return ground.ids[self.target] if isinstance(self.target, str) else self.target


BAD_ORDERS = {
    "unknown user": BadOrder(FailureCategory.UNKNOWN_USER, "OMERO has no user 'nobody'", user="nobody"),
    "unknown group": BadOrder(FailureCategory.UNKNOWN_GROUP, "OMERO has no group 'no such lab'", group="no such lab"),
    "not a member": BadOrder(
        FailureCategory.NOT_A_MEMBER, "'bob' is not a member of group 'lab-b'", user="bob", group="lab-b"
    ),
    "another group's": BadOrder(
        FailureCategory.UNKNOWN_DESTINATION, "belongs to group 'lab-b', not to 'lab-a'", target="of lab-b"
    ),
    "another group's, invisible": BadOrder(
        FailureCategory.UNKNOWN_DESTINATION, "that the user can see", user="bob", target="of lab-b"
    ),
    "read-only": BadOrder(
        FailureCategory.DESTINATION_NOT_WRITABLE,
        "'bob' may not put images into Dataset",
        user="bob",
        group=READERS,
        target="of readers",
    ),
    "deleted": BadOrder(FailureCategory.UNKNOWN_DESTINATION, "There is no Dataset", target="deleted"),
    "never there": BadOrder(FailureCategory.UNKNOWN_DESTINATION, f"There is no Dataset {NEVER}", target=NEVER),
    # of a test's containers hardly any is a screen, so that no screen has the id of the newest dataset
    "a dataset's id for a screen": BadOrder(
        FailureCategory.UNKNOWN_DESTINATION, "There is no Screen", kind="Screen", target="dataset"
    ),
}


@dataclass
class Told:
    """What became of every bad order, both ways, and whether OMERO was left alone meanwhile."""

    before: dict[str, int]
    answers: dict[str, Answer]
    placed_by_command: dict[str, list[FlowRun]]
    runs: dict[str, FlowRun]
    reports: dict[str, ImportReport]
    after: dict[str, int]


@pytest.fixture(scope="module")
def told(ground: Ground) -> Told:
    before = ground.census()
    orders = {name: as_order(ground, bad) for name, bad in BAD_ORDERS.items()}
    runs = {name: ground.submit(order) for name, order in orders.items()}
    tokens = {name: uuid.uuid4() for name in BAD_ORDERS}
    answers = ground.commands({name: as_words(ground, bad, tokens[name]) for name, bad in BAD_ORDERS.items()})
    ended = {name: ground.wait_for_end(run) for name, run in runs.items()}
    reports = {name: ground.report(uuid.UUID(order["uuid"])) for name, order in orders.items()}
    placed = {name: ground.runs_of(token) for name, token in tokens.items()}
    return Told(before, answers, placed, ended, reports, ground.census())


def as_order(ground: Ground, bad: BadOrder) -> dict[str, Any]:
    fields: dict[str, Any] = {"user": bad.user, "group": bad.group}
    if bad.target is not None:
        fields["destination"] = {"type": bad.kind, "id": bad.id_in(ground)}
    return ground.order("whole.tif" if bad.group != "lab-a" else "bad input/whole.tif", **fields)


def as_words(ground: Ground, bad: BadOrder, token: uuid.UUID) -> list[str | bytes]:
    where = f"bad input {token}" if bad.target is None else f"id:{bad.id_in(ground)}"
    file = "whole.tif" if bad.group != "lab-a" else "bad input/whole.tif"
    return ["--as", bad.user, "--group", bad.group, f"--{bad.kind.lower()}", where, "--uuid", str(token), file]


@pytest.mark.parametrize("name", BAD_ORDERS)
def test_the_command_says_what_is_wrong_and_places_nothing(told: Told, name: str) -> None:
    answer = told.answers[name]
    assert answer.code == 1, answer
    assert BAD_ORDERS[name].says in answer.err
    assert len(answer.err.strip().splitlines()) >= 2, "what to do next is missing"
    assert "Traceback" not in answer.err
    assert told.placed_by_command[name] == []


@pytest.mark.parametrize("name", BAD_ORDERS)
def test_the_flow_refuses_what_comes_through_the_api(told: Told, name: str) -> None:
    state = told.runs[name].state
    assert state is not None and state.type is StateType.FAILED
    [outcome] = told.reports[name].files
    assert outcome.failure is not None
    assert outcome.failure.category is BAD_ORDERS[name].category
    assert BAD_ORDERS[name].says in outcome.failure.summary


def test_nothing_was_written(told: Told) -> None:
    assert told.after == told.before
