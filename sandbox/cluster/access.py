"""What a client of the cluster needs to know, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.cluster.control_groups import why_not_limited
from sandbox.cluster.machine import CONTAINERS, REGISTRY, SCRATCH, STORAGE, USER
from sandbox.cluster.slurm import NODES, node_name
from sandbox.cluster.ssh_keys import host_key, user_key
from sandbox.local_cluster.place import LocalPlace, account, why_no_containers
from sandbox.site.addresses import Addresses
from sandbox.site.home import Home
from sandbox.slurm_commands.job_store import NODE
from sandbox.workflows.container_image import IMAGE_ENDING
from sandbox.workflows.direct_run import IMAGE_ENDING as DIRECT_ENDING
from sandbox.workflows.direct_run import run_template


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
        local: why the local job runner stands for Slurm; None where Slurm itself runs.
        image_ending: how the files of container images end.
        without_container: how a workflow is run where Charliecloud cannot run; None where it can.
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
    local: str | None = None
    image_ending: str = IMAGE_ENDING
    without_container: str | None = None


def find_access(home: Home, addresses: Addresses) -> ClusterAccess:
    """How to reach the cluster of the site in `home`; makes its keys if there are none yet."""
    if addresses.local_cluster is not None:
        return _local_access(home, addresses, addresses.local_cluster)
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


def _local_access(home: Home, addresses: Addresses, reason: str) -> ClusterAccess:
    """The local cluster has this host's paths, its account and its memory, and keeps account of every job."""
    place = LocalPlace(home)
    host, port = "127.0.0.1", addresses.ports["ssh"]
    contained = why_no_containers() is None
    return ClusterAccess(
        host=host,
        port=port,
        user=account(),
        private_key=user_key(home).private,
        known_hosts=f"[{host}]:{port} {host_key(home).public}",
        scratch=str(place.scratch),
        containers=str(place.containers),
        registry=str(place.registry),
        storage=None,
        accounting=True,
        unlimited="the local job runner limits no memory",
        nodes=(NODE,),
        local=reason,
        image_ending=IMAGE_ENDING if contained else DIRECT_ENDING,
        without_container=None if contained else run_template(),
    )
