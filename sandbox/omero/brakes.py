"""Brakes: a test lets the embedded OMERO stop at an exact point, and strikes while it stands there.

A point is a call, `<Interface>.<operation>.before` (nothing is done yet) and `.after` (done and committed, the answer
is held back), or a step of the import itself, `Import.<step>.before`. To set a brake, make an empty file of that name
in `<home>/brakes`. The first call that gets there takes the brake by renaming the file to `<point>.reached`, and stands
until that file is removed; all later calls pass, and so does whatever else goes on in the session that stands: an
import runs on while the answer to `verifyUpload` is held back, and would take a second brake. No brake folder, no
brakes: then each call costs one failed rename.
"""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

log = logging.getLogger("sandbox.omero.brakes")

#: Seconds between two looks at whether a brake was released.
GLANCE = 0.02


class Brakes:
    """The brakes of one server. Whoever stands at one holds no lock and no transaction."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._standing: set[str] = set()
        self._lock = threading.Lock()

    def stand(self, point: str, session: str | None) -> None:
        """Stand at a point if a brake is set there, until it is released. `session`: the uuid of whose call it is."""
        if not self._take(point, session):
            return
        log.warning("session %s stands at the brake %s", session, point)
        reached = self._reached(point)
        while reached.exists():
            time.sleep(GLANCE)
        with self._lock:
            self._standing.discard(str(session))
        log.warning("the brake %s is released", point)

    def _take(self, point: str, session: str | None) -> bool:
        with self._lock:
            if session in self._standing:
                return False
            try:
                (self.folder / point).rename(self._reached(point))
            except FileNotFoundError:
                return False
            self._standing.add(str(session))
            return True

    def _reached(self, point: str) -> Path:
        return self.folder / f"{point}.reached"
