"""What an analysis run did: how its tasks ended, and what its results became in OMERO."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.analysis_run import Workflow
from contracts.base import Contract, Token
from contracts.failures import Failure
from contracts.remote_run import RefusedResult
from contracts.run_results import FailedResult, Result
from contracts.slurm_job import Outcome, SubmittedJob, TaskVerdict
from contracts.staged_input import StagedInput


def analysis_report_key(run: Token) -> str:
    """Key of the artifact that holds the run's report."""
    return f"analysis-report-{run}"


class AnalysisReport(Contract):
    """The run's end. `failure`: why there are no tasks or no results at all; the rest is then empty or from before.

    `verdicts`: one for each task of the job. `refused`: files that the job wrote and that were not brought back;
    `failed`: results that did not get into OMERO. `sent` and `brought`: bytes to the cluster, and back.
    """

    uuid: Token
    workflow: Workflow
    version: str | None = None
    inputs: Annotated[tuple[StagedInput, ...], Field(strict=False)] = ()
    job: SubmittedJob | None = None
    verdicts: Annotated[tuple[TaskVerdict, ...], Field(strict=False)] = ()
    results: Annotated[tuple[Result, ...], Field(strict=False)] = ()
    refused: Annotated[tuple[RefusedResult, ...], Field(strict=False)] = ()
    failed: Annotated[tuple[FailedResult, ...], Field(strict=False)] = ()
    failure: Failure | None = None
    sent: Annotated[int, Field(ge=0)] = 0
    brought: Annotated[int, Field(ge=0)] = 0

    @property
    def good_tasks(self) -> int:
        return sum(verdict.outcome is Outcome.SUCCEEDED for verdict in self.verdicts)

    @property
    def succeeded(self) -> bool:
        """Whether every task and every result is well; anything less is a failed run that keeps what it has."""
        return (
            self.failure is None
            and bool(self.verdicts)
            and self.good_tasks == len(self.verdicts)
            and not self.refused
            and not self.failed
        )

    @property
    def awaited(self) -> Failure | None:
        """The first failure that says that somebody is away: the run has then not come to its end."""
        failures = [*([self.failure] if self.failure is not None else []), *(item.failure for item in self.failed)]
        return next((failure for failure in failures if failure.awaited is not None), None)

    @property
    def reason(self) -> Failure | None:
        """Why the run has not succeeded: of several failures the first, as the run went on."""
        found = [self.failure, *(verdict.failure for verdict in self.verdicts)]
        found += [item.failure for item in self.refused] + [item.failure for item in self.failed]
        return next((failure for failure in found if failure is not None), None)

    @property
    def summary(self) -> str:
        """One line for a list of runs."""
        if self.failure is not None and not self.verdicts:
            return self.failure.summary
        text = f"{self.good_tasks} of {len(self.verdicts)} tasks succeeded, {len(self.results)} results in OMERO"
        bad = len(self.refused) + len(self.failed)
        return text + (f", {bad} failed" if bad else "")
