"""`omero-flows migrate slurm-config FILE`: take over the settings of an existing BIOMERO site."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import console, reported
from cli.site import use_site
from deployments.settings import Runtime

if TYPE_CHECKING:
    from rich.table import Table

    from contracts.cluster_settings import ClusterSettings
    from contracts.slurm_config.report import SlurmConfigMigration

app = typer.Typer(help="Take over the settings of an existing BIOMERO site.", no_args_is_help=True)


@app.callback()
def migrate() -> None:
    """One command for each kind of file."""


@app.command("slurm-config")
@reported
def slurm_config(
    file: Annotated[Path, typer.Argument(help="BIOMERO's slurm-config.ini.")],
    write: Annotated[bool, typer.Option("--write", help="Save the site's catalogue and its cluster.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="With --write: in place of the present ones.")] = False,
    ssh_config: Annotated[
        Path, typer.Option(help="OpenSSH's configuration, where BIOMERO's `host` has its address, account and keys.")
    ] = Path("~/.ssh/config"),
    runtime: Annotated[Runtime, typer.Option(help="The container runtime of the cluster's nodes.")] = "apptainer",
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Say what every key of a slurm-config.ini becomes, and why some cannot; nothing is changed without --write."""
    from contracts.slurm_config import read_slurm_config

    migration = read_slurm_config(_read(file))
    if as_json:
        typer.echo(migration.model_dump_json(indent=2))
    else:
        console.print(_keys(migration))
        console.print(_cluster(migration.cluster))
        console.print(_count(migration), highlight=False)
    if write:
        use_site(settings)
        asyncio.run(_write(migration, replace, ssh_config.expanduser(), runtime))


def _read(file: Path) -> str:
    from contracts.failures import FailureCategory, fail
    from contracts.slurm_config import LONGEST_FILE

    try:
        with file.open(encoding="utf-8") as opened:
            return opened.read(LONGEST_FILE + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{file} cannot be read.",
            detail=str(error),
            next_step="Give BIOMERO's slurm-config.ini.",
        ) from error


async def _write(migration: SlurmConfigMigration, replace: bool, ssh_config: Path, runtime: Runtime) -> None:
    from blocks.workflow_catalogue import WorkflowCatalogue
    from cli.site_blocks import save_blocks
    from deployments.biomero_cluster import cluster_block
    from tasks.prefect_client import prefect_client

    # Everything that can be wrong is said before anything is saved.
    cluster = None
    if migration.describes_cluster:
        cluster = await asyncio.to_thread(cluster_block, migration.cluster, ssh_config, runtime)
    async with prefect_client() as client:
        await save_blocks(
            client,
            [WorkflowCatalogue(workflows=migration.workflows), *([cluster] if cluster is not None else [])],
            replace=replace,
        )
    console.print(f"Saved {len(migration.workflows)} workflows. See them with: omero-flows workflows list")
    if cluster is None:
        console.print("The file has no [SSH] and no [SLURM]; no cluster was saved.")
    else:
        console.print(
            f"Saved the cluster {cluster.target}. Look at it with: omero-flows cluster check", highlight=False
        )


def _keys(migration: SlurmConfigMigration) -> Table:
    from rich.table import Table

    from cli.plain_text import escape

    table = Table(title="Every key of the file", title_justify="left", title_style="bold")
    table.add_column("Key and value", overflow="fold", ratio=1)
    table.add_column("Is", no_wrap=True)
    table.add_column("Became, or why not", overflow="fold", ratio=1)
    section = None
    for key in migration.keys:
        if key.section != section:
            section = key.section
            table.add_row(f"[bold]{escape(f'[{section}]')}[/]", "", "")
        said = "\n".join(filter(None, (key.became, key.reason)))
        outcome = f"[{_COLOURS[key.outcome.value]}]{key.outcome.value}[/]"
        table.add_row(f"{escape(key.key)} = [dim]{escape(key.value)}[/]", outcome, escape(said))
    return table


def _cluster(cluster: ClusterSettings) -> Table:
    from rich.table import Table

    from cli.plain_text import escape

    table = Table(title="The cluster", title_justify="left", title_style="bold")
    table.add_column("Setting")
    table.add_column("Value", overflow="fold")
    for name, value in cluster.model_dump(mode="json").items():
        for inner, word in value.items() if isinstance(value, dict) else [("", value)]:
            if word not in (None, []):
                said = ", ".join(word) if isinstance(word, list) else str(word)
                table.add_row(f"{name}.{inner}" if inner else name, escape(said))
    return table


def _count(migration: SlurmConfigMigration) -> str:
    from contracts.slurm_config.report import Outcome

    counts = {outcome: sum(key.outcome is outcome for key in migration.keys) for outcome in Outcome}
    said = ", ".join(f"{count} {outcome.value}" for outcome, count in counts.items() if count)
    return f"{len(migration.keys)} keys ({said}); {len(migration.workflows)} workflows."


_COLOURS = {"taken": "green", "changed": "yellow", "not needed": "dim", "not honoured": "red"}
