"""A SlurmCluster block for tests of what is made from it."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from blocks.slurm_cluster import SlurmCluster

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"


def cluster(**changes: Any) -> SlurmCluster:
    fields: dict[str, Any] = {
        "host": "hpc.example.org",
        "user": "omero",
        "private_key": SecretStr("not read here"),
        "known_hosts": f"hpc.example.org {ED25519}\n",
        "scratch": "/scratch/omero",
        "images": "/apps/images",
    }
    return SlurmCluster(**(fields | changes))
