"""What went wrong in a batch, as a table of its page."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.batch.causes import Cause
from tasks.report import as_text

#: Rows of one table of the page, which stays readable and below Prefect's limit for one artifact.
MOST_ROWS = 200


def causes_table(causes: Sequence[Cause]) -> list[str]:
    """Lines of Markdown: a row for each cause, with what to do."""
    if not causes:
        return ["Nothing went wrong.", ""]
    lines = ["## What went wrong, and what to do", "", "| How many | Why | What to do | For example |"]
    lines.append("| ---: | --- | --- | --- |")
    for cause in causes[:MOST_ROWS]:
        examples = "<br>".join(f"{as_text(where)}: {as_text(summary)}" for where, summary in cause.examples)
        more = cause.count - len(cause.examples)
        examples += f"<br>and {more:,} more" if more > 0 else ""
        lines.append(f"| {cause.count:,} | {cause.category.value} | {as_text(cause.next_step)} | {examples} |")
    return [*lines, *say_more(len(causes)), ""]


def say_more(count: int) -> list[str]:
    """What stands below a table that has not all rows."""
    return ["", f"... and {count - MOST_ROWS:,} more; the report as JSON has all."] if count > MOST_ROWS else []
