"""An analysis run with everything settled: made once, before the first byte is sent, and kept with the run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.base import Contract, Token
from contracts.cluster_path import ClusterPath
from contracts.job_request import ImagePath, JobRequest, JobResources
from contracts.sbatch_options import SbatchOptions
from contracts.slurm_job import AttemptNumber, Tasks
from contracts.staged_input import StagedInput
from contracts.staging_plan import StagingPlan


class RunPlan(Contract):
    """What a run stages and submits.

    `version` and `container` are the workflow's as the catalogue resolved them; `image` is the container's file on the
    cluster, below its folder of images. `arguments` are what the workflow is given, each one word. A run that is
    started again after a change of the catalogue goes on with this plan. `read_only`: folders of the cluster that the
    inputs' links lead into. `scratch`: the cluster's folder in which the run has its own, whatever the block says
    later; None in plans of before it was kept.
    """

    token: Token
    version: str
    container: str
    image: ImagePath
    staging: StagingPlan
    arguments: Annotated[tuple[str, ...], Field(strict=False)]
    resources: JobResources
    options: SbatchOptions = {}
    read_only: Annotated[tuple[ClusterPath, ...], Field(strict=False)] = ()
    scratch: ClusterPath | None = None

    @property
    def inputs(self) -> tuple[StagedInput, ...]:
        return self.staging.staged_inputs

    @property
    def tasks(self) -> Tasks:
        """All tasks of the job, from 0."""
        return tuple(range(self.staging.tasks))

    def request(self, attempt: AttemptNumber, tasks: Tasks) -> JobRequest:
        """The job of one attempt, for those tasks alone."""
        return JobRequest(
            token=self.token,
            attempt=attempt,
            tasks=tasks,
            image=self.image,
            reference=self.container,
            arguments=self.arguments,
            resources=self.resources,
            options=self.options,
            read_only=self.read_only,
        )
