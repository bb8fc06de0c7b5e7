"""A Slurm cluster: how its login node is reached, where things are, what a run may ask of it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Literal
from uuid import UUID

from prefect.blocks.core import Block
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic.networks import HttpUrl

from blocks.container_runtime import APPTAINER, check_run_template, check_stop_template
from blocks.image_pull import APPTAINER_PULL, check_pull_template
from blocks.ssh_connection import SshConnection, SshTarget
from blocks.ssh_keys import host_name, read_known_hosts
from blocks.ssh_stream import Stopped, never
from contracts.cluster_limits import ClusterLimits
from contracts.cluster_path import ClusterPath
from contracts.failures import FailureError
from contracts.job_request import PartitionName
from contracts.sbatch_options import SbatchOptions


class SlurmCluster(Block):
    """A Slurm cluster behind a login node, reached over SSH with one account and a pinned host key.

    Example:
        Look what the queue says of an account:
        ```python
        from blocks.slurm_cluster import SlurmCluster

        cluster = SlurmCluster.load("BLOCK_NAME")
        with cluster.connect() as connection:
            print(connection.target)
        ```
    """

    _block_type_name = "Slurm Cluster"
    _block_type_slug = "slurm-cluster"
    _logo_url = HttpUrl("https://slurm.schedmd.com/slurm_logo.png")
    _documentation_url = HttpUrl("https://slurm.schedmd.com/")

    host: str = Field(min_length=1, description="Name or address of the login node.")
    port: int = Field(default=22, ge=1, le=65535, description="Port of its sshd.")
    user: str = Field(min_length=1, description="The account that runs the jobs; with a POSIX login shell.")
    private_key: SecretStr = Field(description="The account's private key, in OpenSSH's format, without a passphrase.")
    known_hosts: str = Field(
        description="The login node's host keys, as lines of OpenSSH's known_hosts. Any other is refused."
    )
    slurm_folder: Literal[""] | ClusterPath = Field(
        default="", description="Where sbatch and squeue are, if a login without terminal does not find them."
    )

    scratch: ClusterPath = Field(description="Folder on the cluster for the runs' folders; the account's own.")
    images: ClusterPath = Field(description="Folder on the cluster for container images.")
    mounts: dict[str, ClusterPath] = Field(
        default_factory=dict,
        description="Where the cluster mounts what the workers see: folder on the workers to folder on the cluster."
        " Inputs below it are linked instead of sent.",
    )
    container_command: str = Field(
        default=APPTAINER, description="How a container is run; the placeholders are in docs/admin.md."
    )
    container_stop: str | None = Field(
        default=None, description="How a container is ended when its job is; for runtimes whose containers outlive it."
    )

    image_ending: str = Field(
        default=".sif", pattern=r"^\.[a-z0-9]{1,10}$", description="How the files of container images end."
    )
    image_pull: str = Field(
        default=APPTAINER_PULL,
        description="How an image is made a file: {reference} is its name in a registry, {file} the file's name,"
        " {destination} where it is to be.",
    )
    pull_cpus: int | None = Field(
        default=None, ge=1, description="Processors of a job that pulls an image; none: what Slurm gives."
    )
    pull_memory_mb: int | None = Field(
        default=None, ge=1, description="Memory of a job that pulls an image, in MiB; none: what Slurm gives."
    )

    accounting: bool = Field(default=True, description="Whether `sacct` answers (the cluster runs slurmdbd).")
    default_partition: PartitionName | None = Field(default=None, description="Partition of jobs that ask for none.")
    gpu_partition: PartitionName | None = Field(
        default=None, description="Partition of jobs that ask for a GPU and for no partition."
    )
    partitions: list[PartitionName] = Field(
        default_factory=list, description="Partitions that a run may ask for; empty: any."
    )
    gpu_style: Literal["gres", "gpus"] = Field(
        default="gres", description="How a GPU is asked for: `--gres=gpu:1` or `--gpus=1`."
    )
    gpu_type: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="Type of GPU, for example `a100`."
    )
    default_minutes: int = Field(default=45, ge=1, description="Time limit of jobs that ask for none, in minutes.")
    default_memory_mb: int | None = Field(
        default=5120, ge=1, description="Memory of jobs that ask for none, in MiB; none: what Slurm gives."
    )
    default_cpus: int = Field(default=4, ge=1, description="Processors of jobs that ask for none.")
    most_minutes: int = Field(default=2880, ge=1, description="Longest time a run may ask for, in minutes.")
    most_memory_mb: int = Field(default=262_144, ge=1, description="Most memory a run may ask for, in MiB.")
    most_cpus: int = Field(default=64, ge=1, description="Most processors a run may ask for.")
    most_gpus: int = Field(default=4, ge=0, description="Most GPUs a run may ask for.")
    most_tasks_at_once: int | None = Field(
        default=None, ge=1, description="Most tasks of one run that may run at the same time; none: no limit of ours."
    )
    sbatch_options: SbatchOptions = Field(
        default_factory=dict,
        description="Further options of sbatch for every job, by long name: `account`, `qos`, `constraint` ...",
    )

    poll_seconds_least: float = Field(
        default=10.0, ge=1.0, le=3600.0, description="Shortest time between two questions to Slurm, in seconds."
    )
    poll_seconds_most: float = Field(
        default=300.0, ge=1.0, le=3600.0, description="Longest time between two questions to Slurm, in seconds."
    )
    unknown_minutes: int = Field(
        default=60, ge=1, description="How long nobody may know how a job ended before it counts as failed, in minutes."
    )
    stuck_minutes: int = Field(
        default=4320,
        ge=1,
        description="How long a job may wait for what does not come by itself (it is held, or depends on a job that"
        " failed) before it is cancelled and its run fails, in minutes.",
    )
    keep_failed_days: int = Field(
        default=14, ge=0, description="How long the folder of a run that failed stays on the cluster, in days."
    )

    @field_validator("known_hosts")
    @classmethod
    def _readable_keys(cls, text: str) -> str:
        try:
            read_known_hosts(text)
        except FailureError as error:
            raise ValueError(f"{error.failure.summary} {error.failure.detail}") from error
        return text

    @field_validator("container_command")
    @classmethod
    def _run_template(cls, template: str) -> str:
        return check_run_template(template)

    @field_validator("container_stop")
    @classmethod
    def _stop_template(cls, template: str | None) -> str | None:
        return None if template is None else check_stop_template(template)

    @field_validator("image_pull")
    @classmethod
    def _pull_template(cls, template: str) -> str:
        return check_pull_template(template)

    @field_validator("mounts")
    @classmethod
    def _absolute_mounts(cls, mounts: dict[str, str]) -> dict[str, str]:
        for folder in mounts:
            if not PurePosixPath(folder).is_absolute() or ".." in PurePosixPath(folder).parts:
                raise ValueError(f"{folder!r} is no absolute path on the workers")
        return mounts

    @model_validator(mode="after")
    def _fits_together(self) -> SlurmCluster:
        if read_known_hosts(self.known_hosts).lookup(host_name(self.host, self.port)) is None:
            raise ValueError(f"known_hosts has no key of {host_name(self.host, self.port)}")
        if self.poll_seconds_least > self.poll_seconds_most:
            raise ValueError("poll_seconds_least is more than poll_seconds_most")
        return self

    @property
    def target(self) -> SshTarget:
        return SshTarget(
            host=self.host,
            port=self.port,
            user=self.user,
            private_key=self.private_key.get_secret_value(),
            known_hosts=self.known_hosts,
            slurm_folder=self.slurm_folder,
        )

    @property
    def limits(self) -> ClusterLimits:
        return ClusterLimits.model_validate({name: getattr(self, name) for name in ClusterLimits.model_fields})

    def connect(self, *, stopped: Stopped = never) -> SshConnection:
        """A connection for one step; it logs in when its context begins. `stopped` is asked while it waits."""
        return SshConnection(self.target, stopped=stopped)

    def at(self, scratch: str | None) -> SlurmCluster:
        """The cluster as a run knows it that was made when `scratch` was its folder for runs; None: as it is now.

        `scratch` comes out of a contract of ours, whose type lets nothing pass that no block could have had.
        """
        return self if scratch in (None, self.scratch) else self.model_copy(update={"scratch": scratch})

    def folder(self, token: UUID, scratch: str | None = None) -> str:
        """The run's folder: the token below its scratch (None: the block's), and never anything else."""
        return f"{scratch or self.scratch}/{token}"

    def cluster_path(self, path: str) -> str | None:
        """Where the cluster sees a file of the workers; None where it does not. Of two mounts the deeper one counts.

        `path` is absolute and has no symbolic links (`ImageStorage.identify` gives such).
        """
        given = PurePosixPath(path)
        for folder in sorted(self.mounts, key=len, reverse=True):
            if given.is_relative_to(folder) and ".." not in given.parts:
                return str(PurePosixPath(self.mounts[folder]) / given.relative_to(folder))
        return None
