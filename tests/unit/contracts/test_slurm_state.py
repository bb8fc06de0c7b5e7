"""Every word of Slurm's has a meaning, and a word that is not Slurm's has none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.slurm_state import ENDLESS_REASONS, JobPhase, JobState, endless_reason, parse_state

#: "JOB STATE CODES" of squeue(1), sacct(1) and scontrol's job_states, 22.05 to 25.05.
MANUAL = re.findall(
    r"\w+",
    """BOOT_FAIL CANCELLED COMPLETED COMPLETING CONFIGURING DEADLINE EXPEDITING FAILED LAUNCH_FAILED NODE_FAIL
    OUT_OF_MEMORY PENDING POWER_UP_NODE PREEMPTED RECONFIG_FAIL REQUEUED REQUEUE_FED REQUEUE_HOLD RESIZING
    RESV_DEL_HOLD REVOKED RUNNING SIGNALING SPECIAL_EXIT STAGE_OUT STOPPED SUSPENDED TIMEOUT UPDATE_DB""",
)


def test_the_manuals_words_are_all_there_and_each_has_a_phase() -> None:
    assert {state.value for state in JobState} == {*MANUAL, "UNRECOGNISED"}
    assert all(isinstance(state.phase, JobPhase) for state in JobState)
    assert [state for state in JobState if state.phase is JobPhase.UNKNOWN] == [JobState.UNRECOGNISED]


@pytest.mark.parametrize("word", MANUAL)
def test_a_word_is_read_back_however_a_column_shows_it(word: str) -> None:
    for text in (word, word.lower(), f"{word}+", f"{word} by 1000", f" {word} "):
        assert parse_state(text) is JobState[word], text


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("CANCELLED by 1000", JobState.CANCELLED),
        ("OUT_OF_ME+", JobState.OUT_OF_MEMORY),
        ("REQUEUE_H+", JobState.REQUEUE_HOLD),
        ("COMPLETIN+", JobState.COMPLETING),
        ("CONFIGURI+", JobState.CONFIGURING),
        ("COMPLETED,COMPLETING", JobState.COMPLETING),
        ("PENDING,SPECIAL_EXIT", JobState.PENDING),
        ("RUNNING,STAGE_OUT", JobState.RUNNING),
        ("REQUEUE_+", JobState.UNRECOGNISED),
        ("COMPL+", JobState.UNRECOGNISED),
        ("OUT_OF_ME", JobState.UNRECOGNISED),
        ("DONE", JobState.UNRECOGNISED),
        ("UNRECOGNISED", JobState.UNRECOGNISED),
        ("COMPLETED,NEW_IN_2027", JobState.UNRECOGNISED),
        ("", JobState.UNRECOGNISED),
        ("+", JobState.UNRECOGNISED),
    ],
)
def test_what_is_not_certain_is_not_guessed(text: str, state: JobState) -> None:
    assert parse_state(text) is state


@given(st.text(max_size=30))
def test_no_text_is_taken_for_an_end_but_slurms_words(text: str) -> None:
    state = parse_state(text)
    if state.phase is JobPhase.ENDED:
        assert any(text.strip().upper().startswith(word[:8]) for word in MANUAL)


@pytest.mark.parametrize("reason", ENDLESS_REASONS)
def test_reasons_that_never_end_are_told(reason: str) -> None:
    for text in (reason, f"({reason})", reason.replace(" ", "_")):
        assert endless_reason(text) == ENDLESS_REASONS[reason]


@pytest.mark.parametrize("reason", ["Priority", "Resources", "BeginTime", "None", "", "ReqNodeNotAvail", "Dependency"])
def test_reasons_that_end_by_themselves_are_not(reason: str) -> None:
    assert endless_reason(reason) is None
