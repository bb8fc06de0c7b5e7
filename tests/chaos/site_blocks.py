"""The site's blocks, changed for a moment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sandbox.site import Site
from sandbox.site.service import PROJECT

CHANGE = """
import sys
from blocks.container_engine import ContainerEngine
engine = ContainerEngine.load("omero-flows")
engine.minutes = int(sys.argv[1])
engine.save("omero-flows", overwrite=True)
"""


@contextmanager
def converters_may_take(site: Site, *, minutes: int) -> Iterator[None]:
    """The time limit of one converter, in minutes, for orders whose run begins meanwhile."""
    _set_minutes(site, minutes)
    try:
        yield
    finally:
        _set_minutes(site, 240)


def _set_minutes(site: Site, minutes: int) -> None:
    # In a process of its own: a block is saved through the environment's Prefect, which a test run has not.
    subprocess.run([sys.executable, "-c", CHANGE, str(minutes)], cwd=PROJECT, env=site.environment(), check=True)
