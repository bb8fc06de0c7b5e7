"""What BIOMERO wrote of a run, as a table in the terminal."""

from __future__ import annotations

from rich.table import Table

from cli.flow_runs import local
from cli.plain_text import escape
from contracts.migrated_run import MigratedHistory


def history_table(history: MigratedHistory) -> Table:
    """A line a stage or task."""
    title = "What BIOMERO wrote" + (f" (the last {len(history.lines)} lines)" if history.left_out else "")
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("When", no_wrap=True)
    table.add_column("What", overflow="fold")
    table.add_column("Said", overflow="fold")
    for line in history.lines:
        table.add_row(local(line.at), escape(line.what), escape(line.said))
    return table
