"""`omero-flows deploy`: make the site's blocks, work pools, limits, automations and deployments."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.failures import console, reported


@reported
def deploy(
    settings: Annotated[Path | None, typer.Option(help="The site's settings; see docs/admin.md.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be different; make nothing.")] = False,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Take what the settings say, also where it was changed in Prefect since."),
    ] = False,
) -> None:
    """Make everything in Prefect that orders and runs need. It can be run again at any time: what is there as it should
    be is not touched.
    """
    from deployments.settings import load_settings

    site = load_settings(settings)
    site.use_prefect()
    asyncio.run(_deploy(site, dry_run, overwrite))


async def _deploy(site: object, dry_run: bool, overwrite: bool) -> None:
    from deployments.comparison import Standing
    from deployments.deploy import deploy as apply
    from deployments.settings import SiteSettings

    assert isinstance(site, SiteSettings)
    said = {Standing.NEW: "made", Standing.DIFFERENT: "changed", Standing.SAME: "as it was:"}
    if dry_run:
        said |= {Standing.NEW: "would make", Standing.DIFFERENT: "would change", Standing.SAME: "as it is:"}
    async for made in apply(site, dry_run=dry_run, overwrite=overwrite):
        console.print(f"  {said[made.comparison.standing]} {made.what}", highlight=False, markup=False)
        for difference in made.comparison.differences:
            console.print(f"    {difference}", highlight=False, markup=False)
        for name in made.kept:
            console.print(
                f"    kept {name} as it was changed in Prefect; the settings say otherwise (--overwrite takes them)",
                highlight=False,
                markup=False,
            )
