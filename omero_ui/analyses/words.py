"""What a run will do, in words, before it is placed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from contracts.analysis_run import AnalysisRun, ResultOptions, RoiShape, TableKind
from contracts.catalogue_listing import UsableWorkflow
from contracts.job_request import JobResources
from contracts.parameter_values import complete_values
from contracts.workflow_arguments import write_value
from omero_ui.analyses.chosen import Chosen

#: Characters of a value that a sentence repeats.
_LONGEST = 60
_SHOWN = 3


@dataclass(frozen=True)
class Said:
    """One line: what it is about, and the words."""

    about: str
    words: str


def describe_run(run: AnalysisRun, usable: UsableWorkflow, chosen: Chosen, job: JobResources) -> list[Said]:
    images = len(chosen.selected)
    return [
        Said("Input", _input(chosen, images)),
        *_parameters(run, usable),
        Said("Jobs", _jobs(run, images, job)),
        *_results(run.results),
        *([Said("E-mail", f"Slurm writes to {job.mail_to} when the job ends.")] if job.mail_to else []),
    ]


def count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _input(chosen: Chosen, images: int) -> str:
    named = [f"{one.kind.value} “{one.name}”" for one in chosen.containers if one.images]
    where = ""
    if named:
        more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
        where = f", of {', '.join(named[:_SHOWN])}{more}"
    left = len(chosen.images) - images
    return f"{count(images, 'image')}{where}{f'; {left:,} left out' if left else ''}."


def _parameters(run: AnalysisRun, usable: UsableWorkflow) -> Iterator[Said]:
    descriptor = usable.descriptor
    defaults = {parameter.id: parameter.default for parameter in descriptor.parameters}
    completed = complete_values(descriptor, run.parameters)
    said = [
        f"{parameter.title} {_value(completed[parameter.id])}"
        + ("" if completed[parameter.id] != defaults[parameter.id] else " (default)")
        for parameter in descriptor.parameters
        if parameter.id in completed
    ]
    for file_input in descriptor.files:
        if ids := run.inputs.attachments.get(file_input.id):
            said.append(f"{file_input.title}: {count(len(ids), 'file')}")
    if said:
        yield Said("Parameters", "; ".join(said) + ".")


def _value(value: bool | int | float | str) -> str:
    text = ("yes" if value else "no") if isinstance(value, bool) else write_value(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _jobs(run: AnalysisRun, images: int, job: JobResources) -> str:
    size = min(run.batch_size or images, images)
    jobs = -(-images // size)
    what = f"One job with all {images:,}" if jobs == 1 and images > 1 else count(jobs, "job")
    if jobs > 1:
        what += f" of {'' if images % size == 0 else 'up to '}{size:,}"
    gets = [count(job.cpus, "processor")]
    if job.memory_mb:
        gets.append(f"{_memory(job.memory_mb)} of memory")
    if job.gpus:
        gets.append(count(job.gpus, "GPU"))
    where = f" in partition {job.partition}" if job.partition else ""
    at_once = f"; at most {job.at_once} at the same time" if job.at_once and jobs > job.at_once else ""
    return f"{what}; each gets {', '.join(gets)} and at most {job.minutes:,} minutes{where}{at_once}."


def _memory(mebibytes: int) -> str:
    """In the unit in which it is a round number, as whoever set it wrote it."""
    return f"{mebibytes // 1024:,} GiB" if mebibytes % 1024 == 0 else f"{mebibytes:,} MiB"


def _results(results: ResultOptions) -> Iterator[Said]:
    if results.import_images:
        where = "beside their inputs" if results.destination is None else f"into {results.destination}"
        yield Said("Result images", f"They go {where}, named {results.image_name}.")
    else:
        yield Said("Result images", "They are not imported.")
    if results.rois is not None:
        shape = "polygons" if results.rois is RoiShape.POLYGONS else "masks"
        which = "Label images" if results.label_images == "*" else f"Label images named {results.label_images}"
        yield Said("ROIs", f"{which} become {shape} on their input images.")
    if results.tables is not None:
        become = "tables of OMERO" if results.tables is TableKind.OMERO_TABLE else "attachments"
        yield Said("Tables", f"CSV files become {become}.")
    else:
        yield Said("Tables", "CSV files are left out.")
    others = ["other files are attached"] if results.attach_other_files else ["other files are left out"]
    others += ["everything is attached as one zip file too"] if results.archive else []
    yield Said("Files", f"{' and '.join(others).capitalize()}.")
