"""A user's work that imports images to one place: an order's, or the result images of an analysis run."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

from blocks.image_storage import ImageStorage
from blocks.omero_server import OmeroServer
from blocks.omero_session import OmeroSession
from contracts.destination import Destination
from tasks.destinations import find_or_create
from tasks.order_lock import destination_lock_path, hold
from tasks.user_work import UserWork


class ImportWork(UserWork):
    """What an in-place import needs: under which token, to where, and whether every byte is hashed.

    `target` is the Dataset or Screen, once `target_lock`'s holder has found or made it.
    """

    def __init__(
        self,
        token: UUID,
        destination: Destination,
        server: OmeroServer,
        session: OmeroSession,
        storage: ImageStorage,
        *,
        hash_sources: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        super().__init__(token, server, session, storage, stop=stop)
        self.destination = destination
        self.hash_sources = hash_sources
        self.target: Any = None
        self.target_lock = threading.Lock()

    def find_target(self, log: Any) -> Any:
        """The Dataset or Screen, looked up once in a process; its lock keeps two orders from making two."""
        with self.target_lock:
            if self.target is None:
                path = destination_lock_path(self.storage.folder(self.group), self.session.user, self.destination)
                with hold(path, stopped=self.stop.is_set, log=log):
                    self.target = find_or_create(self.session, self.destination)
            return self.target
