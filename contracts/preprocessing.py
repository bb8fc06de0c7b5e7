"""How a file is converted before import: BIOMERO's preprocessing container contract.

Facts of the contract: `--inputfile FILE --outputfolder DIR --altoutputfolder DIR` and extra
options; the container writes every result into both folders; its last line of output is a JSON list
of `{"name", "full_path", "alt_path", "keyvalues"}`.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)

from contracts.base import Contract

_OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_RESERVED = {"inputfile", "outputfolder", "altoutputfolder"}


def _check_options(options: dict[str, str]) -> dict[str, str]:
    for name, value in options.items():
        if not _OPTION.fullmatch(name):
            raise ValueError(f"option {name!r} is not a word of letters, digits, '-' and '_'")
        if name in _RESERVED:
            raise ValueError(f"option {name!r} is set by the contract itself")
        if "\0" in value:
            raise ValueError(f"the value of option {name!r} has a NUL character")
    return options


def _read_pairs(options: Any) -> Any:
    """Options as JSON has them, a list of pairs, as a mapping in the same sequence."""
    if not isinstance(options, list | tuple):
        return options
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in options):
        raise ValueError("options are a mapping, or a list of pairs of name and value")
    if len({name for name, _ in options}) != len(options):
        raise ValueError("an option is given twice")
    return dict(options)


#: A converter is called with its options in the order's sequence. JSON therefore has them as pairs:
#: PostgreSQL's jsonb, where Prefect keeps parameters, sorts the members of an object.
Options = Annotated[
    dict[str, str],
    BeforeValidator(_read_pairs),
    AfterValidator(_check_options),
    PlainSerializer(lambda options: [[name, value] for name, value in options.items()], when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "array",
                    "items": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
                },
                {"type": "object", "additionalProperties": {"type": "string"}},
            ]
        }
    ),
]


class Preprocessing(Contract):
    """Which converter runs on each file of the order.

    `converter`: a container image (`org/name:tag`, `ghcr.io/org/name@sha256:...`), or `builtin` for
    this project's own converters run as a child process. `options` become `--name value`;
    an empty value makes a bare flag. `{series}` in a value stands for the file's `series`.
    """

    converter: Annotated[
        str, StringConstraints(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$")
    ]
    options: Options = Field(default_factory=dict)

    @property
    def is_builtin(self) -> bool:
        return self.converter == "builtin"


class ConverterOutput(Contract):
    """One image that a converter made, as the last line of its output names it.

    `full_path` and `alt_path` are the converter's own paths: the caller maps them back over its
    mounts and must refuse what lies outside them.
    """

    name: Annotated[str, Field(min_length=1, max_length=255)]
    full_path: Annotated[str, Field(min_length=1)]
    alt_path: str | None = None
    keyvalues: Annotated[tuple[tuple[str, str], ...], Field(strict=False)] = ()


def read_converter_outputs(last_line: str) -> tuple[ConverterOutput, ...]:
    """Parse the last line a converter printed.

    `keyvalues` may be one object or a list of objects, with values of any JSON type; they become
    pairs of strings in order, duplicates kept. Extra members of an item are ignored, because
    published converters add their own.

    Raises:
        ValueError: says what is wrong with the line; an empty list is wrong too.
    """
    try:
        decoded = json.loads(last_line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"the last line is not JSON: {last_line[:200]!r}") from error
    if not isinstance(decoded, list) or not decoded:
        raise ValueError(f"the last line is not a list of results: {last_line[:200]!r}")
    outputs = []
    for index, item in enumerate(decoded):
        if not isinstance(item, dict):
            raise ValueError(f"result {index + 1} is not an object")
        known = {key: item.get(key) for key in ("name", "full_path", "alt_path")}
        try:
            outputs.append(ConverterOutput.model_validate(known | {"keyvalues": _pairs(item.get("keyvalues"))}))
        except ValidationError as error:
            first = error.errors()[0]
            raise ValueError(f"result {index + 1}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    names = [output.full_path for output in outputs]
    if len(set(names)) != len(names):
        raise ValueError("two results have the same full_path")
    return tuple(outputs)


def _pairs(keyvalues: Any) -> tuple[tuple[str, str], ...]:
    if keyvalues is None:
        return ()
    groups = keyvalues if isinstance(keyvalues, list) else [keyvalues]
    pairs: list[tuple[str, str]] = []
    for group in groups:
        if not isinstance(group, dict):
            raise ValueError("keyvalues is neither an object nor a list of objects")
        for key, value in group.items():
            pairs.append((key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)))
    return tuple(pairs)
