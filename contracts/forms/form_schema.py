"""Whether a form may be saved as it was designed, said in sentences.

What is asked of a new version, beyond being JSON Schema: it describes one group of fields; references lead to places
within it, and never around in a ring, because nobody could draw that; patterns are regular expressions that Python can
read; defaults fit. Forms that OMERO.forms has are read whatever they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jsonschema.exceptions import best_match
from referencing.exceptions import Unresolvable

from contracts.forms.form_problem import FormProblem
from contracts.forms.form_values import DEEPEST, WrongForm, explain, make_validator, refuse_constant

#: Bytes of UTF-8 of a schema.
LARGEST_SCHEMA = 256 << 10
LONGEST_PATTERN = 500
#: Names of new forms become parts of namespaces and of addresses.
NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._()-]{0,78}[A-Za-z0-9.)])?", re.ASCII)

#: Keywords whose value is a schema, a list of schemas, or schemas by name.
_ONE = ("additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then")
_ONE_TOO = ("unevaluatedItems", "unevaluatedProperties")
_LISTS = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_NAMED = ("$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties")


def check_name(name: str) -> FormProblem | None:
    """What is wrong with the name of a new form."""
    if NAME.fullmatch(name):
        return None
    return FormProblem(
        where="Name",
        what="It is empty, longer than 80 characters, or has others than letters, digits, spaces and . _ - ( ).",
        next_step="Choose another name; the title people read may be anything.",
    )


def parse_schema(text: str) -> dict[str, Any] | FormProblem:
    """The JSON object that a designer wrote, or where it stops being one."""
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST_SCHEMA:
        what = f"It has more than {LARGEST_SCHEMA // 1024} kB."
        return _problem((), what, "Make two forms of it.")
    try:
        schema = json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        return FormProblem(
            where=f"Line {error.lineno}, column {error.colno}",
            what=f"It is no JSON: {error.msg}.",
            next_step="Look for a missing comma, quote or bracket just before it.",
        )
    except (ValueError, RecursionError) as error:
        return _problem((), f"It is no JSON: {error}.", "Correct it.")
    if not isinstance(schema, dict):
        return _problem((), "It is no JSON object.", 'Begin with {"type": "object", "properties": {...}}.')
    return schema


def check_schema(schema: Mapping[str, Any]) -> tuple[FormProblem, ...]:
    """Every problem that keeps a schema from becoming a form's version."""
    try:
        make_validator(schema)
    except WrongForm as error:
        return (_problem(error.path, str(error), "See json-schema.org for this keyword."),)
    except RecursionError:
        return (_problem((), "It is nested too deep.", "Use fewer groups within groups."),)
    problems = list(_walk((), schema, schema))
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict) or not schema["properties"]:
        what = "It describes no fields."
        problems.insert(0, _problem((), what, 'It needs "type": "object" and "properties" with a field or more.'))
    return tuple(problems or _check_defaults(schema))


def _check_defaults(schema: Mapping[str, Any]) -> Iterator[FormProblem]:
    for path, part in _parts((), schema):
        if "default" not in part:
            continue
        try:
            wrong = best_match(make_validator(schema).evolve(schema=part).iter_errors(part["default"]))
        except (Unresolvable, RecursionError) as error:
            yield _problem(path, f"Its default cannot be checked: {explain(error)}", "Leave the default out.")
            continue
        if wrong is not None:
            yield _problem((*path, "default"), f"{wrong.message}.", "Let the default be a value that fits.")


def _walk(path: tuple[str | int, ...], schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[FormProblem]:
    for place, part in _parts(path, schema):
        if len(place) > 4 * DEEPEST:
            yield _problem(place, "It is nested too deep.", "Use fewer groups within groups.")
            return
        patterns = [part["pattern"]] if isinstance(part.get("pattern"), str) else []
        for pattern in [*patterns, *part.get("patternProperties", {})]:
            if (what := _wrong_pattern(pattern)) is not None:
                yield _problem((*place, "pattern"), what, "Correct the regular expression.")
        if (what := _wrong_reference(part, root)) is not None:
            yield _problem((*place, "$ref"), what, "Refer to a place within this form, for example '#/$defs/antibody'.")
        if "$id" in part and place:
            yield _problem((*place, "$id"), "Parts of a form have no address.", "Leave it out.")


def _wrong_pattern(pattern: str) -> str | None:
    if len(pattern) > LONGEST_PATTERN:
        return f"The pattern has more than {LONGEST_PATTERN} characters."
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"The pattern {pattern[:80]!r} is no regular expression: {error}."
    return None


def _wrong_reference(part: Mapping[str, Any], root: Mapping[str, Any]) -> str | None:
    """What is wrong with the part's reference: it leads out, nowhere, or back to where it stands."""
    if "$dynamicRef" in part or "$recursiveRef" in part:
        return "It refers dynamically."
    reference = part.get("$ref")
    if reference is None:
        return None
    waiting, seen = [reference], set()
    while waiting:
        reference = waiting.pop()
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return f"It refers to {str(reference)[:80]!r}."
        if reference in seen:
            return "It refers around in a ring."
        target = _find(reference, root)
        if not isinstance(target, Mapping):
            return f"It refers to {reference[:80]!r}, which is not there."
        if target is part or any(inner is part for _, inner in _parts((), target)):
            return "It refers around in a ring."
        seen.add(reference)
        waiting += [inner["$ref"] for _, inner in _parts((), target) if "$ref" in inner]
    return None


def _find(reference: str, root: Mapping[str, Any]) -> Any:
    here: Any = root
    for key in reference[2:].split("/"):
        here = here.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(here, Mapping) else None
    return here


def _parts(path: tuple[str | int, ...], schema: Any) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """The schema and every schema within it, with the path to it; references are not followed."""
    waiting: list[tuple[tuple[str | int, ...], Any]] = [(path, schema)]
    while waiting:
        place, part = waiting.pop()
        if not isinstance(part, Mapping):
            continue
        yield place, part
        if len(place) > 4 * DEEPEST:
            continue
        waiting += [((*place, key), part[key]) for key in (*_ONE, *_ONE_TOO) if key in part]
        for key in _LISTS:
            if isinstance(part.get(key), list):
                waiting += [((*place, key, number), inner) for number, inner in enumerate(part[key])]
        for key in _NAMED:
            if isinstance(part.get(key), Mapping):
                waiting += [((*place, key, name), inner) for name, inner in part[key].items()]


def _problem(path: Sequence[str | int], what: str, next_step: str) -> FormProblem:
    where = " > ".join(str(step) for step in path if step not in ("properties", "items")) or "The form"
    return FormProblem(path=tuple(path), where=where, what=what[:1].upper() + what[1:], next_step=next_step)
