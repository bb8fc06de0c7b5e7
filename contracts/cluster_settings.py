"""What a slurm-config.ini of BIOMERO says about its cluster, in the words of the SlurmCluster block."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.base import Contract
from contracts.job_request import PartitionName
from contracts.sbatch_options import SbatchOptions

#: A folder on the cluster: absolute, or relative to the home of the cluster's account.
ClusterFolder = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./][A-Za-z0-9_./+@=-]*$", max_length=1000)]
#: In Apptainer's words: a folder, and perhaps with `:` its place in the container.
BindPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9_./+@=-]*(:/[A-Za-z0-9_./+@=-]*(:r[ow])?)?$")]
HostAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=255)]
GpuType = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class ClusterSettings(Contract):
    """A cluster as a slurm-config.ini describes it; what is not in the file has BIOMERO's default, or the block's.

    `host`: how OpenSSH's configuration calls the login node; address, account and keys are there. `binds`: mounted into
    every container, in Apptainer's words. `tmpdir`, `cachedir`: of the jobs that pull images.
    """

    host: HostAlias = "slurm"
    scratch: ClusterFolder = "my-scratch/data"
    images: ClusterFolder = "my-scratch/singularity_images/workflows"
    binds: Annotated[tuple[BindPath, ...], Field(strict=False)] = ()
    default_partition: PartitionName | None = None
    gpu_partition: PartitionName | None = None
    gpu_style: Literal["gres", "gpus"] = "gres"
    gpu_type: GpuType | None = None
    default_minutes: Annotated[int, Field(ge=1)] | None = None
    default_memory_mb: Annotated[int, Field(ge=1)] | None = None
    default_cpus: Annotated[int, Field(ge=1)] | None = None
    most_tasks_at_once: Annotated[int, Field(ge=1)] = 100
    pull_cpus: Annotated[int, Field(ge=1, le=1024)] | None = None
    pull_memory_mb: Annotated[int, Field(ge=1)] | None = None
    tmpdir: ClusterFolder | None = None
    cachedir: ClusterFolder | None = None
    sbatch_options: SbatchOptions = Field(default_factory=dict)

    @model_validator(mode="after")
    def _plain_folders(self) -> Self:
        for folder in (self.scratch, self.images, self.tmpdir, self.cachedir):
            if folder is not None and ".." in folder.split("/"):
                raise ValueError(f"{folder!r} has '..'")
        return self
