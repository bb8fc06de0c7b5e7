"""How an analysis run was carried out, as its results tell it: which version, container and jobs, and when."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.base import Contract, Moment


class RunFacts(Contract):
    """What is known only after the run was ordered.

    `version`: the workflow's, as the catalogue resolved it. `container`: the image as the catalogue names it, and its
    digest (None: the runtime could not say). `jobs`: Slurm's id of each array task by the task's number (`4711`,
    or `4711_3` in an array). `begun` and `ended`: when the run was ordered and when its job had ended.
    """

    version: Annotated[str, Field(min_length=1, max_length=128)]
    container: Annotated[str, Field(min_length=1, max_length=512)]
    container_digest: str | None = None
    jobs: Annotated[tuple[str, ...], Field(strict=False)] = ()
    begun: Moment
    ended: Moment

    def job_of(self, task: int) -> str | None:
        """The Slurm job of an array task; None when it is not known."""
        return self.jobs[task] if 0 <= task < len(self.jobs) else None
