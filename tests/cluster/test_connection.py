"""One connection: what it refuses, and what becomes of a command when the line or the host fails."""

from __future__ import annotations

import io
import socket
import threading

import paramiko
import pytest
from pydantic import SecretStr

from blocks.remote_command import RemoteScript
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_connection import SshConnection
from blocks.ssh_failures import InterruptedCommandError
from blocks.ssh_keys import host_name
from contracts.failures import FailureCategory, FailureError
from tests.cluster.jobs import ON_BOTH_CLUSTERS
from tests.cluster.login import Login

ECHO = RemoteScript("echo", 'cat; printf "%s\\n" "$@"')


def new_key() -> paramiko.ECDSAKey:
    return paramiko.ECDSAKey.generate()


@ON_BOTH_CLUSTERS
def test_words_and_input_arrive_as_they_are(connection: SshConnection) -> None:
    words = ["", "a b", "'\"$HOME`id`\\", "two\nlines", "naïve 細胞", "-n", "!history", "x" * 50_000]
    result = connection.run(ECHO, *words, stdin=b"given\n")
    assert result.text == "given\n" + "".join(f"{word}\n" for word in words)
    assert connection.commands == 1


@ON_BOTH_CLUSTERS
def test_a_status_other_than_0_is_a_failure_with_what_it_printed(connection: SshConnection) -> None:
    with pytest.raises(FailureError) as caught:
        connection.run(RemoteScript("fail on purpose", "echo why >&2; exit 3"))
    assert caught.value.failure.category is FailureCategory.CLUSTER_REFUSED
    assert caught.value.failure.detail == "status 3: why"


def test_a_full_disk_is_told_from_other_failures(connection: SshConnection) -> None:
    with pytest.raises(FailureError) as caught:
        connection.run(RemoteScript("fill the disk", "dd if=/dev/zero of=/dev/full bs=1k count=1 status=none"))
    assert caught.value.failure.category is FailureCategory.SCRATCH_FULL


@ON_BOTH_CLUSTERS
def test_another_key_of_the_account_is_refused(slurm: SlurmCluster) -> None:
    text = io.StringIO()
    new_key().write_private_key(text)
    stranger = slurm.model_copy(update={"private_key": SecretStr(text.getvalue())})
    with pytest.raises(FailureError) as caught, stranger.connect():
        pass
    assert caught.value.failure.category is FailureCategory.CLUSTER_REFUSED_LOGIN


@ON_BOTH_CLUSTERS
@pytest.mark.parametrize("kind", ["another key of the same kind", "a key of another kind"])
def test_a_changed_host_key_is_its_own_failure(slurm: SlurmCluster, kind: str) -> None:
    _, key_type, _ = slurm.known_hosts.split()
    assert key_type == "ssh-ed25519"
    ed25519 = "AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
    key = f"ssh-ed25519 {ed25519}" if "same" in kind else f"{new_key().get_name()} {new_key().get_base64()}"
    changed = slurm.model_copy(update={"known_hosts": f"{host_name(slurm.host, slurm.port)} {key}\n"})
    with pytest.raises(FailureError) as caught, changed.connect():
        pass
    assert caught.value.failure.category is FailureCategory.HOST_KEY_CHANGED


def test_a_host_that_is_down_is_unreachable(slurm: SlurmCluster) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        known = slurm.known_hosts.replace(f":{slurm.port} ", f":{port} ")
        down = slurm.model_copy(update={"port": port, "known_hosts": known})
        with pytest.raises(FailureError) as caught, down.connect():
            pass
    assert caught.value.failure.category is FailureCategory.CLUSTER_UNREACHABLE
    assert caught.value.failure.retryable


def test_a_connection_that_is_cut_keeps_what_came(connection: SshConnection) -> None:
    cut = RemoteScript(
        "be cut off", 'echo 4711; sleep 0.5; kill -9 "$(ps -o ppid= -p "$PPID" | tr -d " ")" "$PPID"; sleep 60'
    )
    with pytest.raises(InterruptedCommandError) as caught:
        connection.run(cut)
    assert caught.value.failure.category is FailureCategory.CLUSTER_UNREACHABLE
    assert caught.value.stdout == b"4711\n"


def test_a_silent_command_keeps_what_came(connection: SshConnection) -> None:
    with pytest.raises(InterruptedCommandError) as caught:
        connection.run(RemoteScript("be silent", "echo 4711; sleep 60"), silent_seconds=1.0)
    assert caught.value.stdout == b"4711\n"
    assert connection.run(ECHO, "still there").text == "still there\n"


def test_a_cancelled_step_does_not_wait(slurm: SlurmCluster) -> None:
    stop = threading.Event()
    with slurm.connect(stopped=stop.is_set) as connection:
        threading.Timer(0.5, stop.set).start()
        with pytest.raises(FailureError) as caught:
            connection.run(RemoteScript("be cancelled", "sleep 600"))
    assert caught.value.failure.category is FailureCategory.CANCELLED


@ON_BOTH_CLUSTERS
def test_a_command_that_wants_no_more_input_ends_the_stream(connection: SshConnection) -> None:
    with connection.stream(RemoteScript("read little", "head -c 10 > /dev/null; echo enough >&2; exit 5")) as stream:
        while not stream.refuses_input:
            stream.write(bytes(1 << 20))
        result = stream.finish()
    assert (result.status, result.stderr) == (5, "enough\n")


def test_a_greeting_of_the_login_shell_is_no_part_of_the_answer(login: Login, slurm: SlurmCluster) -> None:
    login.ask("[ ! -e ~/.bashrc ] || mv ~/.bashrc ~/.bashrc.kept; echo 'echo Welcome; echo now 12' > ~/.bashrc")
    try:
        with slurm.connect() as connection:
            assert connection._client is not None
            assert connection._client.exec_command("true")[1].read() == b"Welcome\nnow 12\n", "the shell does greet"
            assert connection.run(ECHO, "answer").text == "answer\n"
    finally:
        login.ask("rm ~/.bashrc; [ ! -e ~/.bashrc.kept ] || mv ~/.bashrc.kept ~/.bashrc")
