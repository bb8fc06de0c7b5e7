"""A service that cannot run here is absent with a reason; what needs it is absent too, or the site has failed."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from sandbox.site import addresses
from sandbox.site.home import Home
from sandbox.site.runner import Runner
from sandbox.site.service import NotAvailable, Service
from sandbox.site.status import SETTLED, ServiceStatus, State


class Impossible(Service):
    name = "impossible"

    def prepare(self) -> None:
        raise NotAvailable("this machine has no such thing")

    def command(self) -> list[str]:
        return [sys.executable, "-c", "input()"]

    def check(self) -> None:
        return


class Dispensable(Impossible):
    name = "dispensable"
    needs = ("impossible",)
    optional = True

    def prepare(self) -> None:
        return


class Needed(Dispensable):
    name = "needed"
    optional = False


def settle(tmp_path: Path, *kinds: type[Service]) -> dict[str, ServiceStatus]:
    """Run the services until nothing more happens by itself, and stop them."""
    home = Home.at(tmp_path)
    home.make()
    known = addresses.prepare(home, database="sqlite", prefer_known_ports=False)
    settled = threading.Event()
    runners: dict[str, Runner] = {}

    def look() -> None:
        if len(runners) == len(kinds) and all(runner.status.state in SETTLED for runner in runners.values()):
            settled.set()

    def find(name: str) -> ServiceStatus | None:
        return runners[name].status if name in runners else None

    runners.update({kind.name: Runner(kind(home, known), find, look) for kind in kinds})
    for runner in runners.values():
        runner.start()
    assert settled.wait(30.0)
    found = {name: runner.status for name, runner in runners.items()}
    for runner in runners.values():
        runner.request_stop()
        runner.join()
    return found


@pytest.mark.parametrize(
    ("kind", "state", "reason"),
    [
        (Dispensable, State.ABSENT, "needs impossible, which is absent"),
        (Needed, State.FAILED, "needs impossible, which is absent: this machine has no such thing"),
    ],
)
def test_what_needs_an_absent_service_is_absent_if_the_site_can_do_without(
    tmp_path: Path, kind: type[Service], state: State, reason: str
) -> None:
    found = settle(tmp_path, Impossible, kind)
    assert found["impossible"].state is State.ABSENT
    assert found["impossible"].detail == "this machine has no such thing"
    assert (found[kind.name].state, found[kind.name].detail) == (state, reason)
