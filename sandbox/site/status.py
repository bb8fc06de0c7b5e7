"""What the supervisor writes about the site and everybody else reads: one small file, replaced whole."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from sandbox.site.home import Home, read_json, write_private
from sandbox.site.processes import Process, is_alive


class State(StrEnum):
    """Where a service is. ABSENT: it cannot run here, and `detail` says why; the site goes on without it."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DONE = "done"
    RESTARTING = "restarting"
    HELD = "held"
    ABSENT = "absent"
    FAILED = "failed"
    STOPPED = "stopped"


#: Nothing more will happen by itself before the site counts as up.
SETTLED = frozenset({State.READY, State.DONE, State.HELD, State.ABSENT, State.FAILED})


@dataclass(frozen=True)
class ServiceStatus:
    """One service: its state, what there is to say about it, and its process while it has one.

    `deaths`: failed starts and deaths of its process since it was last well, which is ready for half a minute.
    """

    state: State = State.WAITING
    detail: str = ""
    process: Process | None = None
    restarts: int = 0
    deaths: int = 0
    since: float = field(default_factory=time.time)
    seconds_to_ready: float | None = None


@dataclass(frozen=True)
class SiteStatus:
    """The whole site. `supervisor` may be dead: ask `is_running`."""

    supervisor: Process
    services: dict[str, ServiceStatus]

    def is_running(self) -> bool:
        return is_alive(self.supervisor)

    def is_settled(self) -> bool:
        """Nothing more happens by itself, and what is ready has not just come back from its death."""
        return all(
            service.state in SETTLED and not (service.state is State.READY and service.deaths)
            for service in self.services.values()
        )


def write(home: Home, status: SiteStatus) -> None:
    write_private(home.status_file, json.dumps(asdict(status), indent=1) + "\n")


def read(home: Home) -> SiteStatus | None:
    """The last status written, or None when the site was never started.

    A service's process that is not alive any more is left out: a dead process is noticed here even
    when no supervisor lives to notice it.
    """
    content = read_json(home.status_file)
    if content is None:
        return None
    services = {}
    for name, values in content["services"].items():
        process = Process(**values.pop("process")) if values["process"] else values.pop("process")
        if process is not None and not is_alive(process):
            process = None
        services[name] = ServiceStatus(**{**values, "state": State(values["state"]), "process": process})
    return SiteStatus(Process(**content["supervisor"]), services)
