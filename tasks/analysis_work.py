"""What the tasks of one analysis run share inside one process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.analysis_run import AnalysisRun
from contracts.run_facts import RunFacts
from contracts.run_plan import RunPlan
from contracts.slurm_job import SubmittedJob
from contracts.staged_input import StagedInput
from tasks.order_run import load_block, load_blocks
from tasks.result_run import ResultRun
from tasks.user_work import UserWork

#: Names of the blocks that `omero-flows deploy` makes.
CLUSTER_BLOCK = CATALOGUE_BLOCK = "omero-flows"


class AnalysisWork(UserWork):
    """One run with the outside systems it needs. Not a value: never stored, never hashed."""

    def __init__(
        self,
        run: AnalysisRun,
        server: OmeroServer,
        session: OmeroSession,
        storage: ImageStorage,
        cluster: SlurmCluster,
        catalogue: WorkflowCatalogue,
    ) -> None:
        super().__init__(run.uuid, server, session, storage)
        self.run = run
        self._cluster = cluster
        self.catalogue = catalogue
        self._scratch: str | None = None
        self._submitted: SubmittedJob | None = None
        self._login: SshConnection | None = None
        self._login_lock = threading.Lock()

    @property
    def cluster(self) -> SlurmCluster:
        """The cluster, with the scratch folder in which this run has its own."""
        return self._cluster.at(self._scratch)

    def keep_to(self, plan: RunPlan) -> None:
        """Stay in the folder for which the run was planned: an administrator may have named another one since."""
        self._scratch = plan.scratch

    @contextlib.contextmanager
    def connection(self) -> Iterator[SshConnection]:
        """The run's one login; steps that follow one another in a process share it. Used by one step at a time.

        A login that failed in a step is closed, so that the step's repetition begins with a new one.

        Raises:
            FailureError: CLUSTER_UNREACHABLE, CLUSTER_REFUSED_LOGIN, HOST_KEY_CHANGED.
        """
        with self._login_lock:
            if self._login is None:
                self._login = self.cluster.connect(stopped=self.stop.is_set).__enter__()
            try:
                yield self._login
            except BaseException:
                self.log_out()
                raise

    def note_submission(self, job: SubmittedJob) -> None:
        """This process has just submitted the job."""
        self._submitted = job

    def has_just_submitted(self, job: SubmittedJob) -> bool:
        """Whether this very process submitted the job: then nobody needs to ask whether it has ended."""
        return self._submitted == job

    def log_out(self) -> None:
        """End the login, if there is one."""
        login, self._login = self._login, None
        if login is not None:
            login.__exit__(None, None, None)

    def results(self, facts: RunFacts, inputs: tuple[StagedInput, ...]) -> ResultRun:
        """The same run, as the tasks see it that bring its results into OMERO."""
        return ResultRun(self.run, facts, inputs, self.server, self.session, self.storage, stop=self.stop)


@dataclass(frozen=True)
class AnalysisSite:
    """The site's blocks that analyses need."""

    server: OmeroServer
    storage: ImageStorage
    cluster: SlurmCluster
    catalogue: WorkflowCatalogue

    def work(self, run: AnalysisRun, session: OmeroSession) -> AnalysisWork:
        """A run, in its user's session."""
        return AnalysisWork(run, self.server, session, self.storage, self.cluster, self.catalogue)


async def load_site() -> AnalysisSite:
    """
    Raises:
        FailureError: NOT_CONFIGURED.
    """
    server, storage = await load_blocks()
    cluster = await load_block(SlurmCluster, CLUSTER_BLOCK)
    return AnalysisSite(server, storage, cluster, await load_block(WorkflowCatalogue, CATALOGUE_BLOCK))


@asynccontextmanager
async def begin_run(run: AnalysisRun) -> AsyncIterator[AnalysisWork]:
    """Load the blocks and begin; sessions and logins open at first use and end with the process's part of the run.

    Raises:
        FailureError: NOT_CONFIGURED.
    """
    site = await load_site()
    with site.server.as_user(run.user, run.group) as session:
        work = site.work(run, session)
        try:
            yield work
        finally:
            work.stop.set()
            work.log_out()
