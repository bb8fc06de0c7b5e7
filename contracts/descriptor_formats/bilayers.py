"""Bilayers' `config.yaml` (bilayers.org).

The container's entry point runs, not `exec_function.cli_command`. Image inputs are told the input folder,
outputs that have a `cli_tag` and parameters with `output_dir_set` the output folder. A checkbox with
`append_value: false` is a bare flag. `hidden_args` are passed behind all others. `cli_order` is not used:
every value has its option. A radio or dropdown has the type of its options' values.

`docker_image.tag` counts only where the descriptor comes from no tagged repository; see
contracts/workflow_entry.py.
"""

from __future__ import annotations

from contracts.container_image import ContainerImage
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
)

_TYPES = {
    "integer": ParameterType.INTEGER,
    "float": ParameterType.NUMBER,
    "boolean": ParameterType.BOOLEAN,
    "checkbox": ParameterType.BOOLEAN,
    "textbox": ParameterType.TEXT,
    "text": ParameterType.TEXT,
    "radio": None,
    "dropdown": None,
}
_FILE_TYPES = {kind.value: kind for kind in FileKind}
_OF_FILES = ("cli_order", "default", "folder_name", "unique_string", "structure", "section_id")
_OF_IMAGES = ("depth", "timepoints", "tiled", "pyramidal")


def read(root: Node) -> WorkflowDescriptor | None:
    """Read the whole descriptor; None when a part without which there is no workflow is missing or wrong."""
    root.ignore("display_only")
    citations = _read_citations(root)
    folder = root.text("algorithm_folder_name")
    image, command = _read_image(root), _read_command(root)
    inputs = _Inputs()
    outputs = [output for node in root.nodes("outputs", required=True) if (output := inputs.read_output(node))]
    for key in ("inputs", "parameters"):
        for node in root.nodes(key, required=True):
            inputs.read(node)
    images = _choose_images(root, inputs.images)
    image_flags = {image.flag for image in images if image.flag is not None}
    output_flags = tuple(dict.fromkeys(flag for flag in inputs.output_flags if flag not in image_flags))
    if not output_flags:
        root.problems.note(
            "outputs", "The workflow is not told where its results go.", "Give an output, or output_dir_set, a cli_tag."
        )
    items = keep_apart(inputs.items, image_flags | set(output_flags), root.problems)
    fixed = _read_hidden(root)
    root.close()
    if image is None or root.problems.has_errors:
        return None
    return WorkflowDescriptor(
        format=DescriptorFormat.BILAYERS,
        name=citations[0].name if citations else folder or image.repository,
        description=citations[0].description if citations else "",
        image=image,
        command_line=command or "",
        parameters=tuple(item for item in items if isinstance(item, WorkflowParameter)),
        files=tuple(item for item in items if isinstance(item, FileInput)),
        images=images,
        outputs=tuple(outputs),
        output_flags=output_flags,
        fixed_arguments=fixed,
        citations=citations,
    )


class _Inputs:
    """Inputs, parameters and outputs, sorted by what the run does with them."""

    def __init__(self) -> None:
        self.items: list[tuple[Node, WorkflowParameter | FileInput]] = []
        self.images: list[tuple[Node, ImageInput]] = []
        self.output_flags: list[str] = []

    def read(self, node: Node) -> None:
        identifier, word = read_identifier(node, "name"), node.text("type", required=True)
        if identifier is None or word is None:
            return
        flag = read_flag(node, "cli_tag", identifier, usual=None)
        if word == "image":
            self.images.append((node, _read_image_input(node, identifier, flag)))
        elif flag is None:
            node.problems.error(
                node.at("cli_tag"), "No option would carry the value.", f"Write one such as --{identifier}."
            )
        elif node.switch("output_dir_set"):
            self.output_flags.append(flag)
        elif word in _FILE_TYPES:
            self.items.append((node, _read_file_input(node, identifier, _FILE_TYPES[word], flag)))
        elif word in _TYPES:
            self.items.append((node, _read_parameter(node, identifier, word, flag)))
        else:
            node.problems.error(
                node.at("type"),
                f"Bilayers has no type {word!r}.",
                f"Write one of {', '.join((*_TYPES, 'image', *_FILE_TYPES))}.",
            )
            return
        node.ignore(*_OF_FILES, *_OF_IMAGES, "subtype", "format", "file_count", "mode", "optional", "label")
        node.ignore("description", "append_value", "multiselect", "interactive", "output_dir_set", "options")
        node.close()

    def read_output(self, node: Node) -> WorkflowOutput | None:
        identifier, word = read_identifier(node, "name"), node.text("type", required=True)
        if identifier is None or word is None:
            return None
        flag = read_flag(node, "cli_tag", identifier, usual=None)
        if flag is not None:
            self.output_flags.append(flag)
        if word != "image" and word not in _FILE_TYPES:
            node.problems.error(
                node.at("type"), f"{word!r} is no output.", f"Write one of {', '.join(('image', *_FILE_TYPES))}."
            )
            return None
        output = WorkflowOutput(
            id=identifier,
            title=node.text("label") or identifier,
            description=node.text("description") or "",
            type=word,
            formats=read_formats(node),
            subtypes=node.words("subtype"),
            several=read_several(node, "file_count"),
            optional=node.switch("optional"),
        )
        node.ignore(*_OF_FILES, *_OF_IMAGES, "mode")
        node.close()
        return output


def _read_parameter(node: Node, identifier: str, word: str, flag: str) -> WorkflowParameter:
    options = list(node.nodes("options"))
    values = [option.content.get("value") for option in options]
    labels = [option.content.get("label") for option in options]
    kind = _TYPES[word] or _type_of(values)
    if _TYPES[word] is None and not options:
        node.problems.error(
            node.at("options"), "There is nothing to choose from.", "List options with label and value."
        )
    if node.switch("multiselect"):
        node.problems.note(node.at("multiselect"), "One option is chosen, not several.", "Use a textbox for a list.")
    is_bare = word == "checkbox" and not node.switch("append_value", otherwise=True)
    parameter = WorkflowParameter(
        id=identifier,
        title=node.text("label") or identifier,
        description=node.text("description") or "",
        type=kind,
        flag=flag,
        default=read_default(node, "default", kind),
        optional=node.switch("optional"),
        advanced=read_mode(node),
        choices=tuple(read_choices(node, "options", values, labels, kind)),
        is_bare_flag=is_bare,
    )
    check_parameter(node, parameter, ("default", "minimum", "maximum"))
    return parameter


def _type_of(values: list[object]) -> ParameterType:
    """The narrowest type that all values have."""
    if values and all(isinstance(value, bool) for value in values):
        return ParameterType.BOOLEAN
    if values and all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return ParameterType.INTEGER
    if values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return ParameterType.NUMBER
    return ParameterType.TEXT


def _read_file_input(node: Node, identifier: str, kind: FileKind, flag: str) -> FileInput:
    return FileInput(
        id=identifier,
        title=node.text("label") or identifier,
        description=node.text("description") or "",
        kind=kind,
        flag=flag,
        formats=read_formats(node),
        several=read_several(node, "file_count"),
        optional=node.switch("optional"),
        advanced=read_mode(node),
    )


def _read_image_input(node: Node, identifier: str, flag: str | None) -> ImageInput:
    return ImageInput(
        id=identifier,
        title=node.text("label") or identifier,
        description=node.text("description") or "",
        flag=flag,
        formats=read_formats(node),
        subtypes=node.words("subtype"),
        optional=node.switch("optional"),
    )


def _choose_images(root: Node, found: list[tuple[Node, ImageInput]]) -> tuple[ImageInput, ...]:
    """The image inputs; only those that are told the input folder keep their flag.

    These are the required ones, as in BIOMERO; the first one, where all are optional.
    """
    told = [image for _, image in found if not image.optional] or [image for _, image in found[:1]]
    if not any(image.flag is not None for image in told):
        root.problems.error(
            "inputs", "The workflow is not told where its images are.", "Give an input of type image with a cli_tag."
        )
    for node, image in found:
        if image not in told and image.flag is not None:
            root.problems.note(
                node.where, f"{image.flag} is not passed: a run has one folder of images.", "Read them there."
            )
    return tuple(image if image in told else image.model_copy(update={"flag": None}) for _, image in found)


def _read_image(root: Node) -> ContainerImage | None:
    node = root.node("docker_image", required=True)
    if node is None:
        return None
    organisation, name, tag = node.text("org", required=True), node.text("name", required=True), node.text("tag")
    node.ignore("platform", "type")
    node.close()
    if organisation is None or name is None:
        return None
    try:
        return ContainerImage.parse(f"{organisation}/{name}" + (f":{tag}" if tag else ""))
    except ValueError as error:
        root.problems.error(node.where, f"It names no image: {error}.", "Correct org, name or tag.")
        return None


def _read_command(root: Node) -> str | None:
    node = root.node("exec_function", required=True)
    if node is None:
        return None
    command = node.text("cli_command")
    node.ignore("name", "hidden_args", "script", "module")
    node.close()
    return command


def _read_hidden(root: Node) -> tuple[str, ...]:
    node = root.node("exec_function")
    arguments: list[str] = []
    for hidden in [] if node is None else node.nodes("hidden_args"):
        flag = read_flag(hidden, "cli_tag", "id", usual=None)
        value = hidden.scalar("value")
        appended = hidden.switch("append_value", otherwise=True)
        hidden.ignore("cli_order")
        hidden.close()
        if flag is None or "\0" in str(value):
            hidden.problems.error(hidden.where, "It is no argument.", "Give it a cli_tag and a value.")
        elif not appended:
            arguments += [flag] if str(value).lower() != "false" else []
        else:
            arguments += [f"{flag}={value}"] if flag.startswith("--") else [flag, str(value)]
    return tuple(arguments)


def _read_citations(root: Node) -> tuple[Citation, ...]:
    found = []
    for node in root.nodes("citations"):
        name = node.text("name", required=True)
        doi, license_name, description = node.text("doi"), node.text("license"), node.text("description")
        node.close()
        if name is not None:
            found.append(Citation(name=name, doi=doi, license=license_name, description=description or ""))
    if not found:
        root.problems.note("citations", "There is none.", "Add one, so that users can cite the workflow.")
    return tuple(found)
