"""What the tasks that bring a run's results into OMERO share inside one process."""

from __future__ import annotations

import threading
import uuid

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from contracts.analysis_run import AnalysisRun
from contracts.destination import Destination
from contracts.run_facts import RunFacts
from contracts.run_results import ResultKind
from contracts.staged_input import StagedInput
from tasks.import_work import ImportWork
from tasks.user_work import UserWork


def result_token(run: uuid.UUID, kind: ResultKind, path: str) -> str:
    """One short name for one thing that one result of a run becomes: a version-5 UUID in the run's own namespace."""
    return str(uuid.uuid5(run, f"{kind.value}\0{path}"))


class ResultRun(UserWork):
    """One run whose results are here, with the outside systems they go to. Not a value: never stored, never hashed."""

    def __init__(
        self,
        run: AnalysisRun,
        facts: RunFacts,
        staged: tuple[StagedInput, ...],
        server: OmeroServer,
        session: OmeroSession,
        storage: ImageStorage,
        *,
        stop: threading.Event | None = None,
    ) -> None:
        super().__init__(run.uuid, server, session, storage, stop=stop)
        self.run = run
        self.facts = facts
        self.staged = staged
        self._importers: dict[Destination, ImportWork] = {}
        self._lock = threading.Lock()

    def importer(self, destination: Destination) -> ImportWork:
        """The import of result images to a place; one for each place, so that a place by name is made once."""
        with self._lock:
            if destination not in self._importers:
                self._importers[destination] = ImportWork(
                    self.token, destination, self.server, self.session, self.storage, stop=self.stop
                )
            return self._importers[destination]
