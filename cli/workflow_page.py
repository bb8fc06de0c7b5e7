"""A workflow as a page in the terminal: what it takes, what it gives, what it needs, how it is called."""

from __future__ import annotations

import shlex

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.plain_text import escape, plain
from contracts.parameter_values import check_values
from contracts.workflow_arguments import JobFolders, make_arguments
from contracts.workflow_descriptor import WorkflowDescriptor, WorkflowParameter

_FOLDERS = JobFolders(input="/in", ground_truth="/gt", output="/out", files="/files")


def workflow_page(descriptor: WorkflowDescriptor) -> Group:
    """Everything of a descriptor that a person who writes or installs a workflow looks for."""
    parts: list[RenderableType] = [
        Text(plain(descriptor.name), style="bold"),
        Text(plain(descriptor.description)),
        _facts(descriptor),
    ]
    if descriptor.form_fields or descriptor.images:
        parts.append(_takes(descriptor))
    if descriptor.outputs:
        parts.append(_gives(descriptor))
    if not check_values(descriptor, {}):
        line = plain(shlex.join(make_arguments(descriptor, {}, _FOLDERS)))
        parts.append(Text.assemble(("Called with its defaults: ", "bold"), line))
    return Group(*parts)


def _facts(descriptor: WorkflowDescriptor) -> Table:
    resources = descriptor.resources
    needs = [
        f"{resources.cores} cores" if resources.cores is not None else "",
        f"{resources.ram_mib} MiB RAM" if resources.ram_mib is not None else "",
        "a GPU" if resources.gpu else "",
        "the internet" if resources.networking else "",
        "OME-Zarr" if descriptor.needs_zarr else "",
    ]
    cited = [
        citation.name + (f" ({', '.join(filter(None, (citation.doi, citation.license)))})")
        for citation in descriptor.citations
    ]
    table = Table.grid(padding=(0, 2))
    table.add_row("format", descriptor.format.value)
    table.add_row("image", escape(descriptor.image.address))
    table.add_row("needs", ", ".join(filter(None, needs)) or "nothing in particular")
    if cited:
        table.add_row("cite", escape("; ".join(cited)))
    return table


def _takes(descriptor: WorkflowDescriptor) -> Table:
    table = Table(title="Takes", title_justify="left", title_style="bold")
    for column in ("Name", "Type", "Default", "May be", "Option"):
        table.add_column(column, overflow="fold")
    for image in descriptor.images:
        table.add_row(escape(image.id), "images", "", escape(", ".join(image.formats)), image.flag or "")
    for parameter in descriptor.parameters:
        table.add_row(
            _name(parameter.id, parameter.optional, parameter.advanced),
            parameter.type.value,
            "" if parameter.default is None else escape(str(parameter.default)),
            escape(_range(parameter)),
            parameter.flag,
        )
    for file_input in descriptor.files:
        table.add_row(
            _name(file_input.id, file_input.optional, file_input.advanced),
            f"{file_input.kind.value}{'s' if file_input.several else ''}",
            "",
            escape(", ".join(file_input.formats)),
            file_input.flag,
        )
    return table


def _name(identifier: str, optional: bool, advanced: bool) -> str:
    words = [word for word, is_so in (("optional", optional), ("advanced", advanced)) if is_so]
    return escape(identifier) + (f" [dim]({', '.join(words)})[/]" if words else "")


def _range(parameter: WorkflowParameter) -> str:
    if parameter.choices:
        return ", ".join(str(choice.value) for choice in parameter.choices)
    low, high = parameter.minimum, parameter.maximum
    if low is None and high is None:
        return ""
    return f"{'' if low is None else low} … {'' if high is None else high}".strip()


def _gives(descriptor: WorkflowDescriptor) -> Table:
    table = Table(title="Gives", title_justify="left", title_style="bold")
    for column in ("Name", "Type", "Formats", "What"):
        table.add_column(column, overflow="fold")
    for output in descriptor.outputs:
        kind = " ".join((*output.subtypes, output.type)) + ("s" if output.several else "")
        table.add_row(escape(output.id), escape(kind), escape(", ".join(output.formats)), escape(output.title))
    return table
