"""How the command line shows one thing that was examined."""

from __future__ import annotations

from rich.markup import escape

from cli.failures import console
from contracts.finding import Finding


def show(finding: Finding) -> None:
    """A line for what is well; for what is not, why, and what to do."""
    failure = finding.failure
    colour, mark = ("green", "✓") if failure is None else ("red", "✗")
    if finding.warning:
        colour, mark = "yellow", "!"
    text = finding.found if failure is None else failure.summary
    console.print(f"[{colour}]{mark}[/] {escape(finding.subject)}: {escape(text)}", highlight=False)
    if finding.warning:
        console.print(f"    {escape(finding.warning)}", highlight=False)
    if failure is not None:
        if failure.detail:
            console.print(f"    [dim]{escape(failure.detail)}[/]", highlight=False)
        console.print(f"    {escape(failure.next_step)}", highlight=False)
