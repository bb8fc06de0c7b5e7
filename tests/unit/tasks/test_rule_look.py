"""Which images are new to a rule, and how they are put into runs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.client.schemas.objects import FlowRun, State, StateType

from contracts.analysis_run import Workflow
from contracts.batch.analysis_rule import AnalysisRule
from contracts.batch.rule_report import RunStanding
from tasks.crash_limit import MOST_RUNS
from tasks.rule_inputs import Piece
from tasks.rule_look import PieceStanding, judge_pieces
from tasks.rule_planning import name_pieces, run_of, split_pieces
from tasks.rule_runs import PlacedByRule, standing_of

RULE = AnalysisRule(user="alice", group="lab-a", workflow=Workflow(name="nuclei"), datasets=(1,))
STATES = {
    RunStanding.UNDER_WAY: StateType.PAUSED,
    RunStanding.SUCCEEDED: StateType.COMPLETED,
    RunStanding.FAILED: StateType.FAILED,
    RunStanding.CANCELLED: StateType.CANCELLED,
}


def flow_run(kind: StateType, count: int = 1, age: timedelta = timedelta()) -> FlowRun:
    state = State[object](type=kind, timestamp=datetime.now(UTC) - age)
    return FlowRun(flow_id=uuid.uuid4(), run_count=count, state=state)


def placed(standing: RunStanding, images: Sequence[int] = (), plates: Sequence[int] = ()) -> PlacedByRule:
    return PlacedByRule(flow_run(STATES[standing]), RULE.make_run(images, plates), standing)


def image(id: int) -> Piece:
    return Piece((id,))


def test_how_images_stand() -> None:
    runs = [
        placed(RunStanding.FAILED, [1, 2, 3, 4]),
        placed(RunStanding.SUCCEEDED, [2, 3]),
        placed(RunStanding.UNDER_WAY, [3]),
        placed(RunStanding.CANCELLED, [5]),
        placed(RunStanding.FAILED, plates=[70]),
    ]
    plate, other = Piece((71, 72), plate=70), Piece((81, 82), plate=80)
    pieces = [*map(image, range(1, 9)), plate, other]
    standings = judge_pieces(pieces, runs, results={8}, taken={1, 6, 8, 82})
    assert {piece.key: standing for piece, standing in standings.items()} == {
        ("Image", 1): PieceStanding.FAILED,  # its run used it, and did not succeed
        ("Image", 2): PieceStanding.DONE,
        ("Image", 3): PieceStanding.UNDER_WAY,
        ("Image", 4): PieceStanding.FAILED,
        ("Image", 5): PieceStanding.FAILED,
        ("Image", 6): PieceStanding.DONE,  # its run is gone from Prefect's history
        ("Image", 7): PieceStanding.NEW,
        ("Image", 8): PieceStanding.RESULT,
        ("Plate", 70): PieceStanding.FAILED,
        ("Plate", 80): PieceStanding.DONE,
    }


@given(
    st.sets(st.integers(1, 12)),
    st.lists(st.tuples(st.sampled_from(RunStanding), st.sets(st.integers(1, 12), min_size=1)), max_size=5),
    st.sets(st.integers(1, 12)),
    st.sets(st.integers(1, 12)),
)
def test_new_is_what_nothing_speaks_of(
    images: set[int], taken_by: list[tuple[RunStanding, set[int]]], results: set[int], taken: set[int]
) -> None:
    runs = [placed(standing, sorted(some)) for standing, some in taken_by]
    standings = judge_pieces(map(image, sorted(images)), runs, results=results, taken=taken)
    known = results.union(taken, *(some for _, some in taken_by))
    new = {piece.images[0] for piece, standing in standings.items() if standing is PieceStanding.NEW}
    assert new == images - known


@pytest.mark.parametrize(
    ("run", "standing"),
    [
        (flow_run(StateType.SCHEDULED), RunStanding.UNDER_WAY),
        (flow_run(StateType.RUNNING), RunStanding.UNDER_WAY),
        (flow_run(StateType.PAUSED), RunStanding.UNDER_WAY),
        (flow_run(StateType.CANCELLING), RunStanding.UNDER_WAY),
        (flow_run(StateType.CRASHED), RunStanding.UNDER_WAY),
        (flow_run(StateType.CRASHED, count=MOST_RUNS), RunStanding.FAILED),
        (flow_run(StateType.CRASHED, age=timedelta(days=8)), RunStanding.FAILED),
        (flow_run(StateType.COMPLETED), RunStanding.SUCCEEDED),
        (flow_run(StateType.FAILED), RunStanding.FAILED),
        (flow_run(StateType.CANCELLED), RunStanding.CANCELLED),
    ],
)
def test_how_a_run_stands(run: FlowRun, standing: RunStanding) -> None:
    assert standing_of(run) is standing


_PIECES = st.lists(st.tuples(st.booleans(), st.integers(1, 6)), max_size=30)


@given(_PIECES, st.integers(1, 8))
def test_every_piece_is_in_one_run(drawn: list[tuple[bool, int]], most: int) -> None:
    pieces = [
        Piece(tuple(range(100 * number, 100 * number + count)), plate=number) if is_plate else image(100 * number)
        for number, (is_plate, count) in enumerate(drawn)
    ]
    parts = list(split_pieces(pieces, most))
    assert sorted(piece.key for part in parts for piece in part) == sorted(piece.key for piece in pieces)
    for part in parts:
        assert len({piece.plate is None for piece in part}) == 1
        assert len(part) == 1 or sum(len(piece.images) for piece in part) <= most
    assert len({run_of(RULE, part).uuid for part in parts}) == len(parts)


def test_what_could_not_be_placed_is_named() -> None:
    assert name_pieces([image(5)]) == "Image 5"
    assert name_pieces([image(id) for id in range(5)]) == "Image 0, Image 1, Image 2 and 2 more"
