"""Fields that the three formats share: a name, an option, a mode, a count, endings of files."""

from __future__ import annotations

import re

from contracts.descriptor_formats.node import Node

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_FLAG = re.compile(r"--?[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def read_identifier(node: Node, key: str) -> str | None:
    """A parameter's identifier: letters, digits, `_`, `.`, `-`; at most 64; no digit in front."""
    identifier = node.text(key, required=True)
    if identifier is not None and not _IDENTIFIER.fullmatch(identifier):
        node.problems.error(
            node.at(key), f"{identifier[:80]!r} is no name for a parameter.", "Use letters, digits and '_'."
        )
        return None
    return identifier


def read_flag(node: Node, key: str, identifier: str, *, usual: str | None) -> str | None:
    """The command-line option that carries a value.

    `usual` stands for a missing one. `@id` and `@ID` are the identifier; `=` at the end is taken off; the
    word None, as published Bilayers files have it, is nothing.
    """
    given = node.text(key)
    if given is None or given == "None":
        return usual
    flag = given.replace("@id", identifier).replace("@ID", identifier.upper()).rstrip("=")
    if not _FLAG.fullmatch(flag):
        node.problems.error(
            node.at(key), f"{given[:80]!r} is no command-line option.", f"Write one such as --{identifier}."
        )
        return None
    return flag


def read_mode(node: Node, key: str = "mode") -> bool:
    """Whether a parameter is for advanced users."""
    mode = node.text(key)
    if mode not in {None, "beginner", "advanced"}:
        node.problems.error(node.at(key), f"There is no mode {mode!r}.", "Write beginner or advanced.")
    return mode == "advanced"


def read_several(node: Node, key: str) -> bool:
    """Whether it is several files."""
    count = node.text(key)
    if count not in {None, "single", "multiple"}:
        node.problems.error(node.at(key), f"{count!r} is no count of files.", "Write single or multiple.")
    return count == "multiple"


def read_formats(node: Node) -> tuple[str, ...]:
    """Endings of files, in small letters, without the dot."""
    return tuple(word.lstrip(".").lower() for word in node.words("format"))
