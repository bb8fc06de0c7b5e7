"""What a person says of an analysis on the command line: options that several commands have, and what they mean."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from contracts.analysis_run import RoiShape, TableKind
from contracts.failures import FailureCategory, fail
from contracts.workflow_descriptor import ParameterType, WorkflowDescriptor

WorkflowArgument = Annotated[str, typer.Argument(help="Name of the workflow; `omero-flows workflows list` shows them.")]
Param = Annotated[list[str] | None, typer.Option(help="name=value for the workflow; may be repeated.")]
Attach = Annotated[list[str] | None, typer.Option(help="name=ID: a file annotation for a file parameter.")]
Into = Annotated[str | None, typer.Option(help="Dataset for result images: a name, or id:NUMBER.")]
Rois = Annotated[RoiShape | None, typer.Option(help="Make ROIs of label images, in this shape.")]
Tables = Annotated[TableKind, typer.Option(help="What CSV files become.")]
Archive = Annotated[bool, typer.Option("--zip", help="Attach everything as one zip file too.")]
Minutes = Annotated[int | None, typer.Option(help="Time limit of the job.")]
Memory = Annotated[int | None, typer.Option("--memory", help="Memory of the job, in MiB.")]
Cpus = Annotated[int | None, typer.Option(help="Processors of the job.")]
Gpus = Annotated[int | None, typer.Option(help="GPUs of the job.")]
Partition = Annotated[str | None, typer.Option(help="Partition of the cluster.")]
MailTo = Annotated[str | None, typer.Option("--mail", help="Slurm writes to this address at the end.")]


def result_options(into: str | None, rois: RoiShape | None, tables: TableKind, archive: bool) -> dict[str, Any]:
    """Fields of `ResultOptions`.

    Raises:
        FailureError: BAD_REQUEST.
    """
    from cli.import_order import destination_of

    return {
        "destination": None if into is None else destination_of(into, None, None).model_dump(),
        "rois": rois,
        "tables": tables,
        "archive": archive,
    }


def job_resources(
    partition: str | None,
    cpus: int | None,
    gpus: int | None,
    memory_mb: int | None,
    minutes: int | None,
    mail_to: str | None,
) -> dict[str, Any]:
    """Fields of `Resources`."""
    return {
        "partition": partition,
        "cpus": cpus,
        "gpus": gpus,
        "memory_mb": memory_mb,
        "minutes": minutes,
        "mail_to": mail_to,
    }


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


def read_attachments(texts: list[str]) -> dict[str, list[int]]:
    """Ids of file annotations by the parameter that they are for.

    Raises:
        FailureError: BAD_REQUEST.
    """
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
