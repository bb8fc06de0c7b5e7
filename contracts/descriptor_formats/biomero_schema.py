"""biomero-schema's descriptor, `biomero-0.1`.

Images come in the input folder, which the run names with `--infolder`: the flag of an image input is not
passed. Inputs of type file, array, measurement and executable are file inputs, marked `file-attachment` or
not. `output-dir-set` is told the output folder. `ram-min` is in MiB (2^20 bytes); it and `cores-min` are
rounded up.
"""

from __future__ import annotations

import math

from contracts.descriptor_formats.biaflows import RUN_FLAGS, read_image
from contracts.descriptor_formats.fields import read_flag, read_formats, read_identifier, read_mode, read_several
from contracts.descriptor_formats.node import Node
from contracts.descriptor_formats.parameters import check_parameter, keep_apart, read_choices, read_default
from contracts.workflow_descriptor import (
    Citation,
    DescriptorFormat,
    FileInput,
    FileKind,
    ImageInput,
    ParameterType,
    WorkflowDescriptor,
    WorkflowOutput,
    WorkflowParameter,
    WorkflowResources,
)

VERSION = "biomero-0.1"

TYPES = {
    "Number": ParameterType.NUMBER,
    "String": ParameterType.TEXT,
    "integer": ParameterType.INTEGER,
    "float": ParameterType.NUMBER,
    "boolean": ParameterType.BOOLEAN,
    "string": ParameterType.TEXT,
}
FILE_TYPES = {kind.value: kind for kind in FileKind}
PROBLEM_CLASSES = (
    "object-segmentation",
    "pixel-classification",
    "object-counting",
    "object-detection",
    "filament-tree-tracing",
    "filament-networks-tracing",
    "landmark-detection",
    "particle-tracking",
    "object-tracking",
)

#: More than any machine has: beyond them a unit is mistaken.
MOST_CORES = 10_000
MOST_RAM_MIB = 1 << 30


def read(root: Node) -> WorkflowDescriptor | None:
    """Read the whole descriptor; None when a part without which there is no workflow is missing or wrong."""
    root.ignore("schema-version", "institutions", "requires-zarr", "requires-plate")
    name, description = root.text("name", required=True), root.text("description", required=True)
    image, command = read_image(root), root.text("command-line", required=True)
    inputs = _Inputs()
    for node in root.nodes("inputs", required=True):
        inputs.read(node)
    items = keep_apart(inputs.items, set(RUN_FLAGS) | set(inputs.output_flags), root.problems)
    outputs = [output for node in root.nodes("outputs") if (output := _read_output(node)) is not None]
    resources = _read_resources(root)
    citations, authors = _read_citations(root), _read_authors(root)
    problem_class = root.text("problem-class")
    if problem_class is not None and problem_class not in PROBLEM_CLASSES:
        root.problems.error(
            "problem-class", f"There is no class {problem_class!r}.", f"Write one of {', '.join(PROBLEM_CLASSES)}."
        )
    root.close()
    if name is None or image is None or root.problems.has_errors:
        return None
    return WorkflowDescriptor(
        format=DescriptorFormat.BIOMERO_SCHEMA,
        name=name,
        description=description or "",
        image=image,
        command_line=command or "",
        parameters=tuple(item for item in items if isinstance(item, WorkflowParameter)),
        files=tuple(item for item in items if isinstance(item, FileInput)),
        images=tuple(inputs.images),
        outputs=tuple(outputs),
        output_flags=tuple(inputs.output_flags),
        resources=resources,
        citations=citations,
        authors=authors,
    )


class _Inputs:
    """The inputs, sorted by what the run does with them."""

    def __init__(self) -> None:
        self.items: list[tuple[Node, WorkflowParameter | FileInput]] = []
        self.images: list[ImageInput] = []
        self.output_flags: list[str] = []

    def read(self, node: Node) -> None:
        identifier, word = read_identifier(node, "id"), node.text("type", required=True)
        flag = None if identifier is None else read_flag(node, "command-line-flag", identifier, usual=f"--{identifier}")
        if identifier is None or word is None or flag is None:
            return
        attached = node.switch("file-attachment")
        if word == "image":
            self.images.append(_read_image_input(node, identifier))
            if node.has("command-line-flag"):
                node.problems.note(
                    node.at("command-line-flag"),
                    f"{flag} is not passed: images come in --infolder.",
                    "Read them there.",
                )
        elif node.switch("output-dir-set"):
            self.output_flags.append(flag)
        elif node.switch("set-by-server") and not attached:
            return
        elif word in FILE_TYPES:
            self.items.append((node, _read_file_input(node, identifier, FILE_TYPES[word], flag)))
        elif word in TYPES:
            self.items.append((node, _read_parameter(node, identifier, TYPES[word], flag)))
        else:
            node.problems.error(
                node.at("type"),
                f"biomero-schema has no type {word!r}.",
                f"Write one of {', '.join((*TYPES, 'image', *FILE_TYPES))}.",
            )
            return
        node.ignore("value-key", "set-by-server", "output-dir-set", "file-attachment", "optional", "default-value")
        node.ignore("name", "description", "mode", "format", "sub-type", "file-count")
        node.close()


def _read_parameter(node: Node, identifier: str, kind: ParameterType, flag: str) -> WorkflowParameter:
    values, labels = node.list("value-choices") or [], node.list("value-choices-labels") or []
    if labels and len(labels) != len(values):
        node.problems.error(
            node.at("value-choices-labels"),
            f"There are {len(labels)} labels for {len(values)} choices.",
            "Give a label, or null, for each.",
        )
    parameter = WorkflowParameter(
        id=identifier,
        title=node.text("name") or identifier,
        description=node.text("description") or "",
        type=kind,
        flag=flag,
        default=read_default(node, "default-value", kind),
        optional=node.switch("optional"),
        advanced=read_mode(node),
        choices=tuple(read_choices(node, "value-choices", values, labels, kind)),
        minimum=node.number("minimum"),
        maximum=node.number("maximum"),
    )
    check_parameter(node, parameter, ("default-value", "minimum", "maximum"))
    return parameter


def _read_file_input(node: Node, identifier: str, kind: FileKind, flag: str) -> FileInput:
    return FileInput(
        id=identifier,
        title=node.text("name") or identifier,
        description=node.text("description") or "",
        kind=kind,
        flag=flag,
        formats=read_formats(node),
        several=read_several(node, "file-count"),
        optional=node.switch("optional"),
        advanced=read_mode(node),
    )


def _read_image_input(node: Node, identifier: str) -> ImageInput:
    return ImageInput(
        id=identifier,
        title=node.text("name") or identifier,
        description=node.text("description") or "",
        formats=read_formats(node),
        subtypes=node.words("sub-type"),
        optional=node.switch("optional"),
    )


def _read_output(node: Node) -> WorkflowOutput | None:
    identifier, word = read_identifier(node, "id"), node.text("type", required=True)
    if identifier is None or word is None:
        return None
    if word not in TYPES and word not in FILE_TYPES and word != "image":
        node.problems.error(
            node.at("type"),
            f"biomero-schema has no type {word!r}.",
            f"Write one of {', '.join((*TYPES, 'image', *FILE_TYPES))}.",
        )
        return None
    output = WorkflowOutput(
        id=identifier,
        title=node.text("name") or identifier,
        description=node.text("description") or "",
        type=TYPES[word].value if word in TYPES else word,
        formats=read_formats(node),
        subtypes=node.words("sub-type"),
        several=read_several(node, "file-count"),
        optional=node.switch("optional"),
    )
    node.ignore("value-key", "command-line-flag", "default-value", "set-by-server", "mode")
    node.ignore("value-choices", "value-choices-labels")
    node.close()
    return output


def _read_resources(root: Node) -> WorkflowResources:
    configuration = root.node("configuration")
    if configuration is None:
        return WorkflowResources()
    for key in ("input_folder", "output_folder"):
        if configuration.has(key):
            configuration.problems.note(
                configuration.at(key),
                "Folders are not mounted at a place of the workflow's choice.",
                "Read --infolder and --outfolder.",
            )
    node = configuration.node("resources")
    configuration.close()
    if node is None:
        return WorkflowResources()
    ram, cores = node.number("ram-min"), node.number("cores-min")
    for key, value, most in (("ram-min", ram, MOST_RAM_MIB), ("cores-min", cores, MOST_CORES)):
        if value is not None and not 0 <= value <= most:
            node.problems.error(node.at(key), f"{value} is not between 0 and {most:,}.", "Correct the number.")
    for key in ("cuda-requirements", "cpuAVX", "cpuAVX2"):
        if node.has(key) and node.content[key] is not False:
            node.problems.note(
                node.at(key), "Slurm has no word for it that all clusters share.", "Choose nodes with a constraint."
            )
    resources = WorkflowResources(
        cores=math.ceil(cores) if cores is not None and cores > 0 else None,
        ram_mib=math.ceil(ram) if ram is not None and ram > 0 else None,
        gpu=node.switch("gpu"),
        networking=node.switch("networking"),
    )
    node.close()
    return resources


def _read_citations(root: Node) -> tuple[Citation, ...]:
    if not root.list("citations"):
        root.problems.error("citations", "There is none.", "Add at least one, with name and license.")
    found = []
    for node in root.nodes("citations"):
        name, license_name = node.text("name", required=True), node.text("license", required=True)
        doi, description = node.text("doi"), node.text("description")
        node.close()
        if name is not None:
            found.append(Citation(name=name, doi=doi, license=license_name, description=description or ""))
    return tuple(found)


def _read_authors(root: Node) -> tuple[str, ...]:
    names = []
    for node in root.nodes("authors"):
        name = node.text("name", required=True)
        node.ignore("email", "affiliations")
        node.close()
        if name is not None:
            names.append(name)
    return tuple(names)
