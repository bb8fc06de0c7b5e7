"""The files that say how the cluster works: slurm.conf, cgroup.conf, slurmdbd.conf, sshd_config.

Options as in the manual pages of Slurm 22.05 and OpenSSH 9.2 (Debian 12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.cluster.machine import HOST_NAME, USER

#: What the accounting calls the cluster.
CLUSTER = "hpc"
#: What each virtual node says it has; a host with less runs its jobs all the same, only slower.
NODE_CPUS, NODE_MEMORY_MB = 4, 8000
#: The database's account. Its socket is in a folder of this site's machine, and it has no network.
DATABASE, DATABASE_USER, DATABASE_PASSWORD = "slurm_acct_db", "slurm", "slurm"


@dataclass(frozen=True)
class VirtualNode:
    """A slurmd under a name of its own on a port of its own; `name` is unique on this host (control groups)."""

    name: str
    port: int


def slurm_conf(
    *,
    port: int,
    accounting_port: int | None,
    nodes: Sequence[VirtualNode],
    memory_limits: bool,
    min_job_age: int,
) -> str:
    """slurm.conf: three partitions over all nodes; a job in `main` takes the place of one in `low`.

    Args:
        port: slurmctld's.
        accounting_port: slurmdbd's; None for a cluster without accounting.
        memory_limits: whether the kernel enforces --mem (see `control_groups`).
        min_job_age: seconds slurmctld remembers an ended job; without accounting nobody else does.
    """
    memory = (
        ["ProctrackType=proctrack/cgroup", "TaskPlugin=task/cgroup"]
        if memory_limits
        else ["ProctrackType=proctrack/linuxproc", "TaskPlugin=task/none", "JobAcctGatherParams=OverMemoryKill"]
    )
    accounting = (
        ["AccountingStorageType=accounting_storage/none"]
        if accounting_port is None
        else [
            "AccountingStorageType=accounting_storage/slurmdbd",
            "AccountingStorageHost=127.0.0.1",
            f"AccountingStoragePort={accounting_port}",
            "AccountingStoreFlags=job_comment",
        ]
    )
    lines = [
        f"ClusterName={CLUSTER}",
        f"SlurmctldHost={HOST_NAME}(127.0.0.1)",
        f"SlurmctldPort={port}",
        "SlurmUser=root",
        "SlurmdUser=root",
        "AuthType=auth/munge",
        # How long a requeued or preempted job waits before it may start again (default 120 s).
        "AuthInfo=cred_expire=10",
        "StateSaveLocation=/var/spool/slurmctld",
        "SlurmdSpoolDir=/var/spool/slurmd/%n",
        "SlurmctldPidFile=/run/slurmctld.pid",
        "SlurmdPidFile=/run/slurmd-%n.pid",
        "MailProg=/bin/true",
        "MpiDefault=none",
        *memory,
        "JobAcctGatherType=jobacct_gather/linux",
        "JobAcctGatherFrequency=1",
        # The nodes' size is what is written here, not what this host has.
        "SlurmdParameters=config_overrides",
        # A node that answers again is used again, whatever happened to it.
        "ReturnToService=2",
        # Failures shall be noticed in seconds: a dead node, a job that ignores SIGTERM.
        "SlurmdTimeout=10",
        "KillWait=2",
        f"MinJobAge={min_job_age}",
        "SchedulerType=sched/backfill",
        "SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_CPU_Memory",
        # Else a job that asks for no memory takes all of its node's.
        "DefMemPerCPU=1000",
        "PreemptType=preempt/partition_prio",
        "PreemptMode=REQUEUE",
        "MaxArraySize=20001",
        "MaxJobCount=30000",
        *accounting,
        *(
            f"NodeName={node.name} NodeHostname={HOST_NAME} NodeAddr=127.0.0.1 Port={node.port} "
            f"CPUs={NODE_CPUS} RealMemory={NODE_MEMORY_MB} State=UNKNOWN"
            for node in nodes
        ),
        "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF",
        "PartitionName=low Nodes=ALL MaxTime=INFINITE PriorityTier=1 PreemptMode=REQUEUE",
        "PartitionName=short Nodes=ALL DefaultTime=1 MaxTime=1 PriorityTier=10 PreemptMode=OFF",
    ]
    return "\n".join(lines) + "\n"


def cgroup_conf(*, memory_limits: bool) -> str:
    """cgroup.conf. Version 1 is named in any case: the plugin does nothing until it is used, the one for 2 does."""
    return "\n".join(
        [
            "CgroupPlugin=cgroup/v1",
            "CgroupAutomount=no",
            f"ConstrainRAMSpace={'yes' if memory_limits else 'no'}",
            "ConstrainCores=no",
            "",
        ]
    )


def slurmdbd_conf(port: int) -> str:
    """slurmdbd.conf. slurmdbd refuses it when others than its own account can read it."""
    return "\n".join(
        [
            "AuthType=auth/munge",
            "DbdHost=localhost",
            "DbdAddr=127.0.0.1",
            f"DbdPort={port}",
            "SlurmUser=root",
            "PidFile=/run/slurmdbd.pid",
            "StorageType=accounting_storage/mysql",
            "StorageHost=localhost",
            f"StorageLoc={DATABASE}",
            f"StorageUser={DATABASE_USER}",
            f"StoragePass={DATABASE_PASSWORD}",
            "",
        ]
    )


def database_accounts() -> str:
    """SQL that MariaDB runs at every start: slurmdbd's database and account."""
    return (
        f"CREATE DATABASE IF NOT EXISTS {DATABASE};\n"
        f"CREATE USER IF NOT EXISTS {DATABASE_USER}@localhost IDENTIFIED BY '{DATABASE_PASSWORD}';\n"
        f"GRANT ALL ON {DATABASE}.* TO {DATABASE_USER}@localhost;\n"
    )


def sshd_config(port: int) -> str:
    """sshd_config: one user, by key alone, on loopback. LogLevel VERBOSE names every session and its command."""
    return "\n".join(
        [
            "ListenAddress 127.0.0.1",
            f"Port {port}",
            "HostKey /etc/ssh/ssh_host_ed25519_key",
            "AuthorizedKeysFile /etc/ssh/authorized_keys",
            "AuthenticationMethods publickey",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin no",
            f"AllowUsers {USER}",
            "AllowAgentForwarding no",
            "AllowTcpForwarding no",
            "X11Forwarding no",
            "UsePAM no",
            "UseDNS no",
            "PrintMotd no",
            # Tests open many sessions at once on one connection (default 10) and many connections.
            "MaxSessions 64",
            "MaxStartups 100:30:200",
            "Subsystem sftp internal-sftp",
            "LogLevel VERBOSE",
            "",
        ]
    )
