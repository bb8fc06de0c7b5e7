"""Brakes: a test lets the embedded OMERO stop at an exact point, and strikes while it stands there.

A point is a call, `<Interface>.<operation>.before` (nothing is done yet) and `.after` (done and committed, the answer
is held back), or a step of the import itself, `Import.<step>.before`. To set a brake, make an empty file of that name
in `<home>/brakes`. The first call that gets there takes the brake by renaming the file to `<point>.reached`, and stands
until that file is removed; all later calls pass. No brake folder, no brakes: then each call costs one failed rename.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path

log = logging.getLogger("sandbox.omero.brakes")

#: Seconds between two looks at whether a brake was released.
GLANCE = 0.02


class Brakes:
    """The brakes of one server. Whoever stands at one holds no lock and no transaction."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stand(self, point: str) -> None:
        """Stand at a point if a brake is set there, until it is released."""
        reached = self.folder / f"{point}.reached"
        try:
            (self.folder / point).rename(reached)
        except FileNotFoundError:
            return
        log.warning("standing at the brake %s", point)
        while reached.exists():
            time.sleep(GLANCE)
        log.warning("the brake %s is released", point)
