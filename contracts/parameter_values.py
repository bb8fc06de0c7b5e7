"""Values for a workflow's parameters: checked in words, completed with the defaults.

Refused, each by name: values of a wrong type, outside a range, not among the choices; names that the
workflow does not have; NUL, and text that is no Unicode (a lone surrogate); text of more than
`LONGEST_TEXT` characters; more than `MOST_BYTES` in all; numbers that are not finite, and integers beyond
64 bits. Everything else arrives at the workflow as it is: quotes, newlines, `$`, any script.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from contracts.base import Contract
from contracts.parameter_schema import LONGEST_TEXT, NO_NUL, parameter_schema
from contracts.schema_sentences import no_choice, quote, too_large, too_small, wrong_type
from contracts.workflow_descriptor import WorkflowDescriptor

#: Bytes of UTF-8 of all texts. Linux takes 2 MiB of arguments and environment with its usual stack limit.
MOST_BYTES = 1 << 20


class ParameterProblem(Contract):
    """What is wrong with one value; `parameter` is empty for what concerns them all."""

    parameter: str
    what: str

    def __str__(self) -> str:
        return f"{self.parameter}: {self.what}" if self.parameter else self.what


def check_values(descriptor: WorkflowDescriptor, values: Mapping[str, Any]) -> tuple[ParameterProblem, ...]:
    """Every problem of the values, in the descriptor's sequence; none means that a run can be made of them.

    `values` is a decoded JSON object. None (null) is the same as a name that is left out.
    """
    given = {name: value for name, value in values.items() if value is not None}
    known = {item.id: place for place, item in enumerate(descriptor.form_fields)}
    problems = [
        *_unset(descriptor, values),
        *(_describe(error, known) for error in Draft202012Validator(parameter_schema(descriptor)).iter_errors(given)),
        *(problem for name, value in given.items() if name in known for problem in _check_value(name, value)),
        *_check_size(given),
    ]
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda problem: known.get(problem.parameter, len(known))))


def complete_values(descriptor: WorkflowDescriptor, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values a run uses, in the descriptor's sequence: those given, and the defaults of those left out.

    Not in it: what is None, what is neither given nor has a default, an optional text that is empty, no files.
    """
    completed: dict[str, Any] = {}
    for parameter in descriptor.parameters:
        value = values.get(parameter.id, parameter.default)
        if value is not None and not (parameter.optional and value == ""):
            completed[parameter.id] = value
    for file_input in descriptor.files:
        if values.get(file_input.id):
            completed[file_input.id] = list(values[file_input.id])
    return completed


def _unset(descriptor: WorkflowDescriptor, values: Mapping[str, Any]) -> Iterator[ParameterProblem]:
    """Parameters with a default that must have a value and were set to none."""
    for parameter in descriptor.parameters:
        if parameter.id in values and values[parameter.id] is None and not parameter.optional:
            yield ParameterProblem(parameter=parameter.id, what="It is missing.")


def _check_value(name: str, value: object) -> Iterator[ParameterProblem]:
    if isinstance(value, float) and not math.isfinite(value):
        yield ParameterProblem(parameter=name, what="It is no finite number.")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield ParameterProblem(parameter=name, what="It is an integer of more than 64 bits.")
    if isinstance(value, str) and _size(value) is None:
        yield ParameterProblem(parameter=name, what="It is no valid Unicode (a lone surrogate).")


def _check_size(values: Mapping[str, Any]) -> Iterator[ParameterProblem]:
    size = sum(_size(value) or 0 for value in values.values() if isinstance(value, str))
    if size > MOST_BYTES:
        yield ParameterProblem(
            parameter="", what=f"The texts have {size:,} bytes together; at most {MOST_BYTES:,} can be passed."
        )


def _size(text: str) -> int | None:
    try:
        return len(text.encode("utf-8"))
    except UnicodeEncodeError:
        return None


def _describe(error: ValidationError, known: Mapping[str, int]) -> ParameterProblem:
    """One of jsonschema's errors in the words of the person who filled in the form."""
    name = str(error.absolute_path[0]) if error.absolute_path else ""
    if error.validator == "required":
        return ParameterProblem(parameter=_missing(error), what="It is missing.")
    if error.validator == "additionalProperties":
        unknown = [key for key in cast("dict[str, Any]", error.instance) if key not in known]
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f" Is {near[0]!r} meant?" if near else ""
        named = ", ".join(repr(key[:80]) for key in unknown[:10])
        return ParameterProblem(parameter="", what=f"The workflow has no {named}.{hint}")
    return ParameterProblem(parameter=name, what=_WORDS[str(error.validator)](error.validator_value, error.instance))


def _missing(error: ValidationError) -> str:
    """Which of the required names this error is about; jsonschema has it in its message alone."""
    names: list[str] = cast("list[str]", error.validator_value)
    return next(name for name in names if error.message.startswith(f"{name!r} is a required"))


def _type_words(wanted: str, value: object) -> str:
    if wanted == "array":
        return f"It must be a list of ids of file annotations, not {quote(value)}."
    return wrong_type(wanted, value)


def _pattern_words(pattern: str, value: str) -> str:
    if "\0" in value:
        return "It has a NUL character, which no program can be given."
    assert pattern != NO_NUL
    return "It begins with '-', and the workflow would read it as an option."


#: One sentence for every keyword that contracts/parameter_schema.py uses; a test compares the two.
_WORDS: dict[str, Any] = {
    "type": _type_words,
    "enum": no_choice,
    "pattern": _pattern_words,
    "minimum": too_small,
    "maximum": too_large,
    "minLength": lambda _limit, _value: "It is empty.",
    "maxLength": lambda limit, value: f"It has {len(value):,} characters; at most {limit:,} can be passed.",
    "minItems": lambda _limit, _value: "No file is chosen.",
    "maxItems": lambda limit, value: f"{len(value):,} files are chosen; at most {limit:,} fit.",
    "uniqueItems": lambda _limit, _value: "A file is chosen twice.",
}
assert LONGEST_TEXT * 4 < 128 * 1024
