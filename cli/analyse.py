"""`omero-flows analyse`: apply a workflow to images of OMERO, and watch it."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Annotated, Any

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
from cli.failures import console, reported
from cli.site import use_site
from cli.typed import make_typed
from contracts.analysis_run import AnalysisInputs, AnalysisRun, TableKind


@reported
def analyse(
    workflow: WorkflowArgument,
    user: Annotated[str, typer.Option("--as", help="Login name of the OMERO user whose run it is.")],
    group: Annotated[str | None, typer.Option(help="OMERO group. Default: the one that the first input is in.")] = None,
    dataset: Annotated[list[int] | None, typer.Option(help="Id of a dataset to analyse; may be repeated.")] = None,
    image: Annotated[list[int] | None, typer.Option(help="Id of an image to analyse; may be repeated.")] = None,
    plate: Annotated[list[int] | None, typer.Option(help="Id of a plate to analyse; may be repeated.")] = None,
    param: Param = None,
    attach: Attach = None,
    batch: Annotated[int | None, typer.Option(help="Images for one task of the job; default: all in one.")] = None,
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
    token: Annotated[str | None, typer.Option("--uuid", help="The run's UUID; the same one is placed once.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Place the run and return.")] = False,
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Analyse images on the cluster; results come back beside them. Ctrl-C leaves the run running."""
    use_site(settings)
    from cli.flow_runs import parse_token

    fields = {
        "uuid": parse_token(token) if token else uuid.uuid4(),
        "user": user,
        "group": group,
        "workflow": {"name": workflow},
        "inputs": {
            "images": image or [],
            "datasets": dataset or [],
            "plates": plate or [],
            "attachments": read_attachments(attach or []),
        },
        "batch_size": batch,
        "resources": job_resources(partition, cpus, gpus, memory_mb, minutes, mail_to),
        "results": result_options(into, rois, tables, archive),
    }
    asyncio.run(_place(workflow, split_pairs(param or [], "--param"), fields, detach))


async def _place(workflow: str, values: list[tuple[str, str]], fields: dict[str, Any], detach: bool) -> None:
    from blocks.omero_server import OmeroServer
    from blocks.workflow_catalogue import WorkflowCatalogue
    from cli.analysis_watch import watch_run
    from tasks.analysis_work import CATALOGUE_BLOCK, begin_run
    from tasks.input_group import find_group
    from tasks.order_run import OMERO_BLOCK, load_block
    from tasks.placing import place_run
    from tasks.plan_run import make_plan
    from tasks.prefect_client import prefect_client

    async with prefect_client() as client:
        catalogue = await load_block(WorkflowCatalogue, CATALOGUE_BLOCK)
        descriptor = await asyncio.to_thread(catalogue.descriptor, workflow)
        if fields["group"] is None:
            inputs = make_typed(AnalysisInputs, "choice of images", fields["inputs"])
            server = await load_block(OmeroServer, OMERO_BLOCK)
            fields["group"] = await asyncio.to_thread(find_group, server, *inputs.first)
        run = make_typed(AnalysisRun, "run", fields | {"parameters": read_values(descriptor, values)})
        async with begin_run(run) as work:
            # Everything that can be wrong is said here, before there is a run.
            plan = await asyncio.to_thread(make_plan, work)
            web_url = work.server.web_url
        placed = await place_run(client, run)
        console.print(f"Run [bold]{run.uuid}[/]: {run.title}", highlight=False)
        images, tasks = len(plan.inputs), len(plan.tasks)
        what = f"{images} image{'' if images == 1 else 's'} in {tasks} task{'' if tasks == 1 else 's'}"
        console.print(f"  {what}", highlight=False)
        if detach:
            console.print(f"See it with: omero-flows show {run.uuid}", highlight=False)
            return
        succeeded = await watch_run(client, placed, run, web_url)
    if not succeeded:
        raise typer.Exit(1)
