"""How a run stands, in words; no state of Prefect is without them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from omero_ui.prefect_api.answers import State, StateType
from omero_ui.runs.standing import Look, standing_of
from omero_ui.templatetags.omero_flows import duration

FOREIGN = ("flow", "deployment", "work pool", "suspended", "crashed")


def state(kind: StateType, name: str | None = None) -> State:
    return State(type=kind, name=name or kind.value.title(), timestamp=datetime.now(UTC))


@pytest.mark.parametrize("kind", StateType)
def test_every_state_has_words_that_are_not_prefects(kind: StateType) -> None:
    standing = standing_of(state(kind))
    assert standing.words
    assert not any(word in standing.words.lower() for word in FOREIGN)
    # A crashed run is started again by itself.
    assert standing.is_final is (kind.is_final and kind is not StateType.CRASHED)


def test_a_run_that_waits_for_the_cluster_says_so() -> None:
    standing = standing_of(state(StateType.PAUSED, "Suspended"))
    assert (standing.look, standing.words) == (Look.WAITING, "Waiting for the cluster")
    away = standing_of(state(StateType.SCHEDULED, "Waiting for OMERO"))
    assert (away.look, away.words) == (Look.WAITING, "Waiting for OMERO, which is away")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (0.2, "0 s"),
        (59.4, "59 s"),
        (59.9, "1 min"),
        (3599, "1 h 0 min"),
        (3600 * 5 + 120, "5 h 2 min"),
        (86400 * 3 + 3600 * 4, "3 d 4 h"),
    ],
)
def test_durations(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said
