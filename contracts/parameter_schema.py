"""JSON Schema (2020-12) of a workflow's parameters: it validates on the server and draws the form.

Beside JSON Schema's own words there are:

| keyword | of | meaning |
| --- | --- | --- |
| `x-order` | each property | its place in the form, from 0 |
| `x-advanced` | each property | true: shown when asked for |
| `x-labels` | one with `enum` | what people read for each value, in the sequence of `enum` |
| `x-files` | a file input | true: the values are ids of OMERO's file annotations |
| `x-formats` | a file input | endings of files that fit, without a dot; absent: any |

A property that is left out has its default. `null` is for one that is optional and explicitly not set; it is
taken out before validation (contracts/parameter_values.py), so that no form has to offer it.
"""

from __future__ import annotations

from typing import Any

from contracts.workflow_descriptor import FileInput, ParameterType, WorkflowDescriptor, WorkflowParameter

DIALECT = "https://json-schema.org/draft/2020-12/schema"

#: Characters of one text. In UTF-8 they are at most 64 KiB, half of what Linux takes as one argument
#: (MAX_ARG_STRLEN, 128 KiB).
LONGEST_TEXT = 16_384
MOST_FILES = 1_000
#: Any text but one with NUL, which no argument of a program can hold.
NO_NUL = r"^[^\u0000]*$"
#: Where flag and value are two arguments, a value with '-' in front would be read as an option.
NO_NUL_NO_OPTION = r"^(?!-)[^\u0000]*$"


def parameter_schema(descriptor: WorkflowDescriptor) -> dict[str, Any]:
    """The schema of one object whose members are the workflow's parameters and file inputs."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    for parameter in descriptor.parameters:
        properties[parameter.id] = _property(parameter)
        if not parameter.optional and parameter.default is None:
            required.append(parameter.id)
    for file_input in descriptor.files:
        properties[file_input.id] = _files(file_input)
        if not file_input.optional:
            required.append(file_input.id)
    for order, schema in enumerate(properties.values()):
        schema["x-order"] = order
    return {
        "$schema": DIALECT,
        "title": descriptor.name,
        "description": descriptor.description,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _property(parameter: WorkflowParameter) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "title": parameter.title,
        "description": parameter.description,
        "type": _TYPES[parameter.type],
        "x-advanced": parameter.advanced,
    }
    if parameter.choices:
        schema["enum"] = [choice.value for choice in parameter.choices]
        schema["x-labels"] = [choice.label for choice in parameter.choices]
    elif parameter.type is ParameterType.TEXT:
        schema["maxLength"] = LONGEST_TEXT
        schema["pattern"] = NO_NUL if parameter.joins_value else NO_NUL_NO_OPTION
        if not parameter.optional and parameter.default is None:
            schema["minLength"] = 1
    if parameter.minimum is not None:
        schema["minimum"] = parameter.minimum
    if parameter.maximum is not None:
        schema["maximum"] = parameter.maximum
    if parameter.default is not None:
        schema["default"] = parameter.default
    return schema


def _files(file_input: FileInput) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "title": file_input.title,
        "description": file_input.description,
        "type": "array",
        "items": {"type": "integer", "minimum": 0},
        "minItems": 0 if file_input.optional else 1,
        "maxItems": MOST_FILES if file_input.several else 1,
        "uniqueItems": True,
        "x-files": True,
        "x-advanced": file_input.advanced,
    }
    if file_input.formats:
        schema["x-formats"] = list(file_input.formats)
    return schema


_TYPES = {
    ParameterType.INTEGER: "integer",
    ParameterType.NUMBER: "number",
    ParameterType.BOOLEAN: "boolean",
    ParameterType.TEXT: "string",
}
