"""`omero-flows cluster set-up|check`: the cluster's folders and images."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.failures import reported
from cli.finding import show
from cli.site import use_site
from contracts.failures import FailureError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

    from contracts.finding import Finding

app = typer.Typer(help="The Slurm cluster: set it up, look at it.", no_args_is_help=True)

SettingsOption = Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")]


@app.command("set-up")
@reported
def set_up(settings: SettingsOption = None) -> None:
    """Make the cluster's folders and pull the images of all workflows that are not there."""
    use_site(settings)
    from flows.set_up_cluster import set_up_cluster

    _run(set_up_cluster)


@app.command()
@reported
def check(settings: SettingsOption = None) -> None:
    """Say what is there on the cluster, what is missing and what to do."""
    use_site(settings)
    from flows.check_cluster import check_cluster

    _run(check_cluster)


def _run(flow: Callable[..., Coroutine[Any, Any, State[Any]]]) -> None:
    state = asyncio.run(flow(return_state=True))
    findings: list[Finding] | BaseException
    findings = asyncio.run(state.aresult(raise_on_failure=False))
    if not isinstance(findings, list):
        raise findings if isinstance(findings, FailureError) else RuntimeError(f"the flow ended as {state}")
    for finding in findings:
        show(finding)
    if state.is_failed():
        raise typer.Exit(1)
