"""An import report as a table in the terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from contracts.import_report import FileState, ImportReport

_COLOURS = {FileState.IMPORTED: "green", FileState.FAILED: "red", FileState.CANCELLED: "yellow"}
MOST_ROWS = 200


def report_table(report: ImportReport, web_url: str | None) -> Table:
    """One row per file: what it became, with links into OMERO.web, or why it failed and what to do."""
    table = Table(title=report.summary, title_justify="left", title_style="bold")
    table.add_column("File", overflow="fold")
    table.add_column("State")
    table.add_column("Became, or why not", overflow="fold")
    ordered = sorted(report.files, key=lambda outcome: outcome.state is FileState.IMPORTED)
    for outcome in ordered[:MOST_ROWS]:
        lines = [
            f"{item.type} {item.id}  {_link(web_url, item.type, item.id, item.name)}" for item in outcome.objects[:8]
        ]
        if len(outcome.objects) > 8:
            lines.append(f"and {len(outcome.objects) - 8} more")
        if outcome.failure is not None:
            lines.append(f"{escape(outcome.failure.summary)} [dim]({outcome.failure.category.value})[/]")
            if outcome.failure.detail:
                lines.append(f"[dim]{escape(outcome.failure.detail[:500])}[/]")
            lines.append(escape(outcome.failure.next_step))
        state = f"[{_COLOURS[outcome.state]}]{outcome.state.value}[/]"
        table.add_row(escape(outcome.path), state + (" (was there)" if outcome.was_there else ""), "\n".join(lines))
    for form in report.forms:
        said, state = "kept for the destination", "[green]kept[/]"
        if form.failure is not None:
            said, state = f"{escape(form.failure.summary)}\n{escape(form.failure.next_step)}", "[red]failed[/]"
        table.add_row(f"form {escape(form.form)}", state, said)
    if len(ordered) > MOST_ROWS:
        table.caption = f"and {len(ordered) - MOST_ROWS} more files"
    return table


def _link(web_url: str | None, kind: str, object_id: int, name: str) -> str:
    if web_url is None:
        return escape(name)
    return f"{escape(name)}  [link]{web_url.rstrip('/')}/webclient/?show={kind.lower()}-{object_id}[/link]"
