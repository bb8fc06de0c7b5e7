"""What JSON Schema's keywords refuse, in the words of the person who filled in the form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

#: Characters of a value that a sentence repeats.
LONGEST_QUOTE = 80


def quote(value: object) -> str:
    """The value as a sentence shows it, cut where it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 3] + "..."


def wrong_type(wanted: str | Sequence[str], value: object) -> str:
    kinds = [wanted] if isinstance(wanted, str) else list(wanted)
    return f"It must be {' or '.join(TYPES[kind] for kind in kinds)}, not {quote(value)}."


def no_choice(choices: Sequence[object], value: object) -> str:
    named = ", ".join(repr(choice) for choice in choices[:20]) + (", ..." if len(choices) > 20 else "")
    return f"{quote(value)} is not among the choices: {named}."


def too_small(limit: Any, value: Any) -> str:
    return f"{value} is less than {limit}."


def too_large(limit: Any, value: Any) -> str:
    return f"{value} is more than {limit}."


TYPES = {
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "string": "a text",
    "array": "a list",
    "object": "a group of fields",
    "null": "nothing",
}
