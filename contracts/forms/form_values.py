"""Whether values fit a form, said in sentences.

The form's JSON Schema decides, in the dialect it names. One that names none is read as draft-07, which OMERO.forms
2.3 draws forms by; one that only makes sense as draft-04, which its older versions had, is read as that. References
lead only to places within the schema: nothing is ever fetched.

Beyond the schema are refused: NUL and text that is no Unicode, which PostgreSQL cannot hold; numbers that are not
finite or beyond 64 bits; values nested deeper than `DEEPEST`; more than `MOST_BYTES` in all.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from jsonschema import (
    Draft4Validator,
    Draft6Validator,
    Draft7Validator,
    Draft201909Validator,
    Draft202012Validator,
)
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.exceptions import Unresolvable

from contracts.forms.form_problem import FormProblem
from contracts.schema_sentences import no_choice, quote, too_large, too_small, wrong_type

MOST_BYTES = 1 << 20
DEEPEST = 32
#: One glance at a page: who has more to mend sees the rest after these.
MOST_PROBLEMS = 100

THE_FORM = "The form"

#: The dialects by the value of `$schema`.
DIALECTS: dict[str, type[Validator]] = {
    str(dialect.META_SCHEMA.get("$id") or dialect.META_SCHEMA["id"]).rstrip("#"): dialect
    for dialect in (Draft4Validator, Draft6Validator, Draft7Validator, Draft201909Validator, Draft202012Validator)
}


class WrongForm(Exception):
    """The form itself is wrong, at `path` within its schema."""

    def __init__(self, path: tuple[str | int, ...], what: str) -> None:
        super().__init__(what)
        self.path = path


def make_validator(schema: Mapping[str, Any]) -> Validator:
    """A validator of the schema's own dialect, which fetches nothing. The schema may be anything that JSON can say.

    Raises:
        WrongForm: the schema is no JSON Schema, or of a dialect that is not known.
    """
    named = schema.get("$schema")
    dialect: type[Validator]
    if named is None:
        dialect = Draft7Validator
        if _first_fault(dialect, schema) is not None and _first_fault(Draft4Validator, schema) is None:
            dialect = Draft4Validator
    elif isinstance(named, str) and named.rstrip("#") in DIALECTS:
        dialect = DIALECTS[named.rstrip("#")]
    else:
        raise WrongForm(("$schema",), f"The dialect {quote(named)} is not known.")
    if (fault := _first_fault(dialect, schema)) is not None:
        raise WrongForm(tuple(fault.absolute_path), f"{fault.message}.")
    return dialect(schema, registry=Registry(), format_checker=dialect.FORMAT_CHECKER)


def check_values(schema: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[FormProblem, ...]:
    """Every problem of the values, at most `MOST_PROBLEMS`; none means that a record may be made of them.

    `values` is a decoded JSON object and `schema` one that `form_schema.check_schema` has nothing against. A schema of
    OMERO.forms, which checks none, may also be a problem: it is named, and nothing can be saved.
    """
    found = list(_unstorable((), values, schema))
    if found:
        return tuple(found[:MOST_PROBLEMS])
    size = len(json.dumps(values, ensure_ascii=False).encode("utf-8"))
    if size > MOST_BYTES:
        what = f"It has {size:,} bytes; at most {MOST_BYTES:,} can be kept."
        return (_problem((), schema, what, "Attach long texts to the object as files."),)
    try:
        errors = [*make_validator(schema).iter_errors(values)]
    except (WrongForm, Unresolvable, re.error, RecursionError) as error:
        return (_problem((), schema, f"The form itself is wrong: {explain(error)}", "Tell the form's owner."),)
    problems = dict.fromkeys(problem for error in errors for problem in describe(error, schema))
    return tuple(sorted(problems, key=lambda problem: [str(step) for step in problem.path])[:MOST_PROBLEMS])


def in_form_order(schema: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values in the sequence of the form's fields: PostgreSQL's jsonb, through which an order's pass, keeps
    none. What the form does not list itself (by a reference, for example) comes after it.
    """
    fields = schema.get("properties")
    fields = fields if isinstance(fields, Mapping) else {}
    names = [name for name in fields if name in values]
    return {
        name: in_form_order(fields.get(name, {}), values[name])
        if isinstance(values[name], Mapping) and isinstance(fields.get(name, {}), Mapping)
        else values[name]
        for name in (*names, *(name for name in values if name not in fields))
    }


def parse_values(text: str) -> dict[str, Any] | FormProblem:
    """The JSON object that a browser sent, or why it is none."""
    try:
        values = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError) as error:
        return FormProblem(where=THE_FORM, what=f"It is no JSON: {error}.", next_step="Load the page again.")
    if not isinstance(values, dict):
        return FormProblem(where=THE_FORM, what="It is no JSON object.", next_step="Load the page again.")
    return values


def refuse_constant(name: str) -> None:
    """For `json.loads`, which takes NaN and Infinity otherwise."""
    raise ValueError(f"{name} is not in JSON")


def explain(error: Exception) -> str:
    """What is wrong with a form that could not be used."""
    if isinstance(error, Unresolvable):
        return f"It refers to something that is not in it: {quote(error.ref)}."
    if isinstance(error, re.error):
        return f"The pattern {quote(error.pattern)} is no regular expression: {error}."
    if isinstance(error, RecursionError):
        return "It refers to itself without end, or is nested too deep."
    return str(error)


def describe(error: ValidationError, schema: Mapping[str, Any]) -> Iterator[FormProblem]:
    """One of jsonschema's errors as the problems of fields, each where the person can mend it."""
    path = tuple(error.absolute_path)
    keyword = "" if error.validator is None else str(error.validator)
    if keyword in ("required", "dependentRequired", "dependencies") and isinstance(error.instance, Mapping):
        for name in _missing(error):
            yield _problem((*path, name), schema, "It is missing.", "Fill it in.")
        return
    if keyword == "additionalProperties":
        for name in _unknown(error):
            yield _problem((*path, name), schema, "The form does not know this field.", "Leave it out.")
        return
    if keyword in ("anyOf", "oneOf") and error.context:
        best = min(error.context, key=lambda inner: (len(inner.absolute_path) == len(path), len(inner.path)))
        if len(best.absolute_path) > len(path):
            yield from describe(best, schema)
            return
    what, next_step = _SENTENCES[keyword]
    said = what(error.validator_value, error.instance) if callable(what) else what
    yield _problem(path, schema, said, next_step)


def find_title(schema: Mapping[str, Any], path: Sequence[str | int]) -> str:
    """The way to a value by the titles people read: `Sample > Antibodies 2 > Dilution`."""
    named: list[str] = []
    here: Any = schema
    for step in path:
        if isinstance(step, int):
            here = _step_into(here, schema, "items")
            if named:
                named[-1] += f" {step + 1}"
            continue
        here = _step_into(here, schema, "properties", step)
        title = here.get("title") if isinstance(here, Mapping) else None
        named.append(title if isinstance(title, str) and title else step)
    return " > ".join(named) or THE_FORM


def _step_into(here: Any, root: Mapping[str, Any], *keys: str) -> Any:
    for key in keys:
        here = _follow(here, root)
        here = here.get(key) if isinstance(here, Mapping) else None
    return _follow(here, root)


def _follow(here: Any, root: Mapping[str, Any]) -> Any:
    """What a reference within the schema refers to; a chain of a few is followed, anything else stays as it is."""
    for _ in range(8):
        reference = here.get("$ref") if isinstance(here, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return here
        here = root
        for key in reference[2:].split("/"):
            here = here.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(here, Mapping) else None
    return here


def _first_fault(dialect: type[Validator], schema: Mapping[str, Any]) -> ValidationError | None:
    return cast("ValidationError | None", best_match(dialect(dialect.META_SCHEMA).iter_errors(schema)))


def _problem(path: Sequence[str | int], schema: Mapping[str, Any], what: str, next_step: str) -> FormProblem:
    return FormProblem(path=tuple(path), where=find_title(schema, path), what=what, next_step=next_step)


def _unstorable(path: tuple[str | int, ...], value: object, schema: Mapping[str, Any]) -> Iterator[FormProblem]:
    problem = partial(_problem, path, schema)
    if len(path) > DEEPEST:
        yield problem(f"It is nested deeper than {DEEPEST} levels.", "Use fewer groups within groups.")
    elif isinstance(value, Mapping):
        for key, member in value.items():
            if (what := _unstorable_text(key)) is not None:
                yield _problem(path, schema, f"The name {quote(key)} cannot be kept: {what}", "Change the name.")
            else:
                yield from _unstorable((*path, key), member, schema)
    elif isinstance(value, list | tuple):
        for number, member in enumerate(value):
            yield from _unstorable((*path, number), member, schema)
    elif isinstance(value, str) and (what := _unstorable_text(value)) is not None:
        yield problem(what, "Type the text again without it.")
    elif isinstance(value, float) and not math.isfinite(value):
        yield problem("It is no finite number.", "Give a number.")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield problem("It is an integer of more than 64 bits.", "Give a smaller number.")


def _unstorable_text(text: str) -> str | None:
    if "\0" in text:
        return "It has a NUL character."
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        return "It is no valid Unicode (a lone surrogate)."
    return None


def _missing(error: ValidationError) -> list[str]:
    """The names that are asked for and not there."""
    given = cast("Mapping[str, Any]", error.instance)
    wanted: Any = error.validator_value
    if isinstance(wanted, Mapping):  # dependencies: what a filled-in field asks for
        wanted = [name for key, names in wanted.items() if key in given and isinstance(names, list) for name in names]
    missing = [name for name in wanted if name not in given]
    return [name for name in missing if error.message.startswith(f"{name!r} is a")] or missing


def _unknown(error: ValidationError) -> list[str]:
    """The fields that are there and that the schema at this place does not name."""
    rule = cast("Mapping[str, Any]", error.schema)
    given = cast("Mapping[str, Any]", error.instance)
    known, patterns = rule.get("properties", {}), rule.get("patternProperties", {})
    return [name for name in given if name not in known and not any(re.search(p, name) for p in patterns)]


_CHANGE = "Change it."
_FORM_OWNER = "Correct it, or ask the form's owner what is meant."
#: What each keyword that can refuse a value says, and what to do. The empty one is the schema `false`. A test compares
#: them with the keywords of jsonschema's validators.
_SENTENCES: dict[str, tuple[Any, str]] = {
    "": ("Nothing may be given here.", "Leave it out."),
    "type": (wrong_type, _CHANGE),
    "enum": (no_choice, "Choose one of them."),
    "const": (lambda wanted, value: f"It must be {quote(wanted)}, not {quote(value)}.", _CHANGE),
    "format": (lambda wanted, value: f"{quote(value)} is no {wanted}.", _CHANGE),
    "pattern": (lambda wanted, value: f"{quote(value)} does not have the form that is asked for: {wanted}", _CHANGE),
    "minimum": (too_small, _CHANGE),
    "maximum": (too_large, _CHANGE),
    "exclusiveMinimum": (lambda limit, value: f"{value} must be more than {limit}.", _CHANGE),
    "exclusiveMaximum": (lambda limit, value: f"{value} must be less than {limit}.", _CHANGE),
    "multipleOf": (lambda step, value: f"{value} is no multiple of {step}.", _CHANGE),
    "minLength": (
        lambda limit, value: (
            "It is empty." if not value else f"It has {len(value):,} characters, fewer than {limit:,}."
        ),
        "Fill it in.",
    ),
    "maxLength": (lambda limit, value: f"It has {len(value):,} characters, more than {limit:,}.", "Shorten it."),
    "minItems": (lambda limit, value: f"It has {len(value):,} entries, fewer than {limit:,}.", "Add what is missing."),
    "maxItems": (lambda limit, value: f"It has {len(value):,} entries, more than {limit:,}.", "Remove some."),
    "uniqueItems": ("An entry is there twice.", "Remove one."),
    "contains": ("None of the entries is what is asked for.", _FORM_OWNER),
    "additionalItems": ("It has more entries than the form knows.", "Remove some."),
    "items": ("It has more entries than the form knows.", "Remove some."),
    "unevaluatedItems": ("It has entries that the form does not know.", "Remove them."),
    "additionalProperties": ("It has fields that the form does not know.", "Leave them out."),
    "unevaluatedProperties": ("It has fields that the form does not know.", "Leave them out."),
    "propertyNames": ("One of the names is not allowed.", _FORM_OWNER),
    "minProperties": (lambda limit, _value: f"At least {limit:,} fields must be filled in.", "Fill in more."),
    "maxProperties": (lambda limit, _value: f"At most {limit:,} fields may be filled in.", "Leave some out."),
    "required": ("A field is missing.", "Fill it in."),
    "dependentRequired": ("A field is missing.", "Fill it in."),
    "dependencies": ("A field is missing.", "Fill it in."),
    "anyOf": ("It fits none of the ways in which it may be filled in.", _FORM_OWNER),
    "oneOf": ("It does not fit exactly one of the ways in which it may be filled in.", _FORM_OWNER),
    "not": ("It is what the form excludes.", _FORM_OWNER),
}
