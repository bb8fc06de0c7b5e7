"""One mapping inside a descriptor, read key by key; what is not as it should be becomes a problem."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator
from typing import Any

from contracts.descriptor_problem import Problems
from contracts.workflow_descriptor import Scalar

_MISSING = object()
#: Keys that no format has, of one mapping, that are told.
MOST_UNKNOWN = 20


class Node:
    """A mapping and where it stands.

    Every reader returns None, or nothing, for what is missing or of a wrong type; the latter is an error,
    and so is a missing key that is `required`. `close` notes the keys that nobody asked for.
    """

    def __init__(self, content: dict[str, Any], where: str, problems: Problems) -> None:
        self.content = content
        self.where = where
        self.problems = problems
        self._read: set[str] = set()

    def at(self, key: str) -> str:
        """The path of a key, for a problem's `where`."""
        return f"{self.where}.{key}" if self.where else key

    def has(self, key: str) -> bool:
        """Whether a key is there and is not null."""
        self._read.add(key)
        return self.content.get(key) is not None

    def text(self, key: str, *, required: bool = False) -> str | None:
        """Text without the white space around it; blank text is missing. Numbers stand for their digits."""
        value = self._take(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if value is not _MISSING and not isinstance(value, str):
            self.problems.error(self.at(key), f"It is {kind_of(value)}, not text.", "Write text in quotes.")
        elif required:
            self.problems.error(self.at(key), "It is missing.", f"Add {key!r} with a text.")
        return None

    def switch(self, key: str, *, otherwise: bool = False) -> bool:
        """True or false."""
        value = self._take(key)
        if value is _MISSING:
            return otherwise
        if not isinstance(value, bool):
            self.problems.error(self.at(key), f"It is {kind_of(value)}, not true or false.", "Write true or false.")
            return otherwise
        return value

    def number(self, key: str) -> int | float | None:
        """A finite number."""
        value = self._take(key)
        if value is _MISSING:
            return None
        if isinstance(value, bool) or not (
            isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
        ):
            self.problems.error(self.at(key), f"It is {kind_of(value)}, not a number.", "Write a number.")
            return None
        number: int | float = value
        return number

    def scalar(self, key: str) -> Scalar | None:
        """A number, text, or true or false."""
        value = self._take(key)
        if value is _MISSING:
            return None
        if not isinstance(value, bool | int | float | str):
            self.problems.error(
                self.at(key), f"It is {kind_of(value)}.", "Write a number, text in quotes, true or false."
            )
            return None
        return value

    def words(self, key: str) -> tuple[str, ...]:
        """A text, or a list of texts."""
        value = self._take(key)
        if value is _MISSING:
            return ()
        found = value if isinstance(value, list) else [value]
        if not all(isinstance(word, str) for word in found):
            self.problems.error(self.at(key), "It is neither a text nor a list of texts.", 'Write ["tif", "png"].')
            return ()
        return tuple(word.strip() for word in found if word.strip())

    def list(self, key: str, *, required: bool = False) -> list[Any] | None:
        """A list of anything; None when there is none."""
        value = self._take(key)
        if value is _MISSING:
            if required:
                self.problems.error(self.at(key), "It is missing.", f"Add the list {key!r}; it may be empty.")
            return None
        if not isinstance(value, list):
            self.problems.error(self.at(key), f"It is {kind_of(value)}, not a list.", "Write a list.")
            return None
        return value

    def nodes(self, key: str, *, required: bool = False) -> Iterator[Node]:
        """The mappings of a list; their paths are `key[0]`, `key[1]`, ..."""
        for index, item in enumerate(self.list(key, required=required) or []):
            where = f"{self.at(key)}[{index}]"
            if isinstance(item, dict):
                yield Node({str(name): value for name, value in item.items()}, where, self.problems)
            else:
                self.problems.error(where, f"It is {kind_of(item)}, not keys and values.", "Write keys and values.")

    def node(self, key: str, *, required: bool = False) -> Node | None:
        """The mapping under a key."""
        value = self._take(key)
        if isinstance(value, dict):
            return Node({str(name): item for name, item in value.items()}, self.at(key), self.problems)
        if value is not _MISSING:
            self.problems.error(self.at(key), f"It is {kind_of(value)}, not keys and values.", "Write keys and values.")
        elif required:
            self.problems.error(self.at(key), "It is missing.", f"Add {key!r} with its keys.")
        return None

    def ignore(self, *keys: str) -> None:
        """Keys that belong to the format and mean nothing here."""
        self._read.update(keys)

    def close(self) -> None:
        """Note the keys that the format does not have: most are misspelled."""
        for key in [key for key in self.content if key not in self._read][:MOST_UNKNOWN]:
            near = difflib.get_close_matches(key, self._read, n=1, cutoff=0.8)
            self.problems.note(
                self.at(key),
                "The format has no such key, and it was not read.",
                f"Write {near[0]!r}, if that is meant." if near else "Take it out, if it is not for another program.",
            )

    def _take(self, key: str) -> Any:
        self._read.add(key)
        value = self.content.get(key)
        return _MISSING if value is None else value


def kind_of(value: object) -> str:
    """What a value is, for a sentence."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"[:60]
    if isinstance(value, str):
        return f"the text {value[:40]!r}"
    if isinstance(value, list):
        return "a list"
    return "keys and values" if isinstance(value, dict) else f"a {type(value).__name__}"
