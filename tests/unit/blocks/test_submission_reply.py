"""What sbatch says. The messages are those of a real sbatch 22.05, or of Slurm's list of errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.submission_reply import Refusal, classify_refusal, job_number, refused
from contracts.failures import FailureCategory


@pytest.mark.parametrize(
    ("printed", "number"),
    [
        ("12345\n", (12345, None)),
        ("12345;cluster-2\n", (12345, "cluster-2")),
        ("Submitted batch job 12345\n", (12345, None)),
        ("Submitted batch job 12345 on cluster snellius\n", (12345, "snellius")),
        ("Your budget is 42 hours\n12345\nHave a nice day\n", (12345, None)),
        ("", None),
        ("0\n", None),
        ("sbatch: error: Batch job submission failed: Invalid partition name specified", None),
        ("12345; rm -rf /\n", None),
        ("12345 67890\n", None),
    ],
)
def test_the_number_is_found(printed: str, number: tuple[int, str | None] | None) -> None:
    assert job_number(printed) == number


@given(st.integers(1, 10**9), st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True))
def test_every_number_that_sbatch_can_print_is_found(number: int, cluster: str | None) -> None:
    assert job_number(f"hello\n{number}{'' if cluster is None else f';{cluster}'}\n") == (number, cluster)


FAILED = "sbatch: error: Batch job submission failed: "


@pytest.mark.parametrize(
    ("reply", "refusal"),
    [
        (f"sbatch: error: invalid partition specified: x\n{FAILED}Invalid partition name specified", Refusal.PERMANENT),
        (FAILED + "Invalid account or account/partition combination specified", Refusal.PERMANENT),
        (FAILED + "Invalid qos specification", Refusal.PERMANENT),
        (FAILED + "Invalid job array specification", Refusal.PERMANENT),
        (FAILED + "Invalid feature specification", Refusal.PERMANENT),
        (FAILED + "Invalid license specification", Refusal.PERMANENT),
        (FAILED + "Invalid node name specified", Refusal.PERMANENT),
        (FAILED + "Requested reservation is invalid", Refusal.PERMANENT),
        (FAILED + "Requested time limit is invalid (missing or exceeds some limit)", Refusal.PERMANENT),
        (FAILED + "Requested node configuration is not available", Refusal.PERMANENT),
        (FAILED + "Node count specification invalid", Refusal.PERMANENT),
        (FAILED + "Access/permission denied", Refusal.PERMANENT),
        (FAILED + "User's group not permitted to use this partition", Refusal.PERMANENT),
        (FAILED + "More processors requested than permitted", Refusal.PERMANENT),
        (
            FAILED + "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)",
            Refusal.PERMANENT,
        ),
        ("sbatch: error: Memory specification can not be satisfied", Refusal.PERMANENT),
        ("sbatch: error: Invalid --time specification", Refusal.PERMANENT),
        ("sbatch: error: Invalid generic resource (gres) specification", Refusal.PERMANENT),
        ("sbatch: unrecognized option '--bogus'", Refusal.PERMANENT),
        ("sbatch: fatal: --mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive.", Refusal.PERMANENT),
        ("timeout: failed to run command 'sbatch': No such file or directory", Refusal.PERMANENT),
        (FAILED + "Unable to contact slurm controller (connect failure)", Refusal.NOT_NOW),
        (FAILED + "Slurm backup controller in standby mode", Refusal.NOT_NOW),
        (FAILED + "Slurm temporarily unable to accept job, sleeping and retrying", Refusal.NOT_NOW),
        (FAILED + "I/O error writing script/environment to file", Refusal.NOT_NOW),
        (FAILED + "Socket timed out on send/recv operation", Refusal.DOUBT),
        (FAILED + "Zero Bytes were transmitted or received", Refusal.DOUBT),
        (FAILED + "Unspecified error", Refusal.DOUBT),
        ("", Refusal.DOUBT),
    ],
)
def test_each_refusal_has_its_decision(reply: str, refusal: Refusal) -> None:
    assert classify_refusal(reply) is refusal
    category = {
        Refusal.PERMANENT: FailureCategory.JOB_REFUSED,
        Refusal.NOT_NOW: FailureCategory.SCHEDULER_UNAVAILABLE,
        Refusal.DOUBT: FailureCategory.SUBMISSION_IN_DOUBT,
    }[refusal]
    failure = refused(reply).failure
    assert failure.category is category and failure.detail == reply
    assert failure.retryable is (refusal is not Refusal.PERMANENT)


@given(st.text())
def test_what_nobody_knows_is_a_doubt_and_never_certain(reply: str) -> None:
    from blocks.submission_reply import REFUSALS

    if not any(words in reply.lower() for words in REFUSALS):
        assert classify_refusal(reply) is Refusal.DOUBT
