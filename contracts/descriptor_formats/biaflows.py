"""BIAFLOWS' `descriptor.json`, which is Cytomine's `cytomine-0.1`.

A Number is a number with or without decimals, whatever its default looks like: published descriptors write
the default of a decimal parameter as `0` or `1`. Its value is passed as it is, whole numbers without a
point, so that both `int()` and `float()` of a workflow can read it. `"integer": true` makes it an integer.
`minimum` and `maximum` are read where they are written.

Parameters whose name begins with `cytomine`, and those that are `set-by-server`, are for Cytomine's server
and are left out. The run passes `--infolder`, `--gtfolder`, `--outfolder`, `--local` and `-nmc`.
"""

from __future__ import annotations

from contracts.container_image import ContainerImage
from contracts.descriptor_formats.fields import read_flag, read_identifier
from contracts.descriptor_formats.node import Node
from contracts.descriptor_formats.parameters import check_parameter, keep_apart, read_choices, read_default
from contracts.workflow_descriptor import DescriptorFormat, ParameterType, WorkflowDescriptor, WorkflowParameter

VERSION = "cytomine-0.1"

#: Options that every run of a BIAFLOWS or biomero-schema workflow has.
RUN_FLAGS = frozenset({"--infolder", "--gtfolder", "--outfolder", "--local", "-nmc"})

#: Domain and ListDomain are objects of a Cytomine server, which a run does not have.
_TYPES = {
    "Number": ParameterType.NUMBER,
    "String": ParameterType.TEXT,
    "Boolean": ParameterType.BOOLEAN,
    "Integer": ParameterType.INTEGER,
    "Float": ParameterType.NUMBER,
}
_OF_A_SERVER = ("Domain", "ListDomain")


def read(root: Node) -> WorkflowDescriptor | None:
    """Read the whole descriptor; None when a part without which there is no workflow is missing or wrong."""
    root.ignore("schema-version", "outputs", "tool-version", "author", "url", "doi", "tags")
    name = root.text("name", required=True)
    image = read_image(root)
    items = [found for node in root.nodes("inputs", required=True) if (found := _read_parameter(node)) is not None]
    parameters = keep_apart(list(items), set(RUN_FLAGS), root.problems)
    description, command = root.text("description"), root.text("command-line")
    root.close()
    if name is None or image is None or root.problems.has_errors:
        return None
    return WorkflowDescriptor(
        format=DescriptorFormat.BIAFLOWS,
        name=name,
        description=description or "",
        image=image,
        command_line=command or "",
        parameters=tuple(item for item in parameters if isinstance(item, WorkflowParameter)),
    )


def read_image(root: Node) -> ContainerImage | None:
    """`container-image`, as BIAFLOWS and biomero-schema have it."""
    node = root.node("container-image", required=True)
    if node is None:
        return None
    text, kind = node.text("image", required=True), node.text("type")
    node.ignore("platforms", "index")
    if kind is not None and kind not in {"oci", "docker", "singularity"}:
        node.problems.error(node.at("type"), f"{kind!r} is no kind of image.", "Write oci, docker or singularity.")
    node.close()
    if text is None:
        return None
    try:
        return ContainerImage.parse(text)
    except ValueError as error:
        node.problems.error(node.at("image"), f"It names no image: {error}.", "Write it as in ghcr.io/org/name.")
        return None


def _read_parameter(node: Node) -> tuple[Node, WorkflowParameter] | None:
    identifier = read_identifier(node, "id")
    if identifier is None or identifier.startswith("cytomine") or node.switch("set-by-server"):
        return None
    optional, word = node.switch("optional"), node.text("type", required=True)
    if word in _OF_A_SERVER:
        _refuse_domain(node, identifier, optional=optional)
        return None
    kind = None if word is None else _TYPES.get(word)
    if kind is None:
        if word is not None:
            node.problems.error(
                node.at("type"), f"BIAFLOWS has no type {word!r}.", f"Write one of {', '.join(_TYPES)}."
            )
        return None
    if kind is ParameterType.NUMBER and node.switch("integer"):
        kind = ParameterType.INTEGER
    flag = read_flag(node, "command-line-flag", identifier, usual=f"--{identifier}")
    if flag is None:
        return None
    parameter = WorkflowParameter(
        id=identifier,
        title=node.text("name") or identifier,
        description=node.text("description") or "",
        type=kind,
        flag=flag,
        default=read_default(node, "default-value", kind),
        optional=optional,
        choices=tuple(read_choices(node, "value-choices", node.list("value-choices") or [], [], kind)),
        minimum=node.number("minimum"),
        maximum=node.number("maximum"),
    )
    node.ignore("value-key", "integer", "list", "uri", "uri-print-attribute", "uri-sort-attribute")
    node.close()
    check_parameter(node, parameter, ("default-value", "minimum", "maximum"))
    return node, parameter


def _refuse_domain(node: Node, identifier: str, *, optional: bool) -> None:
    what = f"{identifier!r} is an object of a Cytomine server, which a run does not have."
    if optional:
        node.problems.note(node.at("type"), what, "It was left out.")
    else:
        node.problems.error(node.at("type"), what, "Make it optional, or set-by-server: true.")
