"""An analysis report as tables in the terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from contracts.analysis_report import AnalysisReport
from contracts.failures import Failure
from contracts.run_results import Result, ResultKind

MOST_ROWS = 200


def analysis_tables(report: AnalysisReport, web_url: str | None) -> list[Table]:
    """What failed, and what the results became, with links into OMERO.web."""
    return [table for table in (_failures(report), _results(report, web_url)) if table.row_count]


def _results(report: AnalysisReport, web_url: str | None) -> Table:
    table = Table(title=report.summary, title_justify="left", title_style="bold")
    for heading in ("Result", "Of image", "Became"):
        table.add_column(heading, overflow="fold")
    names = {staged.image: staged.name for staged in report.inputs}
    for item in report.results[:MOST_ROWS]:
        of = "" if item.input is None else names.get(item.input, str(item.input))
        table.add_row(escape(item.path.rpartition("/")[2]), escape(of), _became(item, web_url))
    if len(report.results) > MOST_ROWS:
        table.caption = f"and {len(report.results) - MOST_ROWS} more results"
    return table


def _became(item: Result, web_url: str | None) -> str:
    words = {
        ResultKind.IMAGE: f"Image {item.object_id}",
        ResultKind.ROIS: f"{item.count} ROIs",
        ResultKind.TABLE: f"table of {item.count} rows",
    }
    image = item.object_id if item.kind is ResultKind.IMAGE else item.input
    link = f"  [link]{web_url.rstrip('/')}/webclient/?show=image-{image}[/link]" if web_url and image else ""
    return words.get(item.kind, item.kind.value) + link


def _failures(report: AnalysisReport) -> Table:
    table = Table(title=f"[red]{escape(report.summary)}[/]", title_justify="left", title_style="bold")
    for heading in ("What", "Why", "What to do"):
        table.add_column(heading, overflow="fold")
    said: list[tuple[str, Failure, str]] = [] if report.failure is None else [("the run", report.failure, "")]
    said += [
        (f"task {verdict.task}", verdict.failure, verdict.log)
        for verdict in report.verdicts
        if verdict.failure is not None
    ]
    said += [(item.path, item.failure, "") for item in report.refused]
    said += [(item.path, item.failure, "") for item in report.failed]
    for what, failure, log in said[:MOST_ROWS]:
        tail = "\n".join(log.splitlines()[-10:])
        detail = "\n".join(part for part in (failure.detail[:500], tail) if part)
        why = escape(failure.summary) + (f"\n[dim]{escape(detail)}[/]" if detail else "")
        table.add_row(escape(what), why, escape(failure.next_step))
    return table
