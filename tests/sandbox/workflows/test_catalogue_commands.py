"""Taking over a BIOMERO site's workflows and cluster, as an admin types it: real processes, the site's own Prefect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

from blocks.slurm_cluster import SlurmCluster
from blocks.workflow_catalogue import WorkflowCatalogue
from contracts.slurm_config import read_slurm_config
from sandbox.site import Site

CONFIG = """\
[WORKFLOWS]
cellpose=cellpose
cellpose_repo=https://github.com/lab/W_Cellpose/tree/v1.3.1
cellpose_job=jobs/cellpose.sh
cellpose_job_gres=gpu:1
cellpose_job_reservation=biomero
plates_repo=https://github.com/lab/W_Plates/tree/v2
[UI]
plate_workflows=["plates"]
"""

CLUSTER = """\
[SSH]
host=localslurm
[SLURM]
slurm_data_path=my-scratch/data
slurm_images_path=/srv/containers/workflows
slurm_data_bind_path=/srv/storage
slurm_default_partition=main
gpu_gres=gpu:1g.10gb:1
apptainer_tmpdir=/tmp
image_pull_mem=16G
sbatch_account=bio
"""


class CommandLine:
    """Runs `omero-flows` as in a wide terminal whose environment names the site."""

    def __init__(self, site: Site, folder: Path) -> None:
        self._environment = os.environ | site.environment() | {"COLUMNS": "250", "NO_COLOR": "1", "TERM": "dumb"}
        self._folder = folder

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(autouse=True)
def kept_blocks(site: Site) -> Iterator[None]:
    """Whatever a test saves as the site's workflows and cluster, those that were there are back afterwards: the site is
    other tests' site too, and `deploy` keeps what it finds changed.
    """
    with temporary_settings({PREFECT_API_URL: site.prefect_api, PREFECT_API_AUTH_STRING: site.prefect_auth}):
        catalogue, cluster = WorkflowCatalogue.load("omero-flows"), SlurmCluster.load("omero-flows")
        assert isinstance(catalogue, WorkflowCatalogue) and isinstance(cluster, SlurmCluster)
        yield
        catalogue.save("omero-flows", overwrite=True)
        cluster.save("omero-flows", overwrite=True)


@pytest.fixture
def command(site: Site, tmp_path: Path) -> CommandLine:
    (tmp_path / "slurm-config.ini").write_text(CONFIG, "utf-8")
    (tmp_path / "other.ini").write_text(CONFIG.replace("v1.3.1", "v1.4.0"), "utf-8")
    return CommandLine(site, tmp_path)


def test_workflows_are_taken_over_once_and_replaced_only_when_asked(command: CommandLine) -> None:
    written = command.run("migrate", "slurm-config", "slurm-config.ini", "--write", "--replace")
    assert written.returncode == 0, written.stderr
    assert "Saved 2 workflows." in written.stdout

    listed = command.run("workflows", "list")
    assert listed.returncode == 0, listed.stderr
    row = next(line for line in listed.stdout.splitlines() if "cellpose" in line)
    assert "https://github.com/lab/W_Cellpose/tree/v1.3.1" in row and "--gres=gpu:1 --reservation=biomero" in row
    assert any("plates" in line and "W_Plates/tree/v2" in line for line in listed.stdout.splitlines())

    expected = {name: entry.model_dump(mode="json") for name, entry in read_slurm_config(CONFIG).workflows.items()}
    assert json.loads(command.run("workflows", "list", "--json").stdout) == expected

    refused = command.run("migrate", "slurm-config", "other.ini", "--write")
    assert refused.returncode == 1
    assert "There is a WorkflowCatalogue block already" in refused.stderr and "--replace" in refused.stderr
    assert json.loads(command.run("workflows", "list", "--json").stdout) == expected

    assert command.run("migrate", "slurm-config", "other.ini", "--write", "--replace").returncode == 0
    assert "v1.4.0" in command.run("workflows", "list").stdout


@pytest.fixture
def ssh_config(site: Site, tmp_path: Path) -> Path:
    """An OpenSSH configuration that calls the sandbox's login node as BIOMERO's own example does."""
    if site.cluster is None:
        pytest.skip("the site has no cluster")
    text = (site.home.secrets / "cluster-ssh-config").read_text("utf-8")
    path = tmp_path / "ssh-config"
    path.write_text(text.replace("Host hpc\n", "Host localslurm\n"), "utf-8")
    return path


def test_a_cluster_is_taken_over_and_logged_in_to(command: CommandLine, ssh_config: Path, tmp_path: Path) -> None:
    (tmp_path / "whole.ini").write_text(CLUSTER + CONFIG + "max_batch_jobs=50\n", "utf-8")
    write = ("migrate", "slurm-config", "whole.ini", "--write", "--ssh-config", str(ssh_config))

    refused = command.run(*write)
    assert refused.returncode == 1 and "There is a WorkflowCatalogue and a SlurmCluster block" in refused.stderr

    written = command.run(*write, "--replace")
    assert written.returncode == 0, written.stderr
    assert "Saved 2 workflows." in written.stdout and "Saved the cluster omero-hpc@127.0.0.1" in written.stdout
    saved = SlurmCluster.load("omero-flows")
    assert isinstance(saved, SlurmCluster)
    assert (saved.scratch, saved.images) == ("/home/omero-hpc/my-scratch/data", "/srv/containers/workflows")
    assert (saved.default_partition, saved.gpu_style, saved.gpu_type) == ("main", "gres", "1g.10gb")
    assert (saved.pull_memory_mb, saved.most_tasks_at_once, saved.sbatch_options) == (16384, 50, {"account": "bio"})
    assert saved.container_command.endswith("--bind /srv/storage {image}")
    assert saved.image_pull.startswith("env APPTAINER_TMPDIR=/tmp apptainer pull")
    assert saved.accounting
    with saved.connect() as connection:
        assert connection.target.user == "omero-hpc"


def test_a_cluster_that_nobody_can_log_in_to_is_not_saved(command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "whole.ini").write_text(CLUSTER + CONFIG.replace("v1.3.1", "v9"), "utf-8")
    (tmp_path / "empty").touch()
    refused = command.run("migrate", "slurm-config", "whole.ini", "--write", "--replace", "--ssh-config", "empty")
    assert refused.returncode == 1 and "it names no User" in refused.stderr
    assert "v9" not in command.run("workflows", "list").stdout


def test_without_write_nothing_changes(command: CommandLine) -> None:
    before = command.run("workflows", "list", "--json").stdout
    assert command.run("migrate", "slurm-config", "other.ini").returncode == 0
    assert command.run("workflows", "list", "--json").stdout == before
