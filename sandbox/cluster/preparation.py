"""The cluster's files and its user's, written at every start of the site."""

from __future__ import annotations

import secrets

from sandbox.cluster.access import ClusterAccess, find_access
from sandbox.cluster.configuration import cgroup_conf, slurm_conf, slurmdbd_conf, sshd_config
from sandbox.cluster.control_groups import why_not_limited
from sandbox.cluster.machine import HOST_NAME, Machine
from sandbox.cluster.slurm import virtual_nodes
from sandbox.cluster.ssh_keys import host_key, user_key
from sandbox.local_cluster.place import LocalPlace
from sandbox.site.addresses import Addresses
from sandbox.site.home import Home, write_private


def prepare_cluster(home: Home, addresses: Addresses) -> None:
    """Write the machine's files, and how people reach it. Only call it while no process of the site runs."""
    access = find_access(home, addresses)
    write_private(home.secrets / "cluster-known-hosts", access.known_hosts + "\n")
    write_private(home.cluster_ssh_config, ssh_config(access, home))
    if access.local is not None:
        LocalPlace(home).make()
        return
    limits = why_not_limited() is None
    ports = addresses.ports
    Machine(home).make(
        {
            "slurm/slurm.conf": slurm_conf(
                port=ports["slurmctld"],
                accounting_port=ports["slurmdbd"] if addresses.accounting else None,
                nodes=virtual_nodes(home, addresses),
                memory_limits=limits,
                min_job_age=addresses.min_job_age,
            ),
            "slurm/cgroup.conf": cgroup_conf(memory_limits=limits),
            "ssh/sshd_config": sshd_config(ports["ssh"]),
            "ssh/authorized_keys": user_key(home).public + "\n",
        },
        private={
            "slurm/slurmdbd.conf": slurmdbd_conf(ports["slurmdbd"]),
            # What was signed with the key of before is of no use to anybody: new at every start.
            "munge/munge.key": secrets.token_hex(64),
            "ssh/ssh_host_ed25519_key": host_key(home).private,
        },
    )


def ssh_config(access: ClusterAccess, home: Home) -> str:
    """For OpenSSH's client: `ssh -F FILE hpc squeue` (ssh_config(5))."""
    options = {
        "HostName": access.host,
        "Port": access.port,
        "User": access.user,
        "IdentityFile": f'"{home.secrets / "cluster-user-key"}"',
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": f'"{home.secrets / "cluster-known-hosts"}"',
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
    }
    return f"Host {HOST_NAME}\n" + "".join(f"    {name} {value}\n" for name, value in options.items())
