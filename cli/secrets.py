"""`omero-flows secrets`: make the random ones, say which of site.toml's are in Prefect, and put new ones there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.failures import console, reported

app = typer.Typer(help="Secrets: from their files into Prefect's blocks.", no_args_is_help=True)

Settings = Annotated[Path | None, typer.Option(help="The site's settings; see docs/admin.md.")]


@app.command()
@reported
def make(folder: Annotated[Path, typer.Argument(help="For example /etc/omero-flows/secrets.")]) -> None:
    """Make what nobody needs to think up: Prefect's password, its database's, and the key that encrypts blocks. A file
    that is there is never touched.
    """
    from deployments.secret_files import make_secrets

    for file, made in make_secrets(folder).items():
        console.print(f"  {'made' if made else 'as it was:'} {file}", highlight=False, markup=False, soft_wrap=True)


@app.command(name="list")
@reported
def list_secrets(settings: Settings = None) -> None:
    """Say of each secret of site.toml whether Prefect's block has it; nothing is shown or changed."""
    asyncio.run(_go_through(settings, apply=False))


@app.command()
@reported
def apply(settings: Settings = None) -> None:
    """Put secrets whose files have changed into Prefect's blocks; each is tried first, and nothing else is changed."""
    asyncio.run(_go_through(settings, apply=True))


async def _go_through(settings: Path | None, *, apply: bool) -> None:
    from deployments.settings import load_settings

    site = load_settings(settings)
    site.use_prefect()
    from prefect.client.orchestration import get_client

    from deployments.secrets import Standing, read_secrets, replace_secret

    async with get_client() as client:
        for secret in await read_secrets(client, site):
            said = {
                Standing.SAME: "is in Prefect",
                Standing.OTHER: "is another than Prefect's",
                Standing.NO_BLOCK: "has no block yet: omero-flows deploy",
                Standing.ELSEWHERE: "is not in site.toml: change it in the block, in the Prefect UI",
            }[secret.standing]
            if apply and secret.standing is Standing.OTHER:
                await replace_secret(secret)
                said = "was tried, and is in Prefect now"
            console.print(f"  {secret.what} {said}", highlight=False, markup=False, soft_wrap=True)
