"""What a service of the site is: how it is started, checked and stopped. One subclass a service."""

from __future__ import annotations

import os
import signal
import socket
import sys
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from sandbox.site.addresses import Addresses
from sandbox.site.home import Home

#: The folder our packages are imported from; services run as children and must find them too.
PROJECT = Path(__file__).resolve().parents[2]


class NotAvailable(Exception):
    """This service cannot run on this machine; the message says why and what would help."""


class Unhealthy(Exception):
    """The service did not answer as it should; the message says what it did."""


class Service(ABC):
    """One program of the site, run in the foreground by the supervisor.

    Attributes:
        name: as the user sees it, and the name of its log.
        needs: services that must be ready before this one starts.
        after: services this one waits for, whatever becomes of them, if the site has them.
        stop_signal: asks it to stop; SIGKILL follows after `stop_seconds`.
        start_seconds: how long it may take to become healthy.
        runs_once: it ends by itself, and exit status 0 is success (the deploy step).
        starts_allowed: so many starts of which none ever got ready, and it is given up.
        optional: given up, or when something it needs is absent, it counts as absent and the site goes on
            without it; else the site has failed.
        children_outlive: what it started goes on when it dies and is started again (flow runs of a worker);
            otherwise what its death left is ended first, so that no old process answers for the new one.
    """

    name: str
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    start_seconds: float = 180.0
    runs_once: bool = False
    children_outlive: bool = False
    starts_allowed: int = 5
    optional: bool = False

    def __init__(self, home: Home, addresses: Addresses) -> None:
        self.home = home
        self.addresses = addresses

    def prepare(self) -> None:  # noqa: B027 (most services have nothing to prepare)
        """Write configuration, make databases. Runs before every start.

        Raises:
            NotAvailable: it cannot run here.
        """

    def clean_up(self) -> None:  # noqa: B027 (most services leave nothing but processes)
        """Undo what a killed process of it left behind besides processes. Runs before a start and after the end."""

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments."""

    def environment(self) -> Mapping[str, str]:
        """What its environment has besides the supervisor's own."""
        return {}

    @abstractmethod
    def check(self) -> None:
        """Ask the service itself whether it works; at most a few seconds.

        Raises:
            Unhealthy: it does not.
        """


def python(*arguments: str) -> list[str]:
    """A command line of the interpreter we run in."""
    return [sys.executable, *arguments]


def base_environment() -> dict[str, str]:
    """The supervisor's environment without settings a person may have for another Prefect or OMERO."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "OMERO", "ICE_", "DJANGO_", "PYTHONPATH", "PYTHONDONTWRITE", "GUNICORN_"))
    }
    kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "/usr/bin:/bin")])
    kept["PYTHONUNBUFFERED"] = "1"
    kept["PYTHONPATH"] = str(PROJECT)
    return kept


def check_http(url: str, *, headers: Mapping[str, str] | None = None, seconds: float = 5.0) -> None:
    """GET `url` and expect 200, directly (no proxy, no redirects that leave the site are followed).

    Raises:
        Unhealthy: anything else came, or nothing.
    """
    request = urllib.request.Request(url, headers=dict(headers or {}))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=seconds) as answer:
            if answer.status != 200:
                raise Unhealthy(f"{url} answered {answer.status}")
    except urllib.error.HTTPError as error:
        raise Unhealthy(f"{url} answered {error.code}") from error
    except OSError as error:
        raise Unhealthy(f"{url} does not answer: {error}") from error


def check_greeting(port: int, greeting: bytes, *, seconds: float = 5.0) -> None:
    """Connect to a loopback port whose server speaks first, and expect its first bytes.

    Raises:
        Unhealthy: no connection, or other bytes.
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
            connection.settimeout(seconds)
            received = connection.recv(len(greeting))
    except OSError as error:
        raise Unhealthy(f"port {port} does not answer: {error}") from error
    if received != greeting:
        raise Unhealthy(f"port {port} greeted with {received!r}, not {greeting!r}")
