"""What a workflow asks of Slurm by itself: the catalogue's words first, then its descriptor's needs.

The catalogue has sbatch's words (`1-12:00:00`, `15G`); here they are minutes and MiB, so that limits can be compared.
"""

from __future__ import annotations

import re

from contracts.analysis_run import Resources
from contracts.base import Contract
from contracts.sbatch_options import SbatchOptions
from contracts.workflow_descriptor import WorkflowDescriptor
from contracts.workflow_entry import WorkflowEntry

#: sbatch --time: minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes[:seconds].
_TIME = re.compile(r"(?:(?P<days>\d+)-)?(?P<a>\d+)(?::(?P<b>\d+))?(?::(?P<c>\d+))?")
_MEMORY = re.compile(r"(\d+)([KMGT]?)B?", re.IGNORECASE)
_MIB = {"K": 1 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024 * 1024}
_GPU = re.compile(r"(?:gres[/:])?gpu(?::[A-Za-z][A-Za-z0-9_.-]*)?(?::(\d+))?", re.IGNORECASE)


class WorkflowResources(Contract):
    """`options`: further options of sbatch, those that are no resource of ours."""

    resources: Resources
    options: SbatchOptions


def workflow_resources(entry: WorkflowEntry, descriptor: WorkflowDescriptor) -> WorkflowResources:
    """What one workflow asks for.

    Raises:
        ValueError: a time or memory that sbatch would not take; the entry refuses those already.
    """
    needs = descriptor.resources
    gpus = _gpus(entry)
    if gpus is None:
        gpus = 1 if (needs.gpu if entry.use_gpu is None else entry.use_gpu) else 0
    elif entry.use_gpu is False:
        gpus = 0
    resources = Resources(
        partition=entry.partition,
        cpus=entry.cpus or needs.cores,
        gpus=gpus,
        memory_mb=parse_memory(entry.memory) if entry.memory is not None else needs.ram_mib,
        minutes=parse_minutes(entry.time) if entry.time is not None else None,
    )
    others = [part for part in (entry.gres or "").split(",") if part and not _GPU.fullmatch(part)]
    return WorkflowResources(
        resources=resources, options=dict(entry.sbatch) | ({"gres": ",".join(others)} if others else {})
    )


def parse_minutes(text: str) -> int:
    """Minutes of sbatch's `--time`, rounded up to a whole one.

    Raises:
        ValueError: it is no time of sbatch's.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no time as sbatch takes it, for example 45, 12:00:00 or 1-12")
    first, second, third = (int(found[name] or 0) for name in ("a", "b", "c"))
    if found["days"] is not None:
        seconds = int(found["days"]) * 86_400 + first * 3600 + second * 60 + third
    elif found["c"] is not None:
        seconds = first * 3600 + second * 60 + third
    else:
        seconds = first * 60 + second
    return max(1, -(-seconds // 60))


def parse_memory(text: str) -> int:
    """MiB of sbatch's `--mem`, rounded up.

    Raises:
        ValueError: it is no amount of sbatch's.
    """
    found = _MEMORY.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no memory as sbatch takes it, for example 15G or 4096")
    return max(1, -int(-(int(found[1]) * _MIB[found[2].upper()]) // 1))


def _gpus(entry: WorkflowEntry) -> int | None:
    """GPUs that the entry names in `gres` or `gpus`; None when it names none."""
    if entry.gpus is not None:
        return sum(int(part.rpartition(":")[2]) for part in entry.gpus.split(","))
    counted = [int(found[1] or 1) for part in (entry.gres or "").split(",") if (found := _GPU.fullmatch(part))]
    return sum(counted) if counted else None
