"""`omero-flows doctor`: is everything there that orders and analyses need, and what to fix."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from cli.failures import reported
from cli.finding import show
from cli.site import use_site


@reported
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Check OMERO, Prefect, workers, storage, container engine and the watcher of the cluster; say what to fix."""
    use_site(settings)
    from tasks.site_examination import examine

    findings = asyncio.run(examine())
    if as_json:
        typer.echo(json.dumps([finding.model_dump(mode="json") for finding in findings], indent=2))
    else:
        for finding in findings:
            show(finding)
    if any(finding.failure is not None for finding in findings):
        raise typer.Exit(1)
