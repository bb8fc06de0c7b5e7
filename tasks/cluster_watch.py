"""One login to a cluster, kept while it is watched, and the pace at which Slurm is asked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from uuid import UUID

from blocks.cancellation import cancel
from blocks.job_log import read_tails
from blocks.job_queue import JobNews, ask_about
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from contracts.slurm_job import AttemptNumber, Task
from contracts.slurm_state import JobPhase
from contracts.waiting_job import JobStanding
from tasks.job_deadlines import is_given_up
from tasks.job_standing import stand_of
from tasks.waiting_runs import WaitingRun

#: Logs of running tasks that are read in one interval, for their progress.
MOST_LOGS = 200
#: A job that waits has its interval grow by this much each time nothing has changed.
SLOWER = 1.5


class ClusterWatch:
    """Asks about all jobs at once. The interval is the block's shortest after any change or new job, and grows to its
    longest while nothing happens.
    """

    def __init__(self, cluster: SlurmCluster) -> None:
        self._cluster = cluster
        self._login: SshConnection | None = None
        self._interval = cluster.poll_seconds_least
        self._asked = 0.0
        self._seen: frozenset[tuple[UUID, AttemptNumber]] = frozenset()
        self._standings: tuple[JobStanding, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._log_out()

    def is_due(self, waiting: Sequence[WaitingRun]) -> bool:
        """Whether it is time to ask about these; a new job is asked about after the shortest interval."""
        if not waiting:
            return False
        if not _jobs_of(waiting) <= self._seen:
            self._interval = self._cluster.poll_seconds_least
        return time.monotonic() - self._asked >= self._interval

    def ask(self, waiting: Sequence[WaitingRun]) -> list[tuple[WaitingRun, JobStanding, bool]]:
        """Each run with how its job stands and whether it is to go on: one squeue, one sacct at most, one look at logs.

        A job of which nobody could tell how it ended counts as ended when its run wants to look again.

        Raises:
            FailureError: SCHEDULER_UNAVAILABLE, CLUSTER_UNREACHABLE, CLUSTER_REFUSED; the login is then given up.
        """
        self._asked = time.monotonic()
        self._seen = _jobs_of(waiting)
        try:
            connection = self._log_in()
            news = ask_about(self._cluster, connection, [run.job for run in waiting])
            logs = self._read_logs(connection, news)
        except BaseException:
            self._log_out()
            raise
        found = [_stand(run, one, logs.get(run.job.token, {})) for run, one in zip(waiting, news, strict=True)]
        self._set_pace(tuple(standing for _, standing, _ in found))
        return found

    def cancel(self, run: WaitingRun) -> None:
        """End the job of a run that was cancelled.

        Raises:
            FailureError: SCHEDULER_UNAVAILABLE, CLUSTER_UNREACHABLE, CLUSTER_REFUSED.
        """
        cancel(self._cluster, self._log_in(), run.job.token, run.job)

    def gives_up(self, standing: JobStanding) -> bool:
        """Whether the job has been stuck for longer than the block allows."""
        return is_given_up(self._cluster, standing, datetime.now(UTC))

    def _set_pace(self, standings: tuple[JobStanding, ...]) -> None:
        changed = standings != self._standings
        self._standings = standings
        slower = min(self._interval * SLOWER, self._cluster.poll_seconds_most)
        self._interval = self._cluster.poll_seconds_least if changed else slower

    def _read_logs(self, connection: SshConnection, news: Sequence[JobNews]) -> dict[UUID, dict[Task, str]]:
        """The ends of the logs of running tasks, by run and task. Numbers of jobs come again after a reset of Slurm."""
        tasks = [(one.job, row.task or 0) for one in news for row in one.queued if row.phase is JobPhase.RUNNING][
            :MOST_LOGS
        ]
        logs: dict[UUID, dict[Task, str]] = {}
        for (token, _, task), text in read_tails(self._cluster, connection, tasks).items():
            logs.setdefault(token, {})[task] = text
        return logs

    def _log_in(self) -> SshConnection:
        if self._login is None:
            self._login = self._cluster.connect().__enter__()
        return self._login

    def _log_out(self) -> None:
        login, self._login = self._login, None
        if login is not None:
            login.__exit__(None, None, None)


def _jobs_of(waiting: Sequence[WaitingRun]) -> frozenset[tuple[UUID, AttemptNumber]]:
    return frozenset((run.job.token, run.job.attempt) for run in waiting)


def _stand(run: WaitingRun, news: JobNews, logs: Mapping[Task, str]) -> tuple[WaitingRun, JobStanding, bool]:
    standing = stand_of(news, logs)
    if not news.ended or run.cancelled or run.look_again is None:
        return run, standing, news.ended
    return run, standing.model_copy(update={"look_again": run.look_again}), datetime.now(UTC) >= run.look_again
