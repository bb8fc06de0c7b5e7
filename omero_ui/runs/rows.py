"""The rows of a list: runs with how far they are, or what became of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from contracts.analysis_report import AnalysisReport, analysis_report_key
from contracts.import_report import ImportReport, progress_key, report_key
from contracts.run_results import ResultKind
from contracts.run_tags import RunKind
from contracts.waiting_job import JobStanding, news_key
from omero_ui.prefect_api.answers import Artifact, FlowRun
from omero_ui.prefect_api.artifacts import as_json, read_latest
from omero_ui.prefect_api.connection import PrefectApi
from omero_ui.prefect_api.remembered import Remembered
from omero_ui.runs.standing import Look
from omero_ui.runs.summary import RunSummary, summarise

#: Pictures in a row.
PICTURES = 3
#: Rows of runs that have ended, by their marks, for a few minutes: a run that is tried again has another mark. Who may
#: see a run is asked before, of Prefect.
_ended = Remembered["RunRow"](fresh=300.0, most=5000)
#: The report of a larger order is not read for the pictures of a row: it may have megabytes.
MOST_ITEMS = 100


class RunRow(BaseModel):
    """`share`: 0 to 1 of what is to be done, None where nobody says. `images`: to be shown as pictures; `others`: how
    many results more there are.
    """

    model_config = ConfigDict(frozen=True)

    run: RunSummary
    share: float | None = None
    progress: str = ""
    images: tuple[int, ...] = ()
    others: int = 0

    @cached_property
    def mark(self) -> str:
        """Differs when the row has changed."""
        return f"{self.run.mark}:{self.progress}"


def make_rows(prefect: PrefectApi, runs: Iterable[FlowRun], now: datetime) -> list[RunRow]:
    """Rows in the sequence of the runs, with one question more for all whose pictures are not known."""
    summaries = [summary for run in runs if (summary := summarise(run, now)) is not None]
    ended = {summary.mark: summary for summary in summaries if summary.standing.is_final and _keys(summary)}

    def ask(marks: Sequence[Hashable]) -> dict[Hashable, RunRow]:
        return {row.run.mark: row for row in _ask(prefect, [ended[str(mark)] for mark in marks])}

    known = _ended.get_all(ended, ask)
    going = iter(_ask(prefect, [summary for summary in summaries if summary.mark not in ended]))
    return [
        known[summary.mark].model_copy(update={"run": summary}) if summary.mark in ended else next(going)
        for summary in summaries
    ]


def _ask(prefect: PrefectApi, summaries: Sequence[RunSummary]) -> list[RunRow]:
    artifacts = read_latest(prefect, [key for summary in summaries for key in _keys(summary)])
    return [_row(summary, [artifacts.get(key) for key in _keys(summary)]) for summary in summaries]


def _keys(run: RunSummary) -> tuple[str, ...]:
    """What tells of a run: its progress while it goes on, its report when it has ended well. A batch's report has no
    pictures, and its own last words say the rest.
    """
    if run.kind is RunKind.BATCH:
        return () if run.standing.is_final else (progress_key(run.token),)
    if run.kind is RunKind.IMPORT:
        if not run.standing.is_final:
            return (progress_key(run.token),)
        return (report_key(run.token),) if run.standing.look is Look.DONE and run.items <= MOST_ITEMS else ()
    if not run.standing.is_final:
        return (news_key(run.token),)
    return (analysis_report_key(run.token),) if run.standing.look is Look.DONE else ()


def _row(run: RunSummary, artifacts: Sequence[Artifact | None]) -> RunRow:
    artifact = next(iter(artifacts), None)
    if artifact is None:
        return RunRow(run=run)
    if run.standing.is_final:
        images, others = _results(run.kind, as_json(artifact))
        return RunRow(run=run, images=images, others=others)
    if run.kind is RunKind.BATCH:
        done = float(str(artifact.data)) / 100
        return RunRow(run=run, share=done, progress=f"{done:.0%} of its files")
    if run.kind is RunKind.IMPORT:
        done = float(str(artifact.data)) / 100
        return RunRow(run=run, share=done, progress=f"{round(done * run.items)} of {run.items} files")
    standing = JobStanding.model_validate_json(as_json(artifact))
    return RunRow(run=run, share=share_of(standing), progress=standing.summary)


def share_of(standing: JobStanding) -> float | None:
    """The share of a job's tasks that have ended, and of those that run what their logs say."""
    tasks = standing.waiting + standing.running + standing.ended
    if not tasks:
        return None
    return min(1.0, (standing.ended + standing.running * (standing.progress or 0.0)) / tasks)


def _results(kind: RunKind, report: str) -> tuple[tuple[int, ...], int]:
    """The images to show, and how many results there are besides."""
    if kind is RunKind.IMPORT:
        objects = [item for file in ImportReport.model_validate_json(report).files for item in file.objects]
        images = [item.id for item in objects if item.type == "Image"]
        shown = tuple(images[:PICTURES])
        return shown, len(objects) - len(shown)
    results = AnalysisReport.model_validate_json(report).results
    shown = tuple(item.object_id for item in results if item.kind is ResultKind.IMAGE)[:PICTURES]
    return shown, len(results) - len(shown)
