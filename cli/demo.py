"""`omero-flows demo`: a whole site on this machine, three import orders on sample images, and an analysis of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from cli.sandbox import (
    ClusterOption,
    HomeOption,
    console,
    describe_local_cluster,
    open_site,
    show_addresses,
    start_site,
)

if TYPE_CHECKING:
    from contracts.import_report import ImportReport
    from sandbox.samples import Sample
    from sandbox.site import Site

GROUP = "lab-a"
#: Images of the first order that are analysed: the stack and the pyramid.
ANALYSED = 2


@dataclass(frozen=True)
class DemoOrder:
    """One of the demo's orders: who imports which kinds of sample, where to, and how."""

    story: str
    user: str
    kinds: frozenset[str]
    dataset: str | None = None
    screen: str | None = None
    convert: str | None = None


ORDERS = (
    DemoOrder(
        "alice imports a stack, a pyramid and a time-lapse of several files: in place, no byte is copied",
        "alice",
        frozenset({"tiff", "ome-tiff", "ome-tiff-companion"}),
        dataset="Demo: in place",
    ),
    DemoOrder(
        "alice has a TIFF converted to pyramidal OME-TIFF first, and the copy in .processed imported",
        "alice",
        frozenset({"tiff"}),
        dataset="Demo: converted",
        convert="ometiff",
    ),
    DemoOrder(
        "bob imports a plate into a screen; alice, in the same group, can see and annotate it",
        "bob",
        frozenset({"imagexpress"}),
        screen="Demo: dose response",
    ),
)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop the site afterwards.")] = False,
    home: HomeOption = None,
    cluster: ClusterOption = None,
) -> None:
    """Start a site, import sample images in place, analyse them on Slurm, show what happened; leave the site up."""
    site = open_site(home, cluster=cluster)
    start_site(site)
    try:
        failed, images = place_orders(site)
        failed += place_analysis(site, images)
        console.print()
        show_addresses(site)
    finally:
        if once:
            site.stop()
            console.print("The site is down again; its data are kept.")
    if not once:
        console.print("The site stays up. [bold]make demo-stop[/] ends it.")
    if failed:
        console.print(f"[red]{failed} of {len(ORDERS) + 1} did not succeed;[/] what to do is said above.")
        raise typer.Exit(1)


def place_orders(site: Site) -> tuple[int, list[int]]:
    """Place the orders, each with its live progress, then show one table of all.

    Returns how many failed, and the images of the first order, which are analysed next.
    """
    from cli.import_order import import_files

    # The commands below find the site as they would in a person's shell.
    os.environ.update(site.environment())
    samples = find_samples(site)
    tokens = []
    failed = 0
    for number, order in enumerate(ORDERS, start=1):
        console.print(f"\n[bold]Order {number} of {len(ORDERS)}:[/] {order.story}")
        tokens.append(uuid.uuid4())
        files = [str(sample.path) for sample in samples if sample.kind in order.kinds]
        try:
            import_files(
                files=files,
                user=order.user,
                group=GROUP,
                dataset=order.dataset,
                screen=order.screen,
                convert=order.convert,
                token=str(tokens[-1]),
            )
        except typer.Exit:
            failed += 1
    console.print()
    reports = asyncio.run(read_reports(tokens))
    console.print(results_table(reports, site.web_url))
    first = reports[0].files if reports[0] is not None else ()
    return failed, [item.id for outcome in first for item in outcome.objects][:ANALYSED]


def place_analysis(site: Site, images: list[int]) -> int:
    """Segment the nuclei of the images on the sandbox's cluster, with live progress; returns 1 when that failed."""
    from cli.analyse import analyse
    from cli.cluster import set_up
    from contracts.analysis_run import RoiShape

    if site.cluster is None:
        console.print("\n[yellow]No analysis:[/] there is no cluster; `omero-flows sandbox status` says why.")
        return 0
    if not images:
        return 1
    console.print("\n[bold]Analysis:[/] alice segments the nuclei of these images, on a Slurm cluster behind SSH")
    if site.cluster.local is not None:
        console.print(f"[yellow]Here that is[/] {escape(describe_local_cluster(site.cluster))}", soft_wrap=True)
    try:
        set_up()
        analyse(
            workflow="nuclei",
            user=ORDERS[0].user,
            group=GROUP,
            image=images,
            param=["diameter=20"],
            batch=1,
            rois=RoiShape.POLYGONS,
        )
    except typer.Exit:
        return 1
    return 0


def find_samples(site: Site) -> list[Sample]:
    """The sample images in lab-a's folder.

    They are the same bytes every time, yet put there only once: what was imported in place is linked to
    and must not be written over.
    """
    from sandbox.samples import write_samples

    folder = site.storage / GROUP / "demo"
    with console.status(f"Writing sample images into {folder}"):
        fresh = folder.with_name(f".demo.{uuid.uuid4().hex}")
        samples = [replace(sample, path=folder / sample.path.relative_to(fresh)) for sample in write_samples(fresh)]
        if folder.exists():
            shutil.rmtree(fresh)
        else:
            fresh.rename(folder)
    return samples


async def read_reports(tokens: list[UUID]) -> list[ImportReport | None]:
    from cli.flow_runs import read_report
    from tasks.prefect_client import prefect_client

    async with prefect_client() as client:
        return [await read_report(client, token) for token in tokens]


def results_table(reports: list[ImportReport | None], web_url: str) -> Table:
    """Every image and plate the demo made, with its link into OMERO.web, one section an order."""
    table = Table(title="What the demo imported", title_justify="left", title_style="bold", box=None)
    table.add_column("", overflow="fold")
    table.add_column("", no_wrap=True)  # a link that is broken over two lines cannot be clicked
    for order, report in zip(ORDERS, reports, strict=True):
        table.add_row(f"[bold]{order.user}, {order.dataset or order.screen}[/]", "")
        if report is None:
            table.add_row("  [red]no report: the order did not run[/]", "")
            continue
        for outcome in report.files:
            file = escape(Path(outcome.path).name)
            if outcome.failure is not None:
                table.add_row(f"  {file}: [red]{escape(outcome.failure.summary)}[/]", "")
            for item in outcome.objects:
                link = f"{web_url}/webclient/?show={item.type.lower()}-{item.id}"
                table.add_row(f"  {escape(item.name)}", link)
        table.add_section()
    return table
