"""The SlurmCluster block of a BIOMERO site: what its slurm-config.ini says, and how OpenSSH logs in there."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError

from blocks.container_runtime import RUNTIMES
from blocks.image_pull import APPTAINER_PULL
from blocks.remote_command import RemoteScript, quote
from blocks.slurm_cluster import SlurmCluster
from blocks.ssh_config import read_ssh_config
from blocks.ssh_connection import SshConnection, SshTarget
from contracts.cluster_settings import ClusterSettings
from contracts.failures import FailureCategory, fail
from contracts.wrong_fields import wrong_fields
from deployments.settings import Runtime

_LOOK = RemoteScript(
    "ask for the home folder",
    "cd && pwd -P || exit 1\ntimeout 60 sacct --noheader --starttime=now > /dev/null 2>&1 && echo accounting\n:\n",
)

#: Fields that the block has under the same name; None leaves the block's own default.
_SAME = (
    "default_partition",
    "gpu_partition",
    "gpu_style",
    "gpu_type",
    "default_minutes",
    "default_memory_mb",
    "default_cpus",
    "most_tasks_at_once",
    "pull_cpus",
    "pull_memory_mb",
    "sbatch_options",
)


def cluster_block(settings: ClusterSettings, ssh_config: Path, runtime: Runtime) -> SlurmCluster:
    """The block, not saved. It logs in once: a block that cannot is of no use, and the account's home is known there.

    Raises:
        FailureError: NOT_CONFIGURED, CLUSTER_UNREACHABLE, CLUSTER_REFUSED_LOGIN, HOST_KEY_CHANGED.
    """
    target = read_ssh_config(ssh_config, settings.host)
    home, accounting = _look(target)
    command, stop = RUNTIMES[runtime]
    fields: dict[str, Any] = {
        "host": target.host,
        "port": target.port,
        "user": target.user,
        "private_key": SecretStr(target.private_key),
        "known_hosts": target.known_hosts,
        "scratch": _folder(home, settings.scratch),
        "images": _folder(home, settings.images),
        "container_command": _with_binds(command, runtime, settings.binds),
        "container_stop": stop,
        "image_pull": _pull(settings, home),
        "accounting": accounting,
    }
    fields |= {name: value for name in _SAME if (value := getattr(settings, name)) is not None}
    try:
        return SlurmCluster(**fields)
    except ValidationError as error:
        wrong = "; ".join(wrong_fields(error, "cluster"))
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            "What slurm-config.ini says of the cluster does not fit together.",
            detail=wrong,
            next_step="Correct it there; nothing was saved.",
        ) from error


def _look(target: SshTarget) -> tuple[str, bool]:
    """The account's home on the cluster, and whether `sacct` answers."""
    with SshConnection(target) as connection:
        home, *rest = connection.run(_LOOK).text.splitlines()
    return home, bool(rest)


def _folder(home: str, folder: str) -> str:
    return posixpath.normpath(posixpath.join(home, folder))


def _with_binds(command: str, runtime: Runtime, binds: tuple[str, ...]) -> str:
    """The runtime's command with further folders, in front of the image."""
    if not binds:
        return command
    if runtime not in ("apptainer", "singularity"):
        raise fail(
            FailureCategory.NOT_CONFIGURED,
            f"slurm_data_bind_path is in Apptainer's words, and the runtime is {runtime}.",
            next_step="Take the key out of slurm-config.ini, and put the folders into the block's container_command.",
        )
    head, image = command.rsplit(" ", 1)
    return " ".join([head, *(f"--bind {quote(bind)}" for bind in binds), image])


def _pull(settings: ClusterSettings, home: str) -> str:
    words = APPTAINER_PULL.split()
    places = {"APPTAINER_TMPDIR": settings.tmpdir, "APPTAINER_CACHEDIR": settings.cachedir}
    given = [f"{name}={_folder(home, folder)}" for name, folder in places.items() if folder is not None]
    if settings.cachedir is not None:
        words.remove("--disable-cache")
    return " ".join([*(["env", *given] if given else []), *words])
