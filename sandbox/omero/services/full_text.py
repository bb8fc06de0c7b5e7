"""Searching objects by the words in their names, descriptions, annotations and key-value pairs.

The query language is the part of Lucene's that OMERO's search page explains: words (joined by OR), `"phrases"`,
`AND`, `OR`, `NOT`, `+` and `-`, parentheses, the wildcards `*` and `?`, and `field:word`, where the field is `name`,
`description`, `tag`, `annotation`, `file.name`, `has_key`, or the key of a key-value pair. As OMERO's analyser does,
a text is cut into words at everything that is no letter or digit, without regard to case. Ranges, fuzzy words and
boosts are refused by name. Every search reads the rows themselves: there is no index that could lag behind.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence

import omero

from sandbox.omero.permissions import Caller
from sandbox.omero.records import Record
from sandbox.omero.store import Store

_WORD = re.compile(r"[^\W_]+")
_TOKEN = re.compile(
    r"""\s*(?:(?P<sign>[()+-]|!|&&|\|\|)"""
    r"""|(?:(?P<field>[^\s:()"]+):)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s()":]+)))"""
)
_UNKNOWN = re.compile(r"[\[\]{}^~]")

#: The words of one object by field; the field "" holds all of them.
Document = dict[str, list[list[str]]]
Condition = Callable[[Document], bool]


def search_full_text(
    store: Store, caller: Caller, type_name: str, query: str, fields: Collection[str] = ()
) -> list[Record]:
    """The visible objects of the type that match, by id. `fields` are searched where the query names none.

    Raises omero.ApiUsageException for a query that is not in the language above.
    """
    matches = parse_query(query, fields)
    return [r for r in store.all(type_name) if caller.visible(r) and matches(document_of(store, caller, r))]


def words_of(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def document_of(store: Store, caller: Caller, record: Record) -> Document:
    """What the search finds an object by."""
    document: Document = defaultdict(list)

    def add(text: object, *names: str) -> None:
        if text is not None:
            words = words_of(str(text))
            for name in ("", *names):
                document[name].append(words)

    add(record.values.get("name"), "name")
    add(record.values.get("description"), "description")
    if record.owner is not None:
        for name in ("omeName", "firstName", "lastName"):
            add(record.owner.values.get(name), f"details.owner.{name}")
    if record.model.name == "Image" and record.values.get("fileset") is not None:
        for entry in store.collection(record.values["fileset"], "usedFiles"):
            add(entry.values.get("clientPath"), "fileset.entry.clientPath", "file.name")
    if "annotationLinks" in record.model.fields:
        for link in store.collection(record, "annotationLinks"):
            annotation = link.values["child"]
            if caller.visible(link) and caller.visible(annotation):
                _add_annotation(annotation, add)
    return document


def _add_annotation(annotation: Record, add: Callable[..., None]) -> None:
    names = ["annotation", *(["tag"] if annotation.model.name == "TagAnnotation" else [])]
    for field_name in ("textValue", "description", "longValue", "doubleValue", "termValue"):
        add(annotation.values.get(field_name), *names)
    add(annotation.values.get("ns"), "annotation.ns")
    for pair in annotation.values.get("mapValue") or ():
        add(pair.name, "has_key", "annotation")
        add(pair.value, pair.name, "annotation")
    file = annotation.values.get("file")
    if file is not None:
        add(file.values.get("name"), "file.name", "annotation")


def parse_query(query: str, fields: Collection[str] = ()) -> Condition:
    """The query as a condition on documents. Raises omero.ApiUsageException."""
    tokens = list(_tokens(query))
    if not tokens:
        raise _refusal(query, "nothing to search for")
    parser = _Parser(query, tokens, tuple(fields))
    condition = parser.parse_any()
    if parser.position != len(tokens):
        raise _refusal(query, "a parenthesis too many")
    return condition


def _tokens(query: str) -> Iterator[re.Match[str]]:
    position, end = 0, len(query.rstrip())
    while position < end:
        match = _TOKEN.match(query, position)
        if match is None:
            raise _refusal(query, f"unexpected {query[position:].strip()[:20]}")
        position = match.end()
        yield match


def _refusal(query: str, reason: str) -> omero.ApiUsageException:
    return omero.ApiUsageException(None, None, f"{query} caused a parse exception: {reason}")


class _Parser:
    """Recursive descent: any = all (OR all)*; all = one (AND one)*; one = [sign] word | phrase | (any)."""

    def __init__(self, query: str, tokens: Sequence[re.Match[str]], fields: tuple[str, ...]) -> None:
        self.query, self.tokens, self.fields = query, tokens, fields
        self.position = 0

    def _peek(self) -> str:
        """The next sign or operator; '' for a word; ')' at the end."""
        if self.position >= len(self.tokens):
            return ")"
        token = self.tokens[self.position]
        if token["sign"]:
            return {"&&": "AND", "||": "OR", "!": "NOT"}.get(token["sign"], str(token["sign"]))
        is_operator = token["word"] in ("AND", "OR", "NOT") and not token["field"]
        return str(token["word"]) if is_operator else ""

    def parse_any(self) -> Condition:
        """Words side by side are joined by OR; those with + must match, those with - must not."""
        wanted: list[Condition] = []
        required: list[Condition] = []
        while self._peek() != ")":
            sign = self._peek()
            if sign == "OR":
                self.position += 1
                continue
            if sign in ("+", "-", "NOT"):
                self.position += 1
                condition = self._parse_all()
                required.append(condition if sign == "+" else _negated(condition))
            else:
                wanted.append(self._parse_all())
        if not wanted and not required:
            raise _refusal(self.query, "nothing to search for")
        return lambda document: all(c(document) for c in required) and (not wanted or any(c(document) for c in wanted))

    def _parse_all(self) -> Condition:
        conditions = [self._parse_one()]
        while self._peek() == "AND":
            self.position += 1
            if self._peek() in ("NOT", "-"):
                self.position += 1
                conditions.append(_negated(self._parse_one()))
                continue
            if self._peek() == "+":
                self.position += 1
            conditions.append(self._parse_one())
        return lambda document: all(condition(document) for condition in conditions)

    def _parse_one(self) -> Condition:
        sign = self._peek()
        if sign == "(":
            self.position += 1
            condition = self.parse_any()
            if self.position >= len(self.tokens):
                raise _refusal(self.query, "a parenthesis is not closed")
            self.position += 1
            return condition
        if sign:
            raise _refusal(self.query, f"unexpected {'end' if sign == ')' else sign}")
        token = self.tokens[self.position]
        self.position += 1
        return self._condition(token)

    def _condition(self, token: re.Match[str]) -> Condition:
        fields = (token["field"],) if token["field"] else self.fields or ("",)
        word = token["word"]
        if word is not None and _UNKNOWN.search(word):
            raise _refusal(self.query, f"the embedded OMERO's search does not know {word}")
        if word is not None and ("*" in word or "?" in word):
            # as Lucene does, a word with wildcards is not cut: it is compared with single words
            pattern = re.compile("".join({"*": ".*", "?": "."}.get(s, re.escape(s)) for s in word.lower()))
            return lambda document: any(
                pattern.fullmatch(found) for name in fields for words in document.get(name, ()) for found in words
            )
        phrase = words_of(token["phrase"] if word is None else word)
        return lambda document: (
            bool(phrase) and any(_contains(words, phrase) for name in fields for words in document.get(name, ()))
        )


def _negated(condition: Condition) -> Condition:
    return lambda document: not condition(document)


def _contains(words: list[str], phrase: list[str]) -> bool:
    length = len(phrase)
    return any(words[start : start + length] == phrase for start in range(len(words) - length + 1))
