"""Items of the list as values of checkboxes and buttons: JSON, so that no name can be mistaken for two."""

from __future__ import annotations

import json
from collections.abc import Iterable

from contracts.failures import FailureCategory, fail
from omero_ui.imports.draft import Item

Key = tuple[str, str | None]


def value_of(path: str, series: str | None = None, label: str = "") -> str:
    """An item as the value of a form's field."""
    return json.dumps([path, series, label])


def read_value(text: str) -> tuple[str, str | None, str]:
    """(path, series, label) from such a value.

    Raises:
        FailureError: BAD_REQUEST.
    """
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        decoded = None
    match decoded:
        case [str() as path, (str() | None) as series, str() as label]:
            return path, series, label
    raise fail(FailureCategory.BAD_REQUEST, "The page sent something unknown.", next_step="Reload the page.")


def read_keys(texts: Iterable[str]) -> list[Key]:
    """
    Raises:
        FailureError: BAD_REQUEST.
    """
    return [(path, series) for path, series, _ in map(read_value, texts)]


def key_value(item: Item) -> str:
    return value_of(item.path, item.series)
