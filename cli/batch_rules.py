"""`omero-flows batch rules`: what the site's rules would find tonight."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from cli.failures import console, reported, say
from cli.site import use_site
from contracts.failures import FailureError

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

    from contracts.batch.analysis_rule import AnalysisRule
    from tasks.analysis_work import AnalysisSite


@reported
def show_rules(settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None) -> None:
    """Look at the rules for nightly analyses: what each would find now, and which cannot be followed."""
    use_site(settings)
    if not asyncio.run(_show()):
        raise typer.Exit(1)


async def _show() -> bool:
    """False when a rule cannot be followed, or not wholly."""
    from tasks.analysis_work import load_site
    from tasks.prefect_client import prefect_client
    from tasks.standing_rules import read_standing_rules

    async with prefect_client() as client:
        site, rules = await load_site(), await read_standing_rules()
        if not rules:
            console.print("The site has no rule; see docs/scheduler.md.")
        return all([await _look(site, client, rule) for rule in rules])


async def _look(site: AnalysisSite, client: PrefectClient, rule: AnalysisRule) -> bool:
    from cli.batch_watch import counts_table
    from tasks.rule_look import look_at_rule

    try:
        with site.server.as_user(rule.user, rule.group) as session:
            look = await look_at_rule(site, session, client, rule)
    except FailureError as error:
        console.print(f"[bold]{escape(rule.title)}[/]", highlight=False)
        say(error.failure)
        return False
    console.print(counts_table(rule.title, look.images))
    for problem in look.problems:
        say(problem.failure)
    return not look.problems
