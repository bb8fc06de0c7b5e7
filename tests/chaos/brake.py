"""The test's hand on the embedded OMERO's brakes (sandbox/omero/brakes.py)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from sandbox.site import Site
from tests.chaos.waiting import wait_for


class Standing(Protocol):
    """A brake, wherever it is set."""

    def wait_until_reached(self) -> None: ...
    def release(self) -> None: ...


class Brake:
    """One brake, set at once: the next call that comes to `point` stands there until `release`."""

    def __init__(self, site: Site, point: str) -> None:
        self.point = point
        self._folder = brake_folder(site)
        self._folder.mkdir(exist_ok=True)
        self._set = self._folder / point
        self._reached = self._folder / f"{point}.reached"
        assert not self._reached.exists(), f"another test still stands at {point}"
        self._set.touch()

    @property
    def is_reached(self) -> bool:
        return self._reached.exists()

    def wait_until_reached(self) -> None:
        wait_for(f"a call to reach the brake {self.point}", lambda: self.is_reached)

    def release(self) -> None:
        """Let the call go on; a brake that nobody reached is taken away."""
        self._set.unlink(missing_ok=True)
        self._reached.unlink(missing_ok=True)


def brake_folder(site: Site) -> Path:
    return site.home.omero / "brakes"


def set_brakes(site: Site, points: tuple[str, ...]) -> list[Brake]:
    return [Brake(site, point) for point in points]


def wait_until_all_reached(brakes: Sequence[Standing]) -> None:
    for brake in brakes:
        brake.wait_until_reached()


def release_all(brakes: Sequence[Standing]) -> None:
    for brake in brakes:
        brake.release()
