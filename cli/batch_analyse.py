"""`omero-flows batch analyse`: analyse all images of a container that have not been analysed so yet."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.analysis_options import (
    Archive,
    Attach,
    Cpus,
    Gpus,
    Into,
    MailTo,
    Memory,
    Minutes,
    Param,
    Partition,
    Rois,
    Tables,
    WorkflowArgument,
    job_resources,
    read_attachments,
    read_values,
    result_options,
    split_pairs,
)
from cli.failures import console, reported, say
from cli.site import use_site
from cli.typed import make_typed
from contracts.analysis_run import TableKind
from contracts.batch.analysis_rule import AnalysisRule
from contracts.failures import FailureCategory, fail

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

    from blocks.omero_session import OmeroSession
    from tasks.analysis_work import AnalysisSite

#: Problems that are said one by one.
MOST_SAID = 20
_KINDS = (("Dataset", "datasets"), ("Project", "projects"), ("Plate", "plates"), ("Screen", "screens"))


@reported
def analyse_new(
    workflow: WorkflowArgument,
    user: Annotated[str, typer.Option("--as", help="Login name of the OMERO user whose runs they are.")],
    group: Annotated[str | None, typer.Option(help="OMERO group. Default: that of the first container.")] = None,
    dataset: Annotated[list[int] | None, typer.Option(help="Id of a dataset; may be repeated.")] = None,
    project: Annotated[list[int] | None, typer.Option(help="Id of a project: all its datasets.")] = None,
    plate: Annotated[list[int] | None, typer.Option(help="Id of a plate; may be repeated.")] = None,
    screen: Annotated[list[int] | None, typer.Option(help="Id of a screen: all its plates.")] = None,
    param: Param = None,
    attach: Attach = None,
    images_per_run: Annotated[int, typer.Option(help="Images for one run; more become several runs.")] = 200,
    batch: Annotated[int, typer.Option(help="Images for one task of a run's job.")] = 1,
    into: Into = None,
    rois: Rois = None,
    tables: Tables = TableKind.OMERO_TABLE,
    archive: Archive = False,
    minutes: Minutes = None,
    memory_mb: Memory = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    partition: Partition = None,
    mail_to: MailTo = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try runs again that failed before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what is new and would be placed, and stop.")] = False,
    title: Annotated[str | None, typer.Option(help="How people see this batch; else what it does.")] = None,
    token: Annotated[str | None, typer.Option("--uuid", help="The batch's UUID; the same one is placed once.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Place the batch and return.")] = False,
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Analyse the images that no earlier batch has taken for the same workflow, user and parameters.

    Images that analyses made are left alone. What failed before is tried again with --retry-failed alone.
    """
    use_site(settings)
    from cli.flow_runs import parse_token

    identity = parse_token(token) if token else uuid.uuid4()
    fields = {
        "user": user,
        "group": group,
        "workflow": {"name": workflow},
        "datasets": dataset or [],
        "projects": project or [],
        "plates": plate or [],
        "screens": screen or [],
        "attachments": read_attachments(attach or []),
        "images_per_run": images_per_run,
        "batch_size": batch,
        "resources": job_resources(partition, cpus, gpus, memory_mb, minutes, mail_to),
        "results": result_options(into, rois, tables, archive),
    }
    values = split_pairs(param or [], "--param")
    asyncio.run(_analyse(fields, values, title, identity, retry_failed=retry_failed, dry_run=dry_run, detach=detach))


async def _analyse(
    fields: dict[str, Any],
    values: list[tuple[str, str]],
    title: str | None,
    identity: uuid.UUID,
    *,
    retry_failed: bool,
    dry_run: bool,
    detach: bool,
) -> None:
    from cli.batch_watch import watch_analysis_batch
    from tasks.analysis_work import load_site
    from tasks.placing import place_analyses
    from tasks.prefect_client import prefect_client

    async with prefect_client() as client:
        site = await load_site()
        rule = await _make_rule(site, fields, values)
        with site.server.as_user(rule.user, rule.group) as session:
            await _say_what_is_new(site, session, client, rule, plans=dry_run)
        if dry_run:
            return
        placed = await place_analyses(client, identity, title or rule.title, rule, retry_failed=retry_failed)
        console.print(f"Batch [bold]{placed.id}[/]", highlight=False)
        if detach:
            return
        succeeded = await watch_analysis_batch(client, placed)
    if not succeeded:
        raise typer.Exit(1)


async def _make_rule(site: AnalysisSite, fields: dict[str, Any], values: list[tuple[str, str]]) -> AnalysisRule:
    """
    Raises:
        FailureError: BAD_REQUEST, UNKNOWN_WORKFLOW, UNKNOWN_INPUT.
    """
    from tasks.input_group import find_group

    descriptor = await asyncio.to_thread(site.catalogue.descriptor, fields["workflow"]["name"])
    fields = fields | {"parameters": read_values(descriptor, values)}
    first = next(((kind, fields[name][0]) for kind, name in _KINDS if fields[name]), None)
    if first is None:
        raise fail(
            FailureCategory.BAD_REQUEST,
            "Say whose new images are analysed.",
            next_step="Give --dataset, --project, --plate or --screen.",
        )
    if fields["group"] is None:
        fields |= {"group": await asyncio.to_thread(find_group, site.server, *first)}
    return make_typed(AnalysisRule, "batch", fields)


async def _say_what_is_new(
    site: AnalysisSite, session: OmeroSession, client: PrefectClient, rule: AnalysisRule, *, plans: bool
) -> None:
    """Say what there is, and refuse what cannot be looked into. `plans`: say too what would be placed.

    Raises:
        FailureError: what is wrong with the rule; BAD_REQUEST when a container is not there.
    """
    from cli.batch_watch import counts_table
    from tasks.rule_look import look_at_rule
    from tasks.rule_planning import RulePlanning

    look = await look_at_rule(site, session, client, rule)
    for problem in look.problems:
        say(problem.failure)
    if look.problems:
        raise fail(
            FailureCategory.BAD_REQUEST,
            "Not everything that is named can be looked into; nothing was placed.",
            next_step="Correct the ids, or leave these out.",
        )
    console.print(counts_table(rule.title, look.images))
    if not plans:
        return
    planning = RulePlanning(site, session, rule)
    async for run, images in planning.runs(look.new):
        console.print(f"would be placed: {run.title}, {images} image{'' if images == 1 else 's'}", highlight=False)
    for problem in planning.problems[:MOST_SAID]:
        say(problem.failure)
    if planning.problems:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"{sum(problem.images for problem in planning.problems):,} images could not be placed.",
            next_step="Correct what is said above; the others would be placed.",
        )
