"""munge, slurmctld and the nodes."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import signal

from sandbox.cluster.configuration import VirtualNode
from sandbox.cluster.control_groups import remove_groups
from sandbox.cluster.service import ClusterService
from sandbox.site.addresses import Addresses
from sandbox.site.home import Home
from sandbox.site.service import Unhealthy

#: Why a node that starts is down, until it has registered.
_REBOOTED = "rebooted"

log = logging.getLogger("sandbox.site")


class Munge(ClusterService):
    """Tells Slurm's daemons and commands who asks, by a key of this site's own."""

    name = "munge"

    def daemon(self) -> list[str]:
        # --force: over the socket and the lock of a killed one.
        return ["/usr/sbin/munged", "--foreground", "--force", "--seed-file=/run/munge/munged.seed"]

    def check(self) -> None:
        """A credential is made and read."""
        self.ask("sh", "-c", "munge --no-input | unmunge --output /dev/null --metadata /dev/null")


class Slurmctld(ClusterService):
    """The scheduler. Its state is on disk: jobs go on while it is away, and it finds them again."""

    name = "slurmctld"

    def __init__(self, home: Home, addresses: Addresses) -> None:
        super().__init__(home, addresses)
        self.needs = ("munge", "slurmdbd") if addresses.accounting else ("munge",)

    def prepare(self) -> None:
        super().prepare()
        (self.machine.spool / "slurmctld").mkdir(exist_ok=True)

    def daemon(self) -> list[str]:
        return ["/usr/sbin/slurmctld", "-D"]

    def check(self) -> None:
        said = self.ask("scontrol", "ping")
        if "is UP" not in said:
            raise Unhealthy(said.strip())


class Node(ClusterService):
    """A virtual node: slurmd under a name of its own, in a process namespace of its own.

    Killed, it dies as a node does that loses its power: with all its jobs, their steps and containers.
    Started again it says that it was rebooted, and the jobs it had are requeued or NODE_FAIL.
    """

    number: int
    needs = ("slurmctld",)
    contained = True
    stop_signal = signal.SIGKILL

    @property
    def node(self) -> str:
        """The node's name, as Slurm knows it."""
        return node_name(self.home, self.number)

    def prepare(self) -> None:
        super().prepare()
        (self.machine.spool / "slurmd" / self.node).mkdir(parents=True, exist_ok=True)
        # Slurm would take the jobs of before for running until it asks for them again, which is after a minute.
        try:
            self.ask("scontrol", "update", f"nodename={self.node}", "state=down", f"reason={_REBOOTED}")
        except Unhealthy as problem:
            log.warning("%s starts, and slurmctld was not told that it was rebooted: %s", self.node, problem)

    def clean_up(self) -> None:
        """Control groups stay when the processes in them are killed."""
        remove_groups(self.node)

    def daemon(self) -> list[str]:
        return ["/usr/sbin/slurmd", "-D", "-N", self.node]

    def check(self) -> None:
        """The scheduler knows this node and hears it. A node that an admin set down or drains is well."""
        said = self.ask("scontrol", "--oneliner", "show", "node", self.node)
        state = re.search(r" State=(\S+)", said)
        rebooting = f" Reason={_REBOOTED} " in said
        if state is None or rebooting or re.search(r"UNKNOWN|NOT_RESPONDING|\*", state[1]):
            raise Unhealthy(f"slurmctld does not hear {self.node}: {state[1] if state else said}")


class Node1(Node):
    name = "node1"
    number = 1


class Node2(Node):
    name = "node2"
    number = 2


class Node3(Node):
    name = "node3"
    number = 3


NODES: tuple[type[Node], ...] = (Node1, Node2, Node3)


def node_name(home: Home, number: int) -> str:
    """It has a part that is this site's, because on the whole host control groups are named for it."""
    site = hashlib.sha256(os.fsencode(home.root)).hexdigest()[:6]
    return f"node-{site}-{number}"


def virtual_nodes(home: Home, addresses: Addresses) -> list[VirtualNode]:
    return [VirtualNode(node_name(home, node.number), addresses.ports[node.name]) for node in NODES]
