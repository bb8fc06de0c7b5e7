"""Forms that are filled in on the command line, as an order has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from contracts.failures import FailureCategory, FailureError, fail
from contracts.forms.form_values import refuse_constant

#: A file with more is none of forms.
MOST_BYTES = 1 << 20


def read_filled_forms(name: str | None, fields: list[str], file: Path | None) -> list[dict[str, Any]]:
    """What was filled in, for `ImportOrder.forms`: the form `name` with `fields`, and all forms of the file.

    A field is `key=text`, or `key:=JSON` for numbers, lists and the like. The file holds a JSON object with the values
    of each form by the form's name. Whether they fit the forms is judged by who knows the forms.

    Raises:
        FailureError: BAD_REQUEST, naming what cannot be read.
    """
    forms = {} if file is None else _read_file(file)
    if name is None:
        if fields:
            raise _refused("--field is for a form, and none is named.", "Add --form NAME.")
    elif name in forms:
        raise _refused(f"The form {name!r} is filled in twice.", "Give it with --form or in the file.")
    else:
        forms[name] = _read_fields(fields)
    return [{"form": form, "values": values} for form, values in forms.items()]


def _read_fields(fields: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for text in fields:
        key, equals, value = text.partition("=")
        is_json, key = key.endswith(":"), key.removesuffix(":").strip()
        if not equals or not key:
            raise _refused(
                f"--field {text!r} is not key=text.", "Write --field key=text, or --field key:=5 for a number."
            )
        if key in values:
            raise _refused(
                f"The field {key!r} is filled in twice.", "Several values are a list: --field key:='[1, 2]'."
            )
        values[key] = _parse(value, f"--field {text!r}") if is_json else value
    return values


def _read_file(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _refused(f"The file {str(file)!r} cannot be read.", "Check --form-file.", str(error)) from error
    if len(content) > MOST_BYTES:
        raise _refused(f"The file {str(file)!r} has more than {MOST_BYTES:,} bytes.", "Check --form-file.")
    forms = _parse(text, f"The file {str(file)!r}")
    if not isinstance(forms, dict) or not all(isinstance(values, dict) for values in forms.values()):
        raise _refused(
            f"The file {str(file)!r} does not hold forms.", 'Write {"name of the form": {"field": "value"}} into it.'
        )
    return forms


def _parse(text: str, what: str) -> Any:
    try:
        return json.loads(text, parse_constant=refuse_constant, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _refused(
            f"{what} is no JSON.", 'Texts in JSON stand in quotes: key:=\'["a", "b"]\'.', str(error)
        ) from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON lets a name come twice, and Python would keep the last: a value would be lost without a word."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} comes twice")
    return found


def _refused(summary: str, next_step: str, detail: str = "") -> FailureError:
    return fail(FailureCategory.BAD_REQUEST, summary, detail=detail, next_step=next_step)
