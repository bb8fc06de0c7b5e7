"""`omero-flows analyse`: apply a workflow to images of OMERO, and watch it."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.failures import console, reported
from cli.site import use_site
from cli.typed import make_typed
from contracts.analysis_run import AnalysisInputs, AnalysisRun, RoiShape, TableKind
from contracts.failures import FailureCategory, fail
from contracts.workflow_descriptor import ParameterType, WorkflowDescriptor


@reported
def analyse(
    workflow: Annotated[str, typer.Argument(help="Name of the workflow; `omero-flows workflows list` shows them.")],
    user: Annotated[str, typer.Option("--as", help="Login name of the OMERO user whose run it is.")],
    group: Annotated[str | None, typer.Option(help="OMERO group. Default: the one that the first input is in.")] = None,
    dataset: Annotated[list[int] | None, typer.Option(help="Id of a dataset to analyse; may be repeated.")] = None,
    image: Annotated[list[int] | None, typer.Option(help="Id of an image to analyse; may be repeated.")] = None,
    plate: Annotated[list[int] | None, typer.Option(help="Id of a plate to analyse; may be repeated.")] = None,
    param: Annotated[list[str] | None, typer.Option(help="name=value for the workflow; may be repeated.")] = None,
    attach: Annotated[list[str] | None, typer.Option(help="name=ID: a file annotation for a file parameter.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images for one task of the job; default: all in one.")] = None,
    into: Annotated[str | None, typer.Option(help="Dataset for result images: a name, or id:NUMBER.")] = None,
    rois: Annotated[RoiShape | None, typer.Option(help="Make ROIs of label images, in this shape.")] = None,
    tables: Annotated[TableKind, typer.Option(help="What CSV files become.")] = TableKind.OMERO_TABLE,
    archive: Annotated[bool, typer.Option("--zip", help="Attach everything as one zip file too.")] = False,
    minutes: Annotated[int | None, typer.Option(help="Time limit of the job.")] = None,
    memory_mb: Annotated[int | None, typer.Option("--memory", help="Memory of the job, in MiB.")] = None,
    cpus: Annotated[int | None, typer.Option(help="Processors of the job.")] = None,
    gpus: Annotated[int | None, typer.Option(help="GPUs of the job.")] = None,
    partition: Annotated[str | None, typer.Option(help="Partition of the cluster.")] = None,
    mail_to: Annotated[str | None, typer.Option("--mail", help="Slurm writes to this address at the end.")] = None,
    token: Annotated[str | None, typer.Option("--uuid", help="The run's UUID; the same one is placed once.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Place the run and return.")] = False,
    settings: Annotated[Path | None, typer.Option(help="The site's settings (site.toml).")] = None,
) -> None:
    """Analyse images on the cluster; results come back beside them. Ctrl-C leaves the run running."""
    use_site(settings)
    from cli.flow_runs import parse_token
    from cli.import_order import destination_of

    fields = {
        "uuid": parse_token(token) if token else uuid.uuid4(),
        "user": user,
        "group": group,
        "workflow": {"name": workflow},
        "inputs": {
            "images": image or [],
            "datasets": dataset or [],
            "plates": plate or [],
            "attachments": _attachments(attach or []),
        },
        "batch_size": batch,
        "resources": {
            "partition": partition,
            "cpus": cpus,
            "gpus": gpus,
            "memory_mb": memory_mb,
            "minutes": minutes,
            "mail_to": mail_to,
        },
        "results": {
            "destination": None if into is None else destination_of(into, None, None).model_dump(),
            "rois": rois,
            "tables": tables,
            "archive": archive,
        },
    }
    asyncio.run(_place(workflow, split_pairs(param or [], "--param"), fields, detach))


async def _place(workflow: str, values: list[tuple[str, str]], fields: dict[str, Any], detach: bool) -> None:
    from blocks.omero_server import OmeroServer
    from blocks.workflow_catalogue import WorkflowCatalogue
    from cli.analysis_watch import place_run, watch_run
    from tasks.analysis_work import CATALOGUE_BLOCK, begin_run
    from tasks.input_group import find_group
    from tasks.order_run import OMERO_BLOCK, load_block
    from tasks.plan_run import make_plan
    from tasks.prefect_client import prefect_client

    async with prefect_client() as client:
        catalogue = await load_block(WorkflowCatalogue, CATALOGUE_BLOCK)
        descriptor = await asyncio.to_thread(catalogue.descriptor, workflow)
        if fields["group"] is None:
            inputs = make_typed(AnalysisInputs, "choice of images", fields["inputs"])
            fields["group"] = await asyncio.to_thread(find_group, await load_block(OmeroServer, OMERO_BLOCK), inputs)
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


def split_pairs(texts: list[str], option: str) -> list[tuple[str, str]]:
    """Texts `name=value`, in their sequence.

    Raises:
        FailureError: BAD_REQUEST.
    """
    pairs = [(name.strip(), equals, value) for name, equals, value in (text.partition("=") for text in texts)]
    for text, (name, equals, _) in zip(texts, pairs, strict=True):
        if not equals or not name:
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"{option} {text!r} is not name=value.",
                next_step=f"Write {option} name=value.",
            )
    return [(name, value) for name, _, value in pairs]


def read_values(descriptor: WorkflowDescriptor, values: list[tuple[str, str]]) -> dict[str, str | int | float | bool]:
    """What a person typed, as the type that the workflow's parameter has; what cannot be read so stays text, and is
    refused where values are checked.
    """
    types = {parameter.id: parameter.type for parameter in descriptor.parameters}
    return {name: _read(types.get(name), text) for name, text in values}


def _read(kind: ParameterType | None, text: str) -> str | int | float | bool:
    if kind not in (ParameterType.INTEGER, ParameterType.NUMBER, ParameterType.BOOLEAN):
        return text
    try:
        decoded = json.loads(text.lower())
    except ValueError:
        return text
    return decoded if isinstance(decoded, int | float | bool) else text


def _attachments(texts: list[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for name, value in split_pairs(texts, "--attach"):
        if not value.isdecimal():
            raise fail(
                FailureCategory.BAD_REQUEST,
                f"--attach {name}={value}: that is no id of a file annotation.",
                next_step="Write --attach name=NUMBER.",
            )
        found.setdefault(name, []).append(int(value))
    return found
