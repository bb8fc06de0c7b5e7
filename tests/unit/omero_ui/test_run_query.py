"""What a list is narrowed to: read from the address, asked of Prefect, and never wider than what is visible."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from contracts.failures import FailureCategory, FailureError
from contracts.run_tags import RunKind
from omero_ui.runs.query import Since, as_filter, read_query
from omero_ui.runs.standing import Look
from omero_ui.visitor import Visitor, VisitorGroup

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
ALICE = Visitor(
    id=2,
    name="alice",
    full_name="Alice Arber",
    is_admin=False,
    groups=(VisitorGroup(id=3, name="lab-a", permissions="rwr---", owned=False, members_readable=True),),
)
ROOT = Visitor(id=0, name="root", full_name="root", is_admin=True, groups=())


def test_the_address_of_a_list_says_the_same_again() -> None:
    given = {"text": "siRNA 7 & more", "kind": "analysis", "state": "failed", "workflow": "nuclei", "since": "30d"}
    query = read_query(given | {"mine": "yes", "page": "3", "foreign": "x"})
    assert (query.kind, query.state, query.since, query.mine, query.page) == (
        RunKind.ANALYSIS, Look.FAILED, Since.MONTH, True, 3
    )  # fmt: skip
    assert read_query(dict(query.as_fields())) == query
    assert read_query({}).address() == ""
    assert read_query({"page": "3"}).address(page=1) == ""


@pytest.mark.parametrize(
    "given",
    [{"kind": "x"}, {"state": "done' or 1=1"}, {"since": "2y"}, {"page": "0"}, {"page": "9" * 30}, {"page": "a"},
     {"workflow": "../../etc"}, {"text": "x" * 201}],
)  # fmt: skip
def test_what_no_menu_offers_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(FailureError) as raised:
        read_query(given)
    assert raised.value.failure.category is FailureCategory.BAD_REQUEST


def test_prefect_is_asked_for_visible_runs_alone_whatever_is_searched() -> None:
    token = str(uuid.uuid4())
    for given in ({}, {"text": token}, {"text": "a"}, {"mine": "yes"}, {"workflow": "nuclei", "since": "ever"}):
        assert as_filter(read_query(given), ALICE, NOW)["tags"]["any_"] == ["user:alice", "group:lab-a"]
        assert "any_" not in as_filter(read_query(given), ROOT, NOW)["tags"]


def test_only_an_admins_list_reaches_batches() -> None:
    wanted = as_filter(read_query({"kind": "batch"}), ALICE, NOW)["tags"]
    assert wanted == {"all_": ["omero-flows", "kind:batch"], "any_": ["user:alice", "group:lab-a"]}
    wanted = as_filter(read_query({"kind": "batch"}), ROOT, NOW)["tags"]
    assert wanted == {"all_": ["omero-flows-housekeeping", "kind:batch"]}


def test_a_token_is_found_however_old_and_whatever_its_state() -> None:
    token = str(uuid.uuid4())
    wanted = as_filter(read_query({"text": f" {token} "}), ALICE, NOW)
    assert wanted["idempotency_key"] == {"any_": [token]}
    assert "expected_start_time" not in wanted


def test_what_is_typed_has_no_wildcards() -> None:
    wanted = as_filter(read_query({"text": "50%_a\\b"}), ALICE, NOW)
    assert wanted["name"] == {"like_": "50\\%\\_a\\\\b"}
