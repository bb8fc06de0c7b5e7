"""What became of a run: results, files, and failures grouped by their cause."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.analysis_report import AnalysisReport, analysis_report_key
from contracts.failures import Failure
from contracts.import_report import FileState, ImportReport, report_key
from contracts.run_results import Result, ResultKind
from contracts.run_tags import RunKind
from contracts.slurm_job import TaskVerdict
from omero_ui.prefect_api.artifacts import as_json, read_latest
from omero_ui.prefect_api.connection import PrefectApi

#: Shown on the page; the rest is counted.
MOST_RESULTS = 60
MOST_FILES = 200
MOST_AFFECTED = 10


class ShownResult(BaseModel):
    """`image`: whose picture it has (None: no picture). `show`: how the webclient calls the object, `image-7`."""

    model_config = ConfigDict(frozen=True)

    name: str
    became: str
    image: int | None
    show: str | None


class FailureGroup(BaseModel):
    """One cause, with what it befell; `more` are not named."""

    model_config = ConfigDict(frozen=True)

    failure: Failure
    affected: tuple[str, ...]
    more: int

    @property
    def count(self) -> int:
        return len(self.affected) + self.more


class ShownFile(BaseModel):
    model_config = ConfigDict(frozen=True)

    path: str
    state: FileState
    said: str
    objects: tuple[ShownResult, ...]


class ShownPart(BaseModel):
    """What a batch did for one user at one place. `show`: how the webclient calls the place, or an image in it."""

    model_config = ConfigDict(frozen=True)

    user: str
    group: str
    where: str
    show: str | None
    imported: int
    there: int
    failed: int


class ShownRule(BaseModel):
    """What a batch of analyses did by one rule; counts are of images. `runs`: those it placed or tried again."""

    model_config = ConfigDict(frozen=True)

    user: str
    group: str
    title: str
    new: int
    under_way: int
    done: int
    failed: int
    runs: tuple[tuple[UUID, str], ...]
    more_runs: int


class Outcome(BaseModel):
    """`more_...`: how many are not shown. `summary`: the report's own sentence."""

    model_config = ConfigDict(frozen=True)

    summary: str
    results: tuple[ShownResult, ...]
    more_results: int
    failures: tuple[FailureGroup, ...]
    files: tuple[ShownFile, ...] = ()
    more_files: int = 0
    parts: tuple[ShownPart, ...] = ()
    more_parts: int = 0
    rules: tuple[ShownRule, ...] = ()
    verdicts: tuple[TaskVerdict, ...] = ()
    version: str | None = None
    job: int | None = None

    @property
    def shown(self) -> tuple[ShownResult, ...]:
        """All objects of OMERO that it names."""
        return (*self.results, *(item for file in self.files for item in file.objects))


def read_outcome(prefect: PrefectApi, token: UUID, kind: RunKind) -> Outcome | None:
    """By the latest report of an import or an analysis; None before it has one."""
    key = report_key(token) if kind is RunKind.IMPORT else analysis_report_key(token)
    artifact = read_latest(prefect, [key]).get(key)
    if artifact is None:
        return None
    if kind is RunKind.IMPORT:
        return outcome_of_import(ImportReport.model_validate_json(as_json(artifact)))
    return outcome_of_analysis(AnalysisReport.model_validate_json(as_json(artifact)))


def outcome_of_import(report: ImportReport) -> Outcome:
    files = [
        ShownFile(
            path=file.path,
            state=file.state,
            said=file.failure.summary if file.failure is not None else ("was there already" if file.was_there else ""),
            objects=tuple(
                ShownResult(
                    name=item.name,
                    became=item.type,
                    image=item.id if item.type == "Image" else None,
                    show=f"{item.type.lower()}-{item.id}",
                )
                for item in file.objects
            ),
        )
        for file in report.files
    ]
    files.sort(key=lambda file: file.state is FileState.IMPORTED)  # what needs somebody comes first
    results = [item for file in files for item in file.objects]
    broken = [(file.path, file.failure) for file in report.files if file.failure is not None]
    broken += [(f"form {form.form}", form.failure) for form in report.forms if form.failure is not None]
    return Outcome(
        summary=report.summary,
        results=tuple(results[:MOST_RESULTS]),
        more_results=max(0, len(results) - MOST_RESULTS),
        failures=group_failures(broken),
        files=tuple(files[:MOST_FILES]),
        more_files=max(0, len(files) - MOST_FILES),
    )


def outcome_of_analysis(report: AnalysisReport) -> Outcome:
    names = {staged.image: staged.name for staged in report.inputs}
    failed = [("the whole run", report.failure)] if report.failure is not None else []
    failed += [(f"task {item.task}", item.failure) for item in report.verdicts if item.failure is not None]
    failed += [(f"{item.path} (task {item.task})", item.failure) for item in report.refused]
    failed += [(item.path, item.failure) for item in report.failed]
    return Outcome(
        summary=report.summary,
        results=tuple(_result(item, names) for item in report.results[:MOST_RESULTS]),
        more_results=max(0, len(report.results) - MOST_RESULTS),
        failures=group_failures(failed),
        verdicts=report.verdicts[:MOST_FILES],
        version=report.version,
        job=report.job.number if report.job is not None else None,
    )


def _result(item: Result, names: dict[int, str]) -> ShownResult:
    words = {
        ResultKind.IMAGE: "Image",
        ResultKind.ROIS: f"{item.count} ROIs",
        ResultKind.TABLE: f"Table of {item.count} rows",
        ResultKind.ATTACHMENT: "Attachment",
        ResultKind.ARCHIVE: "Archive of all results",
    }
    of = names.get(item.input) if item.input is not None else None
    image = item.object_id if item.object_type == "Image" else item.input
    return ShownResult(
        name=item.path.rpartition("/")[2],
        became=words[item.kind] + (f" of {of}" if of else ""),
        image=image,
        show=f"{item.object_type.lower()}-{item.object_id}" if item.object_type in ("Image", "Plate")
        else (f"image-{item.input}" if item.input is not None else None),
    )  # fmt: skip


def group_failures(failed: Iterable[tuple[str, Failure]]) -> tuple[FailureGroup, ...]:
    """Of one category and one next step, with the most affected first. The summaries of a group name different files:
    the first one speaks for all.
    """
    groups: dict[tuple[str, str], tuple[Failure, list[str]]] = {}
    for what, failure in failed:
        groups.setdefault((failure.category.value, failure.next_step), (failure, []))[1].append(what)
    ordered = sorted(groups.values(), key=lambda group: -len(group[1]))
    return tuple(
        FailureGroup(failure=failure, affected=tuple(what[:MOST_AFFECTED]), more=max(0, len(what) - MOST_AFFECTED))
        for failure, what in ordered
    )
