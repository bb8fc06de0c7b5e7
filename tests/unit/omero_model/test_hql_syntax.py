"""Reading queries: what real clients send is read, and no text does worse than HqlError."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.omero.hql import HqlError, project
from sandbox.omero.hql.lexer import TokenKind, read_tokens
from sandbox.omero.hql.parser import parse
from sandbox.omero.hql.syntax import And, Comparison, Join, Like, Literal, Not, Parameter, Root
from sandbox.omero.hql.syntax import Path as HqlPath
from sandbox.omero.records import Int32
from tests.unit.omero_model.small_database import Database

#: Where a client puts values or clauses in at run time.
HOLE = "HOLE"


def _text_of(node: ast.expr) -> str | None:
    """The text of a string expression, with HOLE for what is put in."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            parts = [_text_of(left), _text_of(right)]
            return None if parts == [None, None] else "".join(HOLE if part is None else part for part in parts)
        case ast.BinOp(left=left, op=ast.Mod()):
            text = _text_of(left)
            return None if text is None else re.sub(r"%(\(\w+\))?[sdi]", HOLE, text)
        case ast.JoinedStr(values=values):
            return "".join(_text_of(value) or HOLE for value in values)
        case _:
            return None


def _client_files() -> list[Path]:
    files = []
    for name in ("omero.gateway", "omero.plugins", "omero.util", "omeroweb", "ezomero", "omero.cli"):
        spec = importlib.util.find_spec(name)
        assert spec is not None, f"{name} is not installed"
        if spec.submodule_search_locations:
            files += [path for folder in spec.submodule_search_locations for path in Path(folder).rglob("*.py")]
        elif spec.origin is not None:
            files.append(Path(spec.origin))
    return sorted(files)


def harvest() -> dict[str, str]:
    """Every complete query in the sources of OMERO's own clients and of ezomero: {text: where}."""
    found: dict[str, str] = {}
    for path in _client_files():
        seen: set[int] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.expr) or id(node) in seen:
                continue
            text = _text_of(node)
            if text is None:
                continue
            seen.update(id(child) for child in ast.walk(node))
            if re.match(r"\s*(select\s.*\bfrom\s+\w|from\s+[A-Z]\w+\s)", text, re.DOTALL | re.IGNORECASE):
                found.setdefault(text, f"{path.parent.name}/{path.name}:{node.lineno}")
    return found


HARVEST = harvest()

#: Texts that are no query as they stand: clauses are put in by the client, in places where no value can be.
CUT = re.compile(
    rf"{HOLE}\w* ?Annotation|\s{HOLE}\s|{HOLE}[ :]|[{{}}]|\bwhere\s*$|orderby|from {HOLE}|\){HOLE}"
    rf"|{HOLE}\)?$|{HOLE}(AnnotationLink|,)|^from\b.*{HOLE}",
    re.IGNORECASE,
)


def test_the_harvest_is_rich() -> None:
    assert len(HARVEST) > 200


@pytest.mark.parametrize("query", [text for text in HARVEST if HOLE not in text and not CUT.search(text)])
def test_the_queries_of_real_clients_are_read(query: str) -> None:
    assert parse(query).sources


@pytest.mark.parametrize("query", [text for text in HARVEST if HOLE not in text and not CUT.search(text)])
def test_the_queries_of_real_clients_are_answered(database: Database, query: str) -> None:
    """Every property, class and function they name is known; that the answers are right is tested elsewhere."""
    texts = {
        node.pattern.name
        for node in parse(query).walk()
        if isinstance(node, Like) and isinstance(node.pattern, Parameter)
    }
    parameters = {
        node.name: "a%" if node.name in texts else 1 for node in parse(query).walk() if isinstance(node, Parameter)
    }
    for row in project(database.store, database.caller(), query, parameters):
        assert row


def test_most_queries_with_holes_are_read_too() -> None:
    holed = [text for text in HARVEST if HOLE in text]
    read = 0
    for text in holed:
        try:
            parse(text)
        except HqlError:
            continue
        read += 1
    assert read > 0.4 * len(holed)


def test_tokens() -> None:
    tokens = read_tokens("select  i . name from Image i where i.id=:id and 'it''s' <> 1.5e3;")
    assert [token.text for token in tokens] == [
        "select",
        "i.name",
        "from",
        "Image",
        "i",
        "where",
        "i.id",
        "=",
        "id",
        "and",
        "it's",
        "<>",
        "1.5e3",
        "",
    ]
    assert [token.kind for token in tokens][7:12] == [
        TokenKind.OPERATOR,
        TokenKind.PARAMETER,
        TokenKind.NAME,
        TokenKind.STRING,
        TokenKind.OPERATOR,
    ]


def test_tree() -> None:
    query = parse("FROM Image AS i LEFT OUTER JOIN FETCH i.pixels p WHERE NOT i.id = 1 AND i.name IS NOT NULL")
    assert query.sources == (
        Root(("Image",), "i"),
        Join(HqlPath(("i", "pixels")), "p", outer=True, fetch=True, condition=None),
    )
    assert isinstance(query.where, And)
    first = query.where.operands[0]
    assert first == Not(Comparison("=", HqlPath(("i", "id")), Literal(Int32(1))))


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("1", 1, Int32),
        ("1L", 1, int),
        ("1.5", 1.5, float),
        ("2d", 2.0, float),
        ("'x''y'", "x'y", str),
        ("true", True, bool),
        ("null", None, type(None)),
    ],
)
def test_literals(text: str, value: object, kind: type) -> None:
    query = parse(f"select {text} from Image")
    literal = query.select[0].expression
    assert literal == Literal(value)
    assert isinstance(literal, Literal)
    assert type(literal.value) is kind


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "expected 'from'"),
        ("select", "expected a value"),
        ("from", "expected a path, found the end"),
        ("update Image set name = 'x'", "'update' statements"),
        ("delete from Image", "'delete' statements"),
        ("from Image i where", "expected a value, found the end"),
        ("from Image i where i.name = ?", r"unexpected character '\?'"),
        ("from Image i where i.name = 'open", "unexpected character"),
        ("from Image i right join i.pixels p", "'right' joins"),
        ("from Image i where (i.id, i.name) in (1)", "rows of several values"),
        ("select new Thing(i) from Image i", "new Thing"),
        ("from Image i order by i.name nulls last", "expected the end of the query, found 'nulls'"),
        ("from Image i where i.pixels[0].id = 1", r"unexpected character '\['"),
        ("from Image i union from Image j", "found 'union'"),
        ("select sum(*) from Image", r"sum\(\*\)"),
        ("select case end from Image", "expected a value"),
        ("from Image i where " + "(" * 5000 + "1=1" + ")" * 5000, "nested too deeply"),
    ],
)
def test_what_is_no_query_is_refused_with_its_reason(query: str, message: str) -> None:
    with pytest.raises(HqlError, match=message):
        parse(query)


WORDS = st.sampled_from(
    [
        "select",
        "distinct",
        "from",
        "Image",
        "i",
        "i.id",
        "i.pixels",
        "where",
        "and",
        "or",
        "not",
        "in",
        "(",
        ")",
        ",",
        "=",
        "<>",
        "is",
        "null",
        "empty",
        "exists",
        "elements",
        "like",
        "'x'",
        ":p",
        "1",
        "2.5",
        "new",
        "map",
        "as",
        "join",
        "left",
        "outer",
        "fetch",
        "with",
        "order",
        "by",
        "group",
        "having",
        "desc",
        "count",
        "*",
        "case",
        "when",
        "then",
        "else",
        "end",
        "between",
        "member",
        "of",
        "any",
        "all",
        "cast",
        "extract",
        "+",
        "-",
        "||",
        "index",
    ]
)


@settings(max_examples=500, deadline=None)
@given(st.lists(WORDS, max_size=25))
def test_any_sequence_of_words_is_a_query_or_refused(words: list[str]) -> None:
    try:
        parse(" ".join(words))
    except HqlError as error:
        assert str(error)


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_tokens_or_refused(text: str) -> None:
    try:
        tokens = read_tokens(text)
    except HqlError as error:
        assert "unexpected character" in str(error)
    else:
        assert tokens[-1].kind is TokenKind.END
