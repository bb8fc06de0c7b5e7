"""How one attempt of a run ended on the cluster, and which of its files are here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.base import Contract, Moment
from contracts.remote_run import RefusedResult
from contracts.run_results import ResultFile
from contracts.slurm_job import Outcome, SubmittedJob, Tasks, TaskVerdict


class BroughtBack(Contract):
    """Kept beside the files in the group's image storage, written when all of them had arrived: with it, the cluster
    need not be asked again.
    """

    job: SubmittedJob
    judged: Moment
    verdicts: Annotated[tuple[TaskVerdict, ...], Field(strict=False)]
    files: Annotated[tuple[ResultFile, ...], Field(strict=False)] = ()
    refused: Annotated[tuple[RefusedResult, ...], Field(strict=False)] = ()

    @property
    def failed_tasks(self) -> Tasks:
        """The tasks that another attempt would do."""
        return tuple(verdict.task for verdict in self.verdicts if verdict.outcome is not Outcome.SUCCEEDED)
