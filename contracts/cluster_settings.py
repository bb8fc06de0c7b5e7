"""What a site says about its cluster once, for all workflows."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.base import Contract
from contracts.sbatch_options import SbatchOptions, check_option

#: A folder on the cluster: absolute, or relative to the home of the cluster's account.
ClusterFolder = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./][A-Za-z0-9_./+@=-]*$", max_length=1000)]
#: In Apptainer's words: folders with commas between, each perhaps with `:` and its place in the container.
BindPaths = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./][A-Za-z0-9_./+@=,:-]*$", max_length=4000)]
HostAlias = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=255)]


class ClusterGpu(Contract):
    """How a GPU is asked for: a partition, and `--gres` or `--gpus`, never both."""

    partition: str | None = None
    gres: str | None = None
    gpus: str | None = None

    @model_validator(mode="after")
    def _known_words(self) -> Self:
        if self.gres is not None and self.gpus is not None:
            raise ValueError("give gres or gpus, not both")
        for name, value in self.options.items():
            check_option(name, value)
        return self

    @property
    def options(self) -> dict[str, str]:
        words = {"partition": self.partition, "gres": self.gres, "gpus": self.gpus}
        return {name: value for name, value in words.items() if value is not None}


class ClusterSettings(Contract):
    """A cluster as a slurm-config.ini of BIOMERO describes it.

    `inject_gpu_flag`: the container sees the GPU only in runs that use one; otherwise always, where the node
    has one. `pull_memory` is in Slurm's words (`32G`). `bind_paths` are mounted into every container.
    `most_jobs` bounds the jobs of one run.
    """

    host: HostAlias = "slurm"
    data_path: ClusterFolder = "my-scratch/data"
    images_path: ClusterFolder = "my-scratch/singularity_images/workflows"
    converters_path: ClusterFolder = "my-scratch/singularity_images/converters"
    bind_paths: BindPaths | None = None
    default_partition: str | None = None
    gpu: ClusterGpu = ClusterGpu()
    inject_gpu_flag: bool = False
    pull_with_sbatch: bool = False
    pull_cpus: Annotated[int, Field(ge=1, le=1024)] = 8
    pull_memory: str = "32G"
    tmpdir: ClusterFolder | None = None
    cachedir: ClusterFolder | None = None
    sbatch: SbatchOptions = Field(default_factory=dict)
    most_jobs: Annotated[int, Field(ge=1)] = 100

    @model_validator(mode="after")
    def _known_words(self) -> Self:
        check_option("mem", self.pull_memory)
        if self.default_partition is not None:
            check_option("partition", self.default_partition)
        for folder in (self.data_path, self.images_path, self.converters_path, self.tmpdir, self.cachedir):
            if folder is not None and ".." in folder.split("/"):
                raise ValueError(f"{folder!r} has '..'")
        return self
