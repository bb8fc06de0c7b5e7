"""What a SlurmCluster block takes, and what it says before anything is sent."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

import paramiko
import pytest
from pydantic import ValidationError

from blocks.container_runtime import CHARLIECLOUD, PODMAN, PODMAN_STOP, SINGULARITY
from blocks.ssh_keys import read_private_key
from contracts.failures import FailureCategory, FailureError
from tests.unit.blocks.cluster_block import ED25519, cluster

TOKEN = UUID("4c6ef0d0-90f4-4c5f-a4f5-6a5a9ec1a1bb")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"known_hosts": ""}, "no key of hpc.example.org"),
        ({"known_hosts": f"other.example.org {ED25519}"}, "no key of hpc.example.org"),
        ({"port": 2222}, r"no key of \[hpc.example.org\]:2222"),
        ({"known_hosts": f"# comment\n\nhpc.example.org {ED25519[:30]}"}, "Line 3"),
        ({"known_hosts": f"@cert-authority hpc.example.org {ED25519}"}, "Line 1"),
        ({"scratch": "relative"}, "scratch"),
        ({"scratch": "/"}, "scratch"),
        ({"scratch": "/scratch/../etc"}, "scratch"),
        ({"scratch": "/scratch/a b"}, "scratch"),
        ({"scratch": "/scratch/%u"}, "scratch"),
        ({"scratch": "/scratch/a:b"}, "scratch"),
        ({"scratch": "/scratch/"}, "scratch"),
        ({"images": "~/images"}, "images"),
        ({"mounts": {"images": "/nfs"}}, "no absolute path"),
        ({"mounts": {"/images": "nfs"}}, "mounts"),
        ({"slurm_folder": "/opt/slurm/bin:/tmp"}, "slurm_folder"),
        ({"container_command": "apptainer run {image}"}, "{in}, {out}"),
        ({"container_command": "apptainer run --bind {in}:/i,{out}:/o"}, "{image} or {reference}"),
        ({"container_command": "run {in} {out} {image} {secret}"}, "no placeholder"),
        ({"container_command": "run {in} {out} {image} {path}"}, "no placeholder"),
        ({"container_command": "run {in} {out} {image} {"}, "brace"),
        ({"container_command": "run {in} {out} {image} [gpu --nv"}, "not closed"),
        ({"container_command": "run {in} {out} {image} [tpu --nv]"}, "none of the groups"),
        ({"container_command": "run {in} {out} {image} 'open"}, "No closing quotation"),
        ({"container_stop": "podman rm --all"}, "{name}"),
        ({"sbatch_options": {"wrap": "rm -rf /"}}, "--wrap"),
        ({"sbatch_options": {"mem": "5G"}}, "--mem is no further option: memory says it"),
        ({"sbatch_options": {"job-name": "mine"}}, "--job-name"),
        ({"sbatch_options": {"account\n--wrap": "x"}}, "none of the options"),
        ({"sbatch_options": {"account": "a\nb"}}, "--account cannot be"),
        ({"default_partition": "a b"}, "default_partition"),
        ({"gpu_type": "a100:1"}, "gpu_type"),
        ({"poll_seconds_least": 60, "poll_seconds_most": 30}, "poll_seconds_least"),
    ],
)
def test_what_cannot_be_right_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said.replace("{", r"\{").replace("}", r"\}")):
        cluster(**changes)


@pytest.mark.parametrize("template", [SINGULARITY, CHARLIECLOUD, PODMAN])
def test_the_templates_that_come_with_it_are_taken(template: str) -> None:
    stop = PODMAN_STOP if template is PODMAN else None
    assert cluster(container_command=template, container_stop=stop).container_command == template


def test_a_hashed_host_name_is_found() -> None:
    hashed = paramiko.HostKeys.hash_host("hpc.example.org")
    assert cluster(known_hosts=f"{hashed} {ED25519}").known_hosts


def test_a_runs_folder_is_its_token_below_scratch() -> None:
    assert cluster().folder(TOKEN) == f"/scratch/omero/{TOKEN}"


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/images/lab-a/a b.lif", "/nfs/omero/lab-a/a b.lif"),
        ("/images/lab-b/x.lif", "/fast/b/x.lif"),
        ("/images", "/nfs/omero"),
        ("/images2/x.lif", None),
        ("/images/../etc/passwd", None),
        ("/OMERO/x", None),
    ],
)
def test_mounted_files_are_found_where_the_cluster_sees_them(path: str, seen: str | None) -> None:
    mounts = {"/images": "/nfs/omero", "/images/lab-b": "/fast/b"}
    assert cluster(mounts=mounts).cluster_path(path) == seen
    assert cluster().cluster_path(path) is None


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_private_keys_of_every_kind_are_read(kind: str) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = {
        "ed25519": ed25519.Ed25519PrivateKey.generate,
        "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
        "rsa": lambda: rsa.generate_private_key(65537, 2048),
    }[kind]()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    assert kind in read_private_key(text).get_name().replace("ecdsa-sha2", "ecdsa")


@pytest.mark.parametrize("text", ["", "no key", "passphrase"])
def test_a_key_that_cannot_be_read_is_said_without_showing_it(text: str) -> None:
    if text == "passphrase":
        written = io.StringIO()
        paramiko.RSAKey.generate(2048).write_private_key(written, password="secret")
        text = written.getvalue()
    with pytest.raises(FailureError) as caught:
        read_private_key(text)
    assert caught.value.failure.category is FailureCategory.NOT_CONFIGURED
    assert not text or text not in str(caught.value)


def test_the_key_is_in_no_text_about_the_block() -> None:
    secret = cluster(private_key="very secret")
    assert "very secret" not in f"{secret!r} {secret} {secret.target!r}"
