"""sshd admits one user by key, and the user sees a cluster."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import paramiko
import pytest

from sandbox.site import Site
from tests.cluster.user import User, connect


def test_another_host_key_is_not_accepted(user: User, cluster: Site) -> None:
    kind, _, _ = user.access.known_hosts.partition(" ")
    stranger = paramiko.Ed25519Key.from_private_key_file(str(cluster.home.secrets / "cluster-user-key"))
    wrong = replace(user.access, known_hosts=f"{kind} ssh-ed25519 {stranger.get_base64()}")
    with pytest.raises(paramiko.BadHostKeyException):
        connect(wrong)


@pytest.mark.parametrize(
    "login",
    [
        pytest.param({"username": "root"}, id="root"),
        pytest.param({"pkey": paramiko.ECDSAKey.generate()}, id="another key"),
        pytest.param({"pkey": None, "password": "omero-hpc"}, id="a password"),
    ],
)
def test_nobody_else_is_admitted(user: User, login: dict[str, object]) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        connect(user.access, **login)


def test_the_user_has_scratch_and_containers_and_nothing_else(user: User) -> None:
    assert user.ask(f"touch {user.access.scratch}/mine {user.access.containers}/mine; ls {user.access.scratch}").split()
    for place in (user.access.registry, user.access.storage, "/etc/slurm", "/var/spool/slurmctld", "/run/munge"):
        assert user.run(f"touch {place}/mine").status != 0, place
    for secret in ("/etc/munge/munge.key", "/etc/slurm/slurmdbd.conf", "/etc/ssh/ssh_host_ed25519_key"):
        answer = user.run(f"cat {secret}")
        assert answer.status != 0 and "Permission denied" in answer.error, answer


def test_the_image_storage_is_mounted_read_only(user: User, cluster: Site) -> None:
    (cluster.storage / "lab-a" / "seen.txt").write_text("from outside")
    assert user.ask(f"cat {user.access.storage}/lab-a/seen.txt") == "from outside"
    assert "Read-only file system" in user.run(f"echo no > {user.access.storage}/lab-a/seen.txt").error


def test_bytes_go_there_and_back_unchanged(user: User, cluster: Site) -> None:
    content = bytes(range(256)) * 40_000
    user.ask("cat > stream.bin", content)
    with connect(user.access) as client, client.open_sftp() as sftp, sftp.open("stream.bin", "rb") as file:
        file.prefetch()
        assert file.read() == content
    assert (cluster.home.cluster / "home" / user.access.user / "stream.bin").read_bytes() == content


def test_openssh_logs_in_with_the_file_written_for_people(user: User, cluster: Site) -> None:
    said = subprocess.run(
        ["ssh", "-F", str(cluster.home.cluster_ssh_config), "hpc", "sinfo --noheader --format=%R"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert said.returncode == 0, said.stderr
    assert sorted(said.stdout.split()) == ["low", "main", "short"]


def test_every_command_is_in_sshds_log(user: User, cluster: Site) -> None:
    """Therefore a client's round trips can be counted by it."""
    user.ask("true 31415926")
    log = cluster.home.log("sshd").read_text()
    assert f"Starting session: command for {user.access.user}" in log
    assert f"Accepted publickey for {user.access.user}" in log
