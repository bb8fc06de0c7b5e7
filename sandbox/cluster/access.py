"""What a client of the cluster needs to know, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.cluster.control_groups import why_not_limited
from sandbox.cluster.machine import CONTAINERS, REGISTRY, SCRATCH, STORAGE, USER
from sandbox.cluster.slurm import NODES, node_name
from sandbox.cluster.ssh_keys import host_key, user_key
from sandbox.site.addresses import Addresses
from sandbox.site.home import Home


@dataclass(frozen=True)
class ClusterAccess:
    """How to reach the cluster and what is where on it. Paths are the cluster's, not this host's.

    Attributes:
        private_key: of the user, in OpenSSH's format, without a passphrase.
        known_hosts: the line that pins the host key.
        scratch: where runs stage their data; the user's own.
        containers: where container images are put to be run; the user's own.
        registry: container images that the sandbox built, to be copied from; read-only for the user.
        storage: where the image storage is mounted, read-only; None where it is not.
        accounting: whether sacct answers (slurmdbd).
        unlimited: why jobs' memory is not limited by the kernel; None when it is.
        nodes: the nodes' names.
    """

    host: str
    port: int
    user: str
    private_key: str = field(repr=False)
    known_hosts: str
    scratch: str
    containers: str
    registry: str
    storage: str | None
    accounting: bool
    unlimited: str | None
    nodes: tuple[str, ...]


def find_access(home: Home, addresses: Addresses) -> ClusterAccess:
    """How to reach the cluster of the site in `home`; makes its keys if there are none yet."""
    host, port = "127.0.0.1", addresses.ports["ssh"]
    return ClusterAccess(
        host=host,
        port=port,
        user=USER,
        private_key=user_key(home).private,
        known_hosts=f"[{host}]:{port} {host_key(home).public}",
        scratch=SCRATCH,
        containers=CONTAINERS,
        registry=REGISTRY,
        storage=STORAGE,
        accounting=addresses.accounting,
        unlimited=why_not_limited(),
        nodes=tuple(node_name(home, node.number) for node in NODES),
    )
