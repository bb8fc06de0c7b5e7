"""`omero-flows workflows list`: the site's workflows."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from cli.failures import console, reported
from cli.site import use_site


@reported
def list_workflows(
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """List the workflows that may be run, with where their descriptors are and what they ask Slurm for."""
    use_site(settings)
    asyncio.run(_list(as_json))


async def _list(as_json: bool) -> None:
    from rich.table import Table

    from blocks.workflow_catalogue import WorkflowCatalogue
    from cli.plain_text import escape
    from contracts.sbatch_options import option_arguments
    from deployments.site_block import find_block
    from tasks.prefect_client import prefect_client

    async with prefect_client() as client:
        catalogue = await find_block(client, WorkflowCatalogue)
    workflows = {} if catalogue is None else catalogue.workflows
    if as_json:
        typer.echo(json.dumps({name: entry.model_dump(mode="json") for name, entry in workflows.items()}, indent=2))
        return
    if not workflows:
        console.print("There are no workflows yet. Take over BIOMERO's with: omero-flows migrate slurm-config FILE")
        return
    table = Table()
    for column in ("Name", "Descriptor", "Slurm", "Takes"):
        table.add_column(column, overflow="fold")
    for name, entry in sorted(workflows.items()):
        place = entry.repository or entry.path or "in the catalogue"
        image = f"\n[dim]{escape(entry.image)}[/]" if entry.image is not None else ""
        options = [*option_arguments(entry.options), *(["a GPU"] if entry.use_gpu else [])]
        takes = [*([entry.mode.value] if entry.mode else []), *(["OME-Zarr"] if entry.zarr else [])]
        table.add_row(escape(name), escape(place) + image, escape(" ".join(options)), escape(", ".join(takes)))
    console.print(table)
