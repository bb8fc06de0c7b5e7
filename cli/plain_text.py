"""Text that somebody else wrote, for a terminal: neither markup nor commands to it."""

from __future__ import annotations

from rich import markup


def plain(text: str) -> str:
    """The text with control characters exchanged; line breaks and tabs stay."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in text)


def escape(text: str) -> str:
    """The same, for where rich would read `[...]` as markup."""
    return markup.escape(plain(text))
