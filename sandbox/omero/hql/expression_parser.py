"""From tokens to expressions."""

from __future__ import annotations

from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.lexer import Token, TokenKind
from sandbox.omero.hql.syntax import (
    Aggregate,
    And,
    Arithmetic,
    Call,
    Case,
    Cast,
    Comparison,
    Exists,
    ExistsElements,
    Expression,
    Extract,
    InElements,
    InList,
    InQuery,
    IsEmpty,
    IsNull,
    Like,
    Literal,
    Negation,
    Not,
    Or,
    Parameter,
    Path,
    QuantifiedComparison,
    Query,
    ScalarQuery,
    When,
)
from sandbox.omero.records import Int32

AGGREGATES = frozenset({"count", "max", "min", "sum", "avg"})

#: Words that cannot be aliases or begin a path.
KEYWORDS = frozenset(
    {
        "select",
        "from",
        "where",
        "order",
        "group",
        "having",
        "left",
        "right",
        "full",
        "inner",
        "outer",
        "join",
        "fetch",
        "as",
        "and",
        "or",
        "not",
        "in",
        "is",
        "like",
        "between",
        "exists",
        "with",
        "case",
        "when",
        "then",
        "else",
        "end",
        "asc",
        "desc",
        "member",
        "by",
        "distinct",
        "any",
        "some",
        "all",
        "escape",
        "union",
        "on",
    }
)

_COMPARISONS = frozenset({"=", "<>", "!=", "<", ">", "<=", ">="})


class ExpressionParser:
    """A cursor over tokens that reads expressions; queries inside are read by the subclass."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._at = 0

    # -- the cursor

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _sees(self, *words: str) -> bool:
        """Whether the next tokens are these words."""
        return [token.word for token in self._tokens[self._at : self._at + len(words)]] == list(words)

    def _takes(self, *words: str) -> bool:
        """Step over the words if they are next."""
        if not self._sees(*words):
            return False
        self._at += len(words)
        return True

    def _needs(self, word: str) -> None:
        if not self._takes(word):
            raise self._error(f"expected {word!r}")

    def _error(self, expected: str) -> HqlError:
        return HqlError(f"{expected}, found {self._token} at position {self._token.position}")

    def _path(self) -> Path:
        if self._token.kind is not TokenKind.NAME or self._token.word in KEYWORDS:
            raise self._error("expected a path")
        return Path(tuple(self._next().text.split(".")))

    # -- conditions

    def expression(self) -> Expression:
        operands = [self._conjunction()]
        while self._takes("or"):
            operands.append(self._conjunction())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _conjunction(self) -> Expression:
        operands = [self._negation()]
        while self._takes("and"):
            operands.append(self._negation())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _negation(self) -> Expression:
        return Not(self._negation()) if self._takes("not") else self._predicate()

    def _predicate(self) -> Expression:
        if self._takes("exists"):
            if self._takes("elements"):
                return ExistsElements(self._path_in_brackets())
            return Exists(self._query_in_brackets())
        left = self._sum()
        while True:
            negated = any(self._sees("not", word) for word in ("in", "like", "between", "member"))
            if negated:
                self._next()
            found = self._predicate_after(left)
            if found is None:
                return left
            left = Not(found) if negated else found

    def _predicate_after(self, left: Expression) -> Expression | None:
        if self._takes("in"):
            return self._membership(left)
        if self._takes("like"):
            pattern = self._sum()
            return Like(left, pattern, self._sum() if self._takes("escape") else None)
        if self._takes("between"):
            low = self._sum()
            self._needs("and")
            return And((Comparison(">=", left, low), Comparison("<=", left, self._sum())))
        if self._takes("member"):
            self._takes("of")
            return InElements(left, self._path())
        if self._takes("is"):
            negated = self._takes("not")
            found: Expression
            if self._takes("empty"):
                if not isinstance(left, Path):
                    raise HqlError("'is empty' is asked of a collection alone")
                found = IsEmpty(left)
            else:
                self._needs("null")
                found = IsNull(left)
            return Not(found) if negated else found
        if self._token.kind is TokenKind.OPERATOR and self._token.text in _COMPARISONS:
            return self._comparison(left)
        return None

    def _comparison(self, left: Expression) -> Expression:
        operator = self._next().text
        operator = "<>" if operator == "!=" else operator
        for word, quantifier in (("any", "any"), ("some", "any"), ("all", "all")):
            if self._takes(word):
                return QuantifiedComparison(operator, left, quantifier, self._query_in_brackets())
        return Comparison(operator, left, self._sum())

    def _membership(self, left: Expression) -> Expression:
        if self._takes("elements"):
            return InElements(left, self._path_in_brackets())
        if not self._takes("("):
            return InList(left, (self._sum(),))
        if self._sees("select") or self._sees("from"):
            query = self.query()
            self._needs(")")
            return InQuery(left, query)
        items = [self.expression()]
        while self._takes(","):
            items.append(self.expression())
        self._needs(")")
        return InList(left, tuple(items))

    # -- values

    def _sum(self) -> Expression:
        left = self._product()
        while self._token.kind is TokenKind.OPERATOR and self._token.text in ("+", "-", "||"):
            left = Arithmetic(self._next().text, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._signed()
        while self._token.kind is TokenKind.OPERATOR and self._token.text in ("*", "/", "%"):
            left = Arithmetic(self._next().text, left, self._signed())
        return left

    def _signed(self) -> Expression:
        if self._takes("-"):
            return Negation(self._signed())
        self._takes("+")
        return self._primary()

    def _primary(self) -> Expression:
        token = self._token
        if token.word == "case":
            return self._case()
        if token.word == "(":
            return self._in_brackets()
        match token.kind:
            case TokenKind.NUMBER:
                return Literal(_read_number(self._next().text))
            case TokenKind.STRING:
                return Literal(self._next().text)
            case TokenKind.PARAMETER:
                return Parameter(self._next().text)
            case TokenKind.NAME if token.word not in KEYWORDS or self._tokens[self._at + 1].word == "(":
                return self._named()
            case _:
                raise self._error("expected a value")

    def _in_brackets(self) -> Expression:
        self._needs("(")
        if self._sees("select") or self._sees("from"):
            query = self.query()
            self._needs(")")
            return ScalarQuery(query)
        inner = self.expression()
        if self._sees(","):
            raise self._error("rows of several values, (a, b), are not known: expected ')'")
        self._needs(")")
        return inner

    def _named(self) -> Expression:
        token = self._next()
        if not self._takes("("):
            constants = {"null": None, "true": True, "false": False}
            if token.word in constants:
                return Literal(constants[token.word])
            return Path(tuple(token.text.split(".")))
        if token.word in AGGREGATES:
            return self._aggregate(token.word)
        if token.word == "cast":
            operand = self.expression()
            self._needs("as")
            type_name = self._next().text
            self._needs(")")
            return Cast(operand, type_name.lower())
        if token.word == "extract":
            part = self._next().word
            self._needs("from")
            operand = self.expression()
            self._needs(")")
            return Extract(part, operand)
        arguments = []
        if not self._takes(")"):
            arguments.append(self.expression())
            while self._takes(","):
                arguments.append(self.expression())
            self._needs(")")
        return Call(token.word, tuple(arguments))

    def _aggregate(self, name: str) -> Expression:
        distinct = self._takes("distinct")
        if self._takes("*"):
            if name != "count" or distinct:
                raise HqlError(f"{name}({'distinct ' if distinct else ''}*) is not known; count(*) is")
            operand = None
        else:
            if self._takes("elements"):
                raise HqlError(f"{name}(elements(...)) is not known: join the collection instead")
            operand = self.expression()
        self._needs(")")
        return Aggregate(name, distinct, operand)

    def _case(self) -> Expression:
        self._needs("case")
        subject = None if self._sees("when") else self.expression()
        branches = []
        while self._takes("when"):
            condition = self.expression()
            self._needs("then")
            result = self.expression()
            branches.append(When(condition if subject is None else Comparison("=", subject, condition), result))
        if not branches:
            raise self._error("expected 'when'")
        otherwise = self.expression() if self._takes("else") else Literal(None)
        self._needs("end")
        return Case(tuple(branches), otherwise)

    # -- brackets

    def _path_in_brackets(self) -> Path:
        self._needs("(")
        path = self._path()
        self._needs(")")
        return path

    def _query_in_brackets(self) -> Query:
        self._needs("(")
        query = self.query()
        self._needs(")")
        return query

    def query(self) -> Query:
        """A query inside an expression."""
        raise NotImplementedError


def _read_number(text: str) -> Int32 | int | float:
    """As Hibernate: 1 is an Integer, 1L a Long, 1.0 and 1d a Double."""
    if text[-1] in "lL":
        return int(text[:-1])
    if text[-1] in "fFdD":
        return float(text[:-1])
    return Int32(text) if text.isdigit() else float(text)
