"""What a site remembers over a restart: its ports, its passwords and secrets, its database."""

from __future__ import annotations

import json
import random
import secrets
import socket
from dataclasses import asdict, dataclass, replace

from sandbox.site.accounts import make_passwords
from sandbox.site.home import Home, read_json, write_private

#: Asked for first, so that a person's site has addresses that are easy to keep in mind.
PREFERRED = {
    "omero_ssl": 14064,
    "omero_tcp": 14063,
    "web": 14080,
    "omero_web": 14081,
    "prefect": 14200,
    "postgres": 14432,
    "worker": 14280,
    "analysis_worker": 14281,
    "housekeeper": 14282,
    "ssh": 14022,
    "slurmctld": 14817,
    "slurmdbd": 14819,
    "node1": 14821,
    "node2": 14822,
    "node3": 14823,
}

#: Below Linux's range for outgoing connections (32768 and up), so that no client takes a port between
#: the moment it is chosen and the moment the service listens.
RANGE = range(15000, 32000)

DATABASES = ("postgresql", "sqlite")
#: What may be asked for as the site's cluster: Slurm itself, or the local job runner.
CLUSTERS = ("slurm", "local")

#: Prefect's UI and API are below this path, on its own port as well as on the site's front.
PREFECT_PATH = "/prefect"


class NoFreePort(Exception):
    """No port of the range could be bound."""


@dataclass(frozen=True)
class Addresses:
    """Loopback ports, account passwords and secrets of one site, and how its cluster is set up.

    Attributes:
        accounting: whether the cluster has slurmdbd.
        min_job_age: seconds slurmctld remembers an ended job (Slurm's default: 300).
        has_front: whether nginx stands before OMERO.web and Prefect.
        cluster: one of `CLUSTERS`; None: Slurm where it can run, else the local job runner.
        local_cluster: why the local job runner stands for Slurm; None where Slurm itself runs.
    """

    ports: dict[str, int]
    passwords: dict[str, str]
    database: str
    database_password: str
    prefect_auth: str
    accounting: bool = True
    min_job_age: int = 300
    has_front: bool = False
    cluster: str | None = None
    local_cluster: str | None = None

    @property
    def omero_host(self) -> str:
        return "127.0.0.1"

    @property
    def web_url(self) -> str:
        """Where people go: nginx, or OMERO.web itself where there is no nginx."""
        return f"http://127.0.0.1:{self.ports['web']}" if self.has_front else self.omero_web_url

    @property
    def omero_web_url(self) -> str:
        """OMERO.web's own port, behind nginx."""
        return f"http://127.0.0.1:{self.ports['omero_web']}"

    @property
    def panel_url(self) -> str:
        return f"{self.web_url}/flows/"

    @property
    def prefect_url(self) -> str:
        """Prefect's own port, which asks for the password."""
        return f"http://127.0.0.1:{self.ports['prefect']}{PREFECT_PATH}"

    @property
    def prefect_api(self) -> str:
        return f"{self.prefect_url}/api"


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(preferred: int | None, taken: set[int]) -> int:
    """The preferred port if it is free, else a random free one.

    Raises:
        NoFreePort: a thousand tries found none.
    """
    if preferred is not None and preferred not in taken and is_free(preferred):
        return preferred
    for _ in range(1000):
        port = random.choice(RANGE)
        if port not in taken and is_free(port):
            return port
    raise NoFreePort(f"no free port in {RANGE.start}-{RANGE.stop} on 127.0.0.1")


def choose_ports(wished: dict[str, int | None]) -> dict[str, int]:
    ports: dict[str, int] = {}
    for name in PREFERRED:
        ports[name] = choose_port(wished.get(name), set(ports.values()))
    return ports


def load(home: Home) -> Addresses | None:
    """The addresses of the site in `home`, or None when none was ever started there."""
    content = read_json(home.site_file)
    return None if content is None else Addresses(**content)


def prepare(
    home: Home,
    *,
    database: str,
    prefer_known_ports: bool,
    has_front: bool = False,
    accounting: bool | None = None,
    min_job_age: int | None = None,
    cluster: str | None = None,
    why_no_slurm: str | None = None,
) -> Addresses:
    """Load the site's addresses or make them; move a service whose port somebody else has taken.

    Only call it while no process of the site runs. `database` counts at the first start alone: runs
    recorded in one database are not carried to the other. `accounting`, `min_job_age` and `cluster` stay
    as they were where they are None. `why_no_slurm`: why Slurm cannot run on this machine, if it cannot.
    """
    if database not in DATABASES:
        raise ValueError(f"database {database!r} is none of {', '.join(DATABASES)}")
    if cluster is not None and cluster not in CLUSTERS:
        raise ValueError(f"cluster {cluster!r} is none of {', '.join(CLUSTERS)}")
    known = load(home)
    if known is None:
        addresses = Addresses(
            ports=choose_ports(dict(PREFERRED) if prefer_known_ports else {}),
            passwords=make_passwords(),
            database=database,
            database_password=secrets.token_urlsafe(16),
            prefect_auth=f"omero-flows:{secrets.token_urlsafe(16)}",
        )
    else:
        # A site of an older version has no password yet for an account that came since.
        passwords = make_passwords() | known.passwords
        addresses = replace(known, ports=choose_ports(dict(known.ports)), passwords=passwords)
    addresses = replace(addresses, has_front=has_front)
    if accounting is not None:
        addresses = replace(addresses, accounting=accounting)
    if min_job_age is not None:
        addresses = replace(addresses, min_job_age=min_job_age)
    if cluster is not None:
        addresses = replace(addresses, cluster=cluster)
    chosen = {None: why_no_slurm, "slurm": None, "local": "it was asked for"}[addresses.cluster]
    addresses = replace(addresses, local_cluster=chosen)
    write_private(home.site_file, json.dumps(asdict(addresses), indent=2) + "\n")
    return addresses
