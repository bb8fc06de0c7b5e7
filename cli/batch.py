"""`omero-flows batch`: many files of many users, from a manifest; and analyses of all that is new."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.batch_analyse import analyse_new
from cli.batch_rules import show_rules
from cli.failures import console, errors, reported
from cli.site import use_site
from contracts.failures import FailureCategory, fail

if TYPE_CHECKING:
    from contracts.batch.manifest import Manifest, RowDefaults

app = typer.Typer(
    help="Import many files of many users, from a manifest (CSV, XLSX, JSON); analyse all new images of a dataset.",
    no_args_is_help=True,
)
app.command("analyse")(analyse_new)
app.command("rules")(show_rules)

#: Bad rows that are named one by one.
MOST_SAID = 200

File = Annotated[Path, typer.Argument(help="The manifest: a table with a column `path`; see docs/scheduler.md.")]
User = Annotated[str | None, typer.Option("--as", help="Login name of the user of rows that name none.")]
Group = Annotated[str | None, typer.Option(help="OMERO group of rows that name none.")]
Dataset = Annotated[str | None, typer.Option(help="For rows that name no destination: a name, or id:NUMBER.")]
Settings = Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")]


@app.command("check")
@reported
def check(
    file: File,
    user: User = None,
    group: Group = None,
    dataset: Dataset = None,
    file_only: Annotated[bool, typer.Option("--file-only", help="Ask neither OMERO nor the image storage.")] = False,
    settings: Settings = None,
) -> None:
    """Say what is wrong with a manifest, by line and column; nothing is imported."""
    if file_only:
        manifest = _read(file, _defaults(user, group, dataset))
    else:
        use_site(settings)  # first of all: it says how loud Prefect is, which what follows brings in
        manifest = asyncio.run(_check(file, _defaults(user, group, dataset)))
    _say_problems(manifest)
    bad = len({found.line for found in manifest.problems})
    console.print(f"Files that can be imported: {len(manifest.rows):,}. Lines that cannot: {bad:,}.", highlight=False)
    if manifest.problems:
        raise typer.Exit(1)


@app.command("run")
@reported
def run(
    file: File,
    user: User = None,
    group: Group = None,
    dataset: Dataset = None,
    title: Annotated[str | None, typer.Option(help="How people see this batch; else the manifest's name.")] = None,
    leave_out_bad_rows: Annotated[
        bool, typer.Option("--leave-out-bad-rows", help="Import the others; without it a bad row stops all.")
    ] = False,
    token: Annotated[str | None, typer.Option("--uuid", help="The batch's UUID; the same one is placed once.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Place the batch and return.")] = False,
    settings: Settings = None,
) -> None:
    """Import what a manifest lists; what an earlier batch has imported is found in OMERO and left as it is."""
    use_site(settings)
    asyncio.run(_run(file, _defaults(user, group, dataset), title or file.name, leave_out_bad_rows, token, detach))


def _defaults(user: str | None, group: str | None, dataset: str | None) -> RowDefaults:
    from cli.import_order import destination_of
    from cli.typed import make_typed
    from contracts.batch.manifest import RowDefaults

    destination = None if dataset is None else destination_of(dataset, None, None)
    return make_typed(RowDefaults, "batch", {"user": user, "group": group, "destination": destination})


def _read(file: Path, defaults: RowDefaults) -> Manifest:
    from contracts.batch.read_manifest import LARGEST_MANIFEST, read_manifest

    try:
        with file.open("rb") as opened:
            return read_manifest(file.name, opened.read(LARGEST_MANIFEST + 1), defaults)
    except OSError as error:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{file} cannot be read.",
            detail=str(error),
            next_step="Give a manifest: a table of files as CSV, XLSX or JSON.",
        ) from error


async def _check(file: Path, defaults: RowDefaults) -> Manifest:
    from tasks.manifest_check import check_rows
    from tasks.manifest_rows import expand_folders
    from tasks.order_run import load_blocks
    from tasks.prefect_client import prefect_client

    manifest = _read(file, defaults)
    async with prefect_client():
        server, storage = await load_blocks()
    return await asyncio.to_thread(lambda: check_rows(server, storage, expand_folders(storage, manifest)))


async def _run(file: Path, defaults: RowDefaults, title: str, leave_out: bool, token: str | None, detach: bool) -> None:
    from cli.batch_watch import watch_batch
    from cli.flow_runs import parse_token
    from contracts.batch.orders import make_orders
    from tasks.placing import place_batch
    from tasks.prefect_client import prefect_client

    identity = parse_token(token) if token else uuid.uuid4()
    manifest = await _check(file, defaults)
    _say_problems(manifest)
    if manifest.problems and not leave_out:
        bad = len({found.line for found in manifest.problems})
        errors.print(f"[bold]{bad:,} lines are not right; nothing was placed.[/] Correct them.", highlight=False)
        raise typer.Exit(1)
    if not manifest.rows:
        raise fail(FailureCategory.BAD_REQUEST, f"{file.name} lists no file.", next_step="List what to import.")
    async with prefect_client() as client:
        placed = await place_batch(client, identity, title, make_orders(manifest.rows))
        console.print(f"Batch [bold]{placed.id}[/]: {len(manifest.rows):,} files", highlight=False)
        if detach:
            return
        succeeded = await watch_batch(client, placed, len(manifest.rows))
    if not succeeded:
        raise typer.Exit(1)


@app.command("show")
@reported
def show(
    batch: Annotated[str, typer.Argument(help="Id of the batch's flow run; the command that placed it prints it.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="For a program to read; null before there is a report.")
    ] = False,
    settings: Settings = None,
) -> None:
    """Show the report of a batch."""
    use_site(settings)
    asyncio.run(_show(batch, as_json))


async def _show(batch: str, as_json: bool) -> None:
    from cli.batch_watch import analysis_batch_tables, batch_table, read_analysis_batch_report, read_batch_report
    from cli.flow_runs import parse_token
    from tasks.prefect_client import prefect_client

    token = parse_token(batch)
    async with prefect_client() as client:
        report = await read_batch_report(client, token)
        analyses = None if report is not None else await read_analysis_batch_report(client, token)
    shown = report or analyses
    if as_json:
        typer.echo("null" if shown is None else shown.model_dump_json(indent=2))
    elif report is not None:
        console.print(batch_table(report))
    elif analyses is not None:
        for table in analysis_batch_tables(analyses):
            console.print(table)
    else:
        console.print("There is no report yet.")


def _say_problems(manifest: Manifest) -> None:
    from rich.markup import escape

    for found in manifest.problems[:MOST_SAID]:
        column = "" if found.column is None else f", {escape(found.column)}"
        failure = found.failure
        said = f"[bold red]✗[/] line {found.line}{column}: {escape(failure.summary)} [dim]({failure.category.value})[/]"
        errors.print(said, highlight=False, soft_wrap=True)
        if failure.detail:
            errors.print(f"  [dim]{escape(failure.detail)}[/]", highlight=False, soft_wrap=True)
        errors.print(f"  {escape(failure.next_step)}", highlight=False, soft_wrap=True)
    if len(manifest.problems) > MOST_SAID:
        errors.print(f"... and {len(manifest.problems) - MOST_SAID:,} more.", highlight=False)
