"""Words of the Hibernate Query Language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from sandbox.omero.hql.errors import HqlError


class TokenKind(Enum):
    """What a token is."""

    NUMBER = "number"
    STRING = "string"
    PARAMETER = "parameter"
    NAME = "name"  # a keyword, an alias, or a path with its dots: image.details.owner
    OPERATOR = "operator"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `position` counts characters from the start of the query."""

    kind: TokenKind
    text: str
    position: int

    @property
    def word(self) -> str:
        """The text as keywords are compared: without regard to case. Strings are no keywords."""
        return self.text.lower() if self.kind in (TokenKind.NAME, TokenKind.OPERATOR) else ""

    def __str__(self) -> str:
        return "the end" if self.kind is TokenKind.END else repr(self.text)


_TOKEN = re.compile(
    r"""
    (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?[lLfFdD]?(?![\w]))
  | (?P<string>'(?:[^']|'')*')
  | :(?P<parameter>[A-Za-z_]\w*)
  | (?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)
  | (?P<operator><>|!=|<=|>=|\|\||[=<>+\-*/%(),])
""",
    re.VERBOSE | re.ASCII,
)
_BLANK = re.compile(r"\s*")
_INNER_BLANK = re.compile(r"\s+")


def read_tokens(query: str) -> list[Token]:
    """The tokens of a query, with END last. Raises HqlError at a character that begins none."""
    tokens = []
    text = query.rstrip().rstrip(";")
    position = _end_of_blank(text, 0)
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise HqlError(f"unexpected character {text[position]!r} at position {position}")
        kind = TokenKind(match.lastgroup)
        content = match.group(kind.value)
        if kind is TokenKind.STRING:
            content = content[1:-1].replace("''", "'")
        elif kind is TokenKind.NAME:
            content = _INNER_BLANK.sub("", content)
        tokens.append(Token(kind, content, position))
        position = _end_of_blank(text, match.end())
    tokens.append(Token(TokenKind.END, "", len(text)))
    return tokens


def _end_of_blank(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return position if match is None else match.end()
