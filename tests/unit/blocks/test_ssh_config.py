"""A login node as `~/.ssh/config` has it: what `ssh ALIAS` would use, or a sentence about what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.ssh_config import read_ssh_config
from contracts.failures import FailureCategory, FailureError
from tests.unit.blocks.cluster_block import ED25519

CONFIG = """\
Host slurm other
    HostName login.hpc.example.org
    Port 2222
    User omero
    IdentityFile "{folder}/gone"
    IdentityFile "{folder}/the key"
    UserKnownHostsFile {folder}/hosts
Host *
    ServerAliveInterval 30
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "the key").write_text("a key\n")
    (tmp_path / "hosts").write_text(
        f"# ours\nlogin.hpc.example.org {ED25519}\nnonsense\n[login.hpc.example.org]:2222 {ED25519}\n"
        f"elsewhere.example.org {ED25519}\n@cert-authority * {ED25519}\n"
    )
    path = tmp_path / "config"
    path.write_text(CONFIG.format(folder=tmp_path))
    return path


def test_an_alias_is_what_ssh_would_connect_to(config: Path) -> None:
    target = read_ssh_config(config, "slurm")
    assert (target.host, target.port, target.user) == ("login.hpc.example.org", 2222, "omero")
    assert target.private_key == "a key\n"
    assert target.known_hosts == f"[login.hpc.example.org]:2222 {ED25519}\n"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("    User omero\n", ""), "it names no User"),
        (("Host slurm", "Host cluster"), "it names no User"),
        (("the key", "no key"), "none of its keys is there"),
        (("/hosts", "/no-hosts"), "no host key of [login.hpc.example.org]:2222"),
        (("Port 2222", "Port 22222"), "no host key of [login.hpc.example.org]:22222"),
        (("    Port", "    ProxyJump gate\n    Port"), "it has proxyjump"),
        (("    Port", "    HostKeyAlias hpc\n    Port"), "it has hostkeyalias"),
    ],
)
def test_what_is_missing_is_said(config: Path, wrong: tuple[str, str], said: str) -> None:
    config.write_text(config.read_text().replace(*wrong))
    with pytest.raises(FailureError) as refusal:
        read_ssh_config(config, "slurm")
    assert refusal.value.failure.category is FailureCategory.NOT_CONFIGURED
    assert said in refusal.value.failure.detail


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FailureError) as refusal:
        read_ssh_config(tmp_path / "config", "slurm")
    assert "cannot be read" in refusal.value.failure.detail
