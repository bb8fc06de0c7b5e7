"""The arguments a workflow's container is run with: a list of texts, never a line for a shell.

As BIOMERO calls published containers (biomero's job template):

    BIAFLOWS, biomero-schema   --infolder IN --gtfolder GT --outfolder OUT [--flag=value ...] --local -nmc
    Bilayers                   [--in-flag=IN ...] [--out-flag=OUT ...] [--flag=value ...] [hidden arguments ...]

Flag and value are one argument where the flag has two dashes, so that no value can be read as an option;
after a flag with one dash they are two. What is not set is left out. true and false are `True` and `False`;
whole numbers have no point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import StringConstraints

from contracts.base import Contract
from contracts.failures import FailureCategory, fail
from contracts.parameter_values import check_values, complete_values
from contracts.workflow_descriptor import DescriptorFormat, Scalar, WorkflowDescriptor, WorkflowParameter

Folder = Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f\x7f]*[^/\x00-\x1f\x7f]$", max_length=4000)]

#: Beyond this a float has no digits after the point to lose, and its integer would have up to 309.
_LARGEST_PLAIN = 1e15


class JobFolders(Contract):
    """Absolute paths as the container sees them. The files of a file input lie in `files`/<its id>."""

    input: Folder
    ground_truth: Folder
    output: Folder
    files: Folder


def make_arguments(descriptor: WorkflowDescriptor, values: Mapping[str, Any], folders: JobFolders) -> list[str]:
    """The container's arguments for these values.

    Raises:
        FailureError: BAD_REQUEST naming every value that is wrong.
    """
    problems = check_values(descriptor, values)
    completed = {} if problems else complete_values(descriptor, values)
    problems = problems or check_values(descriptor, completed)  # the descriptor's own defaults too
    if problems:
        raise fail(
            FailureCategory.BAD_REQUEST,
            f"The parameters of {descriptor.name!r} are not right.",
            detail="\n".join(str(problem) for problem in problems[:50]),
            next_step="Correct them; nothing was started.",
        )
    chosen = [
        argument
        for parameter in descriptor.parameters
        if parameter.id in completed
        for argument in _write(parameter, completed[parameter.id])
    ]
    for file_input in descriptor.files:
        if file_input.id in completed:
            chosen += _join(file_input.flag, f"{folders.files}/{file_input.id}")
    outputs = [argument for flag in descriptor.output_flags for argument in _join(flag, folders.output)]
    if descriptor.format is DescriptorFormat.BILAYERS:
        inputs = [
            argument
            for image in descriptor.images
            if image.flag is not None
            for argument in _join(image.flag, folders.input)
        ]
        return [*inputs, *outputs, *chosen, *descriptor.fixed_arguments]
    run = ["--infolder", folders.input, "--gtfolder", folders.ground_truth, "--outfolder", folders.output]
    return [*run, *outputs, *chosen, "--local", "-nmc"]


def _write(parameter: WorkflowParameter, value: Scalar) -> list[str]:
    if parameter.is_bare_flag:
        return [parameter.flag] if value else []
    return _join(parameter.flag, write_value(value))


def _join(flag: str, value: str) -> list[str]:
    return [f"{flag}={value}"] if flag.startswith("--") else [flag, value]


def write_value(value: Scalar) -> str:
    """A value as the text that programs read: `True`, `5`, `0.5`, `1e+300`."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST_PLAIN:
        return str(int(value))
    return str(value)
