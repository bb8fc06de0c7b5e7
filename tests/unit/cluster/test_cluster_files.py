"""The texts Slurm's daemons and sshd are given."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import paramiko
import pytest

from sandbox.cluster.access import find_access
from sandbox.cluster.configuration import (
    VirtualNode,
    cgroup_conf,
    database_accounts,
    slurm_conf,
    slurmdbd_conf,
    sshd_config,
)
from sandbox.cluster.preparation import ssh_config
from sandbox.cluster.slurm import node_name, virtual_nodes
from sandbox.cluster.ssh_keys import keep_key
from sandbox.site import addresses
from sandbox.site.home import Home
from sandbox.site.supervisor import UnknownService, choose_services

SLURM_CONF = """\
ClusterName=hpc
SlurmctldHost=hpc(127.0.0.1)
SlurmctldPort=20001
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=cred_expire=10
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd/%n
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd-%n.pid
MailProg=/bin/true
MpiDefault=none
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=10
KillWait=2
MinJobAge=300
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=1000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MaxArraySize=20001
MaxJobCount=30000
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=20002
AccountingStoreFlags=job_comment
NodeName=node-ab-1 NodeHostname=hpc NodeAddr=127.0.0.1 Port=20011 CPUs=4 RealMemory=8000 State=UNKNOWN
NodeName=node-ab-2 NodeHostname=hpc NodeAddr=127.0.0.1 Port=20012 CPUs=4 RealMemory=8000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE PriorityTier=10 PreemptMode=OFF
PartitionName=low Nodes=ALL MaxTime=INFINITE PriorityTier=1 PreemptMode=REQUEUE
PartitionName=short Nodes=ALL DefaultTime=1 MaxTime=1 PriorityTier=10 PreemptMode=OFF
"""

NODES = [VirtualNode("node-ab-1", 20011), VirtualNode("node-ab-2", 20012)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.at(tmp_path / "a home")
    home.make()
    return home


def test_slurm_conf_with_everything() -> None:
    assert slurm_conf(port=20001, accounting_port=20002, nodes=NODES, memory_limits=True, min_job_age=300) == SLURM_CONF


def test_slurm_conf_without_accounting_and_without_control_groups() -> None:
    text = slurm_conf(port=20001, accounting_port=None, nodes=NODES, memory_limits=False, min_job_age=5)
    changed = set(text.splitlines()) ^ set(SLURM_CONF.splitlines())
    assert changed == {
        "AccountingStorageType=accounting_storage/slurmdbd",
        "AccountingStorageHost=127.0.0.1",
        "AccountingStoragePort=20002",
        "AccountingStoreFlags=job_comment",
        "AccountingStorageType=accounting_storage/none",
        "ProctrackType=proctrack/cgroup",
        "TaskPlugin=task/cgroup",
        "ProctrackType=proctrack/linuxproc",
        "TaskPlugin=task/none",
        "JobAcctGatherParams=OverMemoryKill",
        "MinJobAge=300",
        "MinJobAge=5",
    }


def test_cgroup_conf_limits_memory_only_where_the_kernel_does() -> None:
    assert cgroup_conf(memory_limits=True) == (
        "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\nConstrainRAMSpace=yes\nConstrainCores=no\n"
    )
    assert "ConstrainRAMSpace=no\n" in cgroup_conf(memory_limits=False)


def test_slurmdbd_has_the_account_that_the_database_makes() -> None:
    assert slurmdbd_conf(20002) == (
        "AuthType=auth/munge\nDbdHost=localhost\nDbdAddr=127.0.0.1\nDbdPort=20002\nSlurmUser=root\n"
        "PidFile=/run/slurmdbd.pid\nStorageType=accounting_storage/mysql\nStorageHost=localhost\n"
        "StorageLoc=slurm_acct_db\nStorageUser=slurm\nStoragePass=slurm\n"
    )
    assert database_accounts() == (
        "CREATE DATABASE IF NOT EXISTS slurm_acct_db;\n"
        "CREATE USER IF NOT EXISTS slurm@localhost IDENTIFIED BY 'slurm';\n"
        "GRANT ALL ON slurm_acct_db.* TO slurm@localhost;\n"
    )


def test_sshd_admits_one_user_by_key_on_loopback() -> None:
    lines = sshd_config(20003).splitlines()
    for wanted in (
        "ListenAddress 127.0.0.1",
        "Port 20003",
        "AllowUsers omero-hpc",
        "AuthenticationMethods publickey",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin no",
    ):
        assert wanted in lines


def test_openssh_is_told_to_accept_no_other_host_key(home: Home) -> None:
    known = addresses.prepare(home, database="sqlite", prefer_known_ports=False)
    access = find_access(home, known)
    assert ssh_config(access, home) == (
        "Host hpc\n"
        "    HostName 127.0.0.1\n"
        f"    Port {known.ports['ssh']}\n"
        "    User omero-hpc\n"
        f'    IdentityFile "{home.root}/secrets/cluster-user-key"\n'
        "    IdentitiesOnly yes\n"
        f'    UserKnownHostsFile "{home.root}/secrets/cluster-known-hosts"\n'
        "    StrictHostKeyChecking yes\n"
        "    BatchMode yes\n"
    )


def test_a_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    made, found = keep_key(tmp_path / "key"), keep_key(tmp_path / "key")
    assert made == found
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert made != keep_key(tmp_path / "another")
    key = paramiko.Ed25519Key.from_private_key_file(str(tmp_path / "key"))
    assert made.public == f"ssh-ed25519 {key.get_base64()}"


def test_the_private_key_is_not_shown_when_the_access_is(home: Home) -> None:
    known = addresses.prepare(home, database="sqlite", prefer_known_ports=False)
    access = find_access(home, known)
    assert "PRIVATE" in access.private_key
    assert "PRIVATE" not in repr(access)


def test_no_two_sites_have_nodes_of_the_same_name(tmp_path: Path) -> None:
    names = {node_name(Home.at(tmp_path / site), number) for site in ("a", "b") for number in (1, 2, 3)}
    assert len(names) == 6


def test_what_was_chosen_for_the_cluster_stays_until_it_is_chosen_anew(home: Home) -> None:
    def prepare(**chosen: bool | int) -> tuple[bool, int]:
        known = addresses.prepare(home, database="sqlite", prefer_known_ports=False, **chosen)  # type: ignore[arg-type]
        assert addresses.load(home) == known
        return known.accounting, known.min_job_age

    assert prepare() == (True, 300)
    assert prepare(accounting=False) == (False, 300)
    assert prepare(min_job_age=7) == (False, 7)
    assert prepare() == (False, 7)
    assert prepare(accounting=True) == (True, 7)


def test_a_site_of_before_there_was_a_cluster_gets_its_ports(home: Home) -> None:
    known = addresses.prepare(home, database="sqlite", prefer_known_ports=False)
    old = {name: known.ports[name] for name in ("omero_ssl", "omero_tcp", "web", "prefect", "postgres", "worker")}
    content = json.loads(home.site_file.read_text())
    content["ports"] = old
    del content["accounting"], content["min_job_age"]
    home.site_file.write_text(json.dumps(content))
    again = addresses.prepare(home, database="sqlite", prefer_known_ports=False)
    assert old.items() <= again.ports.items()
    assert len(virtual_nodes(home, again)) == 3


@pytest.mark.parametrize(
    ("accounting", "expected"),
    [
        (True, ["munge", "mariadb", "slurmdbd", "slurmctld", "node1", "node2", "node3", "sshd"]),
        (False, ["munge", "slurmctld", "node1", "node2", "node3", "sshd"]),
    ],
)
def test_slurm_is_a_name_for_the_whole_cluster(home: Home, accounting: bool, expected: list[str]) -> None:
    known = addresses.prepare(home, database="sqlite", prefer_known_ports=False, accounting=accounting)
    assert list(choose_services(["slurm"], home, known)) == expected
    with pytest.raises(UnknownService, match="slurm"):
        choose_services(["slrum"], home, known)


def test_a_site_has_either_slurm_or_what_stands_for_it(home: Home) -> None:
    """It is chosen at every start by what this machine can, unless somebody said which it shall be."""

    def services(**chosen: str) -> tuple[str | None, list[str]]:
        known = addresses.prepare(home, database="sqlite", prefer_known_ports=False, **chosen)  # type: ignore[arg-type]
        whole = choose_services(["site"], home, known)
        assert set(choose_services(["slurm"], home, known)) < set(whole)
        return known.local_cluster, [
            name for name in ("slurmctld", "sshd", "local-queue", "local-login") if name in whole
        ]

    slurm, local = ["slurmctld", "sshd"], ["local-queue", "local-login"]
    assert services() == (None, slurm)
    assert services(why_no_slurm="no root") == ("no root", local)
    assert services(cluster="local") == ("it was asked for", local)
    assert services() == ("it was asked for", local)
    assert services(cluster="slurm", why_no_slurm="no root") == (None, slurm)
    with pytest.raises(UnknownService, match="sshd"):
        choose_services(
            ["sshd"], home, addresses.prepare(home, database="sqlite", prefer_known_ports=False, cluster="local")
        )
    with pytest.raises(ValueError, match="moon"):
        services(cluster="moon")
