"""`omero-flows migrate biomero FILES...`: all settings of an existing BIOMERO site at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import console, reported
from cli.site import use_site
from cli.written_file import read_text
from contracts.failures import FailureCategory, fail
from deployments.settings import Runtime, read_secret

if TYPE_CHECKING:
    from contracts.biomero_site import BiomeroMigration

#: What is looked for in a folder.
NAMES = ("slurm-config.ini", "biomero-config.json", "group-mappings.json", "groups_list.json", "settings.yml")


@reported
def migrate_biomero(
    files: Annotated[list[Path], typer.Argument(help=f"BIOMERO's files, or folders with {', '.join(NAMES)}.")],
    write: Annotated[bool, typer.Option("--write", help="Save what was taken in the site's blocks.")] = False,
    replace: Annotated[bool, typer.Option("--replace", help="With --write: over what is there already.")] = False,
    ssh_config: Annotated[
        Path, typer.Option(help="OpenSSH's configuration, where BIOMERO's `host` has its address, account and keys.")
    ] = Path("~/.ssh/config"),
    runtime: Annotated[Runtime, typer.Option(help="The container runtime of the cluster's nodes.")] = "apptainer",
    database_password_file: Annotated[
        Path | None, typer.Option(help="The password of BIOMERO's database, if settings.yml does not have it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Say what every key of a BIOMERO site's files becomes, and why some cannot; nothing is changed without --write.

    A second time, what somebody has changed or removed since stays as it is.
    """
    from contracts.biomero_site import read_biomero_site

    migration = read_biomero_site({str(file): read_text(file) for file in _look_into(files)})
    if as_json:
        typer.echo(migration.model_dump_json(indent=2))
    else:
        _show(migration)
    if write:
        use_site(settings)
        password = None if database_password_file is None else read_secret(database_password_file)
        asyncio.run(_write(migration, replace, ssh_config.expanduser(), runtime, password))


def _look_into(files: list[Path]) -> list[Path]:
    found = []
    for file in files:
        inside = [file / name for name in NAMES if (file / name).is_file()] if file.is_dir() else [file]
        if not inside:
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"The folder {file} has none of BIOMERO's files.",
                next_step=f"They are called {', '.join(NAMES)}; name others one by one.",
            )
        found += inside
    return found


def _show(migration: BiomeroMigration) -> None:
    from cli.migration_tables import count_keys, table_of_cluster, table_of_keys

    for file in migration.files:
        console.print(table_of_keys(file.keys, file.name))
    if migration.slurm is not None and migration.slurm.describes_cluster:
        console.print(table_of_cluster(migration.slurm.cluster))
    workflows = len(migration.slurm.workflows) if migration.slurm is not None else 0
    console.print(
        f"{count_keys(migration.keys)}; {workflows} workflows, {len(migration.groups)} groups' folders,"
        f" {len(migration.converters)} conversions.",
        highlight=False,
    )


async def _write(
    migration: BiomeroMigration, replace: bool, ssh_config: Path, runtime: Runtime, password: str | None
) -> None:
    from deployments.biomero_blocks import save_migration
    from tasks.prefect_client import prefect_client

    async with prefect_client() as client:
        saved = await save_migration(
            client, migration, ssh_config=ssh_config, runtime=runtime, password=password, replace=replace
        )
    for block in saved:
        said = f"Saved {block.what}." if block.written else f"Left {block.what} as it is."
        console.print(said, highlight=False)
        for name in block.kept:
            console.print(f"  {name} stays as it is here (--replace takes BIOMERO's)", highlight=False, markup=False)
    if migration.database is not None:
        console.print("The bridge begins to take orders with the next: omero-flows deploy", highlight=False)
    console.print("See what is well and what is not: omero-flows doctor", highlight=False)
