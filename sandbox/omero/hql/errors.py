"""The one error of queries."""

from __future__ import annotations


class HqlError(Exception):
    """A query that cannot be answered; the message names the word, property, class or function at fault."""
