"""`omero-flows migrate slurm-config | biomero | history`: take over an existing BIOMERO site."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import console, reported
from cli.migrate_biomero import migrate_biomero
from cli.migrate_history import migrate_history
from cli.site import use_site
from cli.written_file import read_text
from deployments.settings import Runtime

if TYPE_CHECKING:
    from contracts.slurm_config.report import SlurmConfigMigration

app = typer.Typer(help="Take over an existing BIOMERO site: its settings, and its history.", no_args_is_help=True)
app.command("biomero")(migrate_biomero)
app.command("history")(migrate_history)


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

    migration = read_slurm_config(read_text(file))
    if as_json:
        typer.echo(migration.model_dump_json(indent=2))
    else:
        from cli.migration_tables import count_keys, table_of_cluster, table_of_keys

        console.print(table_of_keys(migration.keys))
        console.print(table_of_cluster(migration.cluster))
        console.print(f"{count_keys(migration.keys)}; {len(migration.workflows)} workflows.", highlight=False)
    if write:
        use_site(settings)
        asyncio.run(_write(migration, replace, ssh_config.expanduser(), runtime))


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
