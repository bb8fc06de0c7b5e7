"""`omero-flows workflows check`: every problem of a descriptor, or what the workflow takes and gives."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import console, reported

if TYPE_CHECKING:
    from contracts.descriptor_problem import DescriptorProblem


@reported
def check(
    place: Annotated[
        str, typer.Argument(metavar="PATH-or-URL", help="A file or folder, or the address of a repository or file.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
) -> None:
    """Explain every problem of a workflow's descriptor; if it is whole, say what the workflow takes and gives."""
    from cli.workflow_page import workflow_page
    from contracts.descriptor_formats import read_descriptor

    found = read_descriptor(_read(place))
    if as_json:
        typer.echo(found.model_dump_json(indent=2))
    else:
        for problem in found.problems:
            _say(problem)
        if found.descriptor is not None:
            console.print(workflow_page(found.descriptor))
        else:
            several = len(found.errors) > 1
            said = (
                f"{len(found.errors)} error{'s' if several else ''}: the workflow cannot be run from this descriptor."
            )
            console.print(f"[bold red]{said}[/]", highlight=False, soft_wrap=True)
    if found.errors:
        raise typer.Exit(1)


def _read(place: str) -> str:
    from blocks.descriptor_file import fetch_descriptor, read_descriptor_file
    from contracts.descriptor_source import FILE_NAMES, read_source
    from contracts.failures import FailureCategory, fail

    if "://" not in place:
        path = Path(place)
        inside = [path / name for name in FILE_NAMES if (path / name).is_file()]
        return read_descriptor_file(inside[0] if inside else path)
    try:
        source = read_source(place)
    except ValueError as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            "That address cannot be read.",
            detail=str(error),
            next_step="Give a repository (https://github.com/ORG/REPO/tree/TAG), the file's address, or a path.",
        ) from error
    return fetch_descriptor(source)


def _say(problem: DescriptorProblem) -> None:
    from cli.plain_text import escape
    from contracts.descriptor_problem import Severity

    mark = "[bold red]✗[/]" if problem.severity is Severity.ERROR else "[yellow]•[/]"
    console.print(f"{mark} {escape(problem.where)}: {escape(problem.what)}", highlight=False, soft_wrap=True)
    console.print(f"  [dim]{escape(problem.next_step)}[/]", highlight=False, soft_wrap=True)
