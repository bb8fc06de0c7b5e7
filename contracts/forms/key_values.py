"""A record as key-values, which stand on the object for searches and scripts.

As OMERO.forms writes them: names of nested fields are joined by `_`, a list repeats its key, values are Python's `str`
of them. Ours leave out what is null. A value is cut where OMERO's index could not hold it; the record has all of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from contracts.forms.chunks import LONGEST_VALUE, Rows

CUT = "…"


def key_values(values: Mapping[str, Any]) -> Rows:
    """The pairs of a record's values in their sequence."""
    return tuple((_cut(key), _cut(text)) for key, text in _walk("", values))


def _walk(key: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, member in value.items():
            yield from _walk(f"{key}_{name}" if key else str(name), member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _walk(key, member)
    elif value is not None:
        yield key, str(value)


def _cut(text: str) -> str:
    raw = text.encode("utf-8")
    if len(raw) <= LONGEST_VALUE:
        return text
    return raw[: LONGEST_VALUE - len(CUT.encode("utf-8"))].decode("utf-8", "ignore") + CUT
