"""What the watcher of a cluster must know of a run that waits, and what it tells about it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.base import Contract, Moment, Token
from contracts.slurm_job import SubmittedJob

#: A run that waits carries this tag and the cluster's block name behind it.
CLUSTER_TAG = "cluster:"


def waiting_key(token: Token) -> str:
    """Key of the artifact that holds the run's job while it waits."""
    return f"analysis-job-{token}"


def news_key(token: Token) -> str:
    """Key of the artifact that tells people how the job stands."""
    return f"analysis-queue-{token}"


class WaitingJob(Contract):
    """What a run that waits says of itself: its job, and when it is to be resumed.

    `look_again` None: as soon as the job has ended. Otherwise the job seemed to have ended and nobody could tell how
    when the run last looked: it is resumed at that moment, and not before.
    """

    job: SubmittedJob
    look_again: Moment | None = None


class JobStanding(Contract):
    """How a run's job stands, for people: counts of its tasks, why the first that waits does, when it may begin.

    `progress`: 0 to 1, as the logs of the running tasks say it; None when they say nothing. `stuck`: why nothing of it
    goes on unless somebody does something, and `stuck_since` when that was first seen. `look_again`: it has left the
    queue, and nobody can tell how it ended; when somebody looks again.
    """

    job: SubmittedJob
    waiting: Annotated[int, Field(ge=0)] = 0
    running: Annotated[int, Field(ge=0)] = 0
    ended: Annotated[int, Field(ge=0)] = 0
    reason: str = ""
    starts: Moment | None = None
    stuck: str | None = None
    stuck_since: Moment | None = None
    look_again: Moment | None = None
    progress: Annotated[float, Field(ge=0, le=1)] | None = None

    @property
    def summary(self) -> str:
        """One line: `Slurm job 4711: 2 running, 3 waiting (Resources, starts about 14:20 UTC), 40 % ...`."""
        if self.look_again is not None:
            return (
                f"Slurm job {self.job.number}: not in the queue any more, and nobody can tell yet how it ended;"
                f" it is looked for again at {self.look_again:%H:%M} UTC"
            )
        parts = []
        if self.running:
            parts.append(f"{self.running} running")
        if self.waiting:
            why = [part for part in (self.stuck or self.reason, self._about()) if part]
            parts.append(f"{self.waiting} waiting" + (f" ({', '.join(why)})" if why else ""))
        if self.ended:
            parts.append(f"{self.ended} ended")
        if self.progress is not None:
            parts.append(f"{round(100 * self.progress)} % of what runs is done")
        text = f"Slurm job {self.job.number}: " + (", ".join(parts) or "not in the queue any more")
        return text if self.stuck is None else f"{text}. {self._what_to_do()}"

    def _about(self) -> str:
        return "" if self.starts is None else f"starts about {self.starts:%H:%M} UTC"

    def _what_to_do(self) -> str:
        since = "" if self.stuck_since is None else f" So since {self.stuck_since:%d %b %H:%M} UTC."
        return f"It does not begin by itself: let the cluster's administrators see to it, or cancel the run.{since}"
