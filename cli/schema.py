"""`omero-flows schema`: the contracts as JSON Schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.failures import console, reported
from contracts.failures import FailureCategory, fail


@reported
def schema(
    name: Annotated[str | None, typer.Argument(help="import-order, import-report or failure.")] = None,
    into: Annotated[Path | None, typer.Option(help="Write them all into this folder instead.")] = None,
) -> None:
    """Print what an order, a report or a failure looks like, as JSON Schema."""
    from contracts.schemas import EXPORTED, json_schema

    if into is not None:
        into.mkdir(parents=True, exist_ok=True)
        for exported in EXPORTED:
            (into / f"{exported}.json").write_text(as_text(json_schema(exported)), "utf-8")
        return
    if name is None:
        console.print(f"There are schemas of: {', '.join(EXPORTED)}")
        return
    if name not in EXPORTED:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"There is no schema {name!r}.",
            next_step=f"Ask for one of: {', '.join(EXPORTED)}.",
        )
    typer.echo(as_text(json_schema(name)), nl=False)


def as_text(schema: dict[str, object]) -> str:
    return json.dumps(schema, indent=2) + "\n"
