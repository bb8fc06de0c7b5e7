"""From a query's text to its syntax tree."""

from __future__ import annotations

from functools import lru_cache

from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.expression_parser import KEYWORDS, ExpressionParser
from sandbox.omero.hql.lexer import TokenKind, read_tokens
from sandbox.omero.hql.syntax import Expression, Join, NewList, NewMap, OrderItem, Path, Query, Root, SelectItem


class Parser(ExpressionParser):
    """Reads the clauses of a query."""

    def statement(self) -> Query:
        """The whole text as one query."""
        if self._token.word in ("update", "delete", "insert"):
            raise HqlError(f"only queries are answered, not {self._token.word!r} statements")
        query = self.query()
        if self._token.kind is not TokenKind.END:
            raise self._error("expected the end of the query")
        return query

    def query(self) -> Query:
        select: tuple[SelectItem, ...] = ()
        distinct = False
        if self._takes("select"):
            distinct = self._takes("distinct")
            select = self._select_items()
        self._needs("from")
        sources = self._sources()
        where = self.expression() if self._takes("where") else None
        group: list[Expression] = []
        if self._takes("group", "by"):
            group.append(self.expression())
            while self._takes(","):
                group.append(self.expression())
        having = self.expression() if self._takes("having") else None
        order: list[OrderItem] = []
        if self._takes("order", "by"):
            order.append(self._order_item())
            while self._takes(","):
                order.append(self._order_item())
        return Query(select, distinct, sources, where, tuple(group), having, tuple(order))

    def _select_items(self) -> tuple[SelectItem, ...]:
        items = []
        while True:
            expression: Expression
            if self._sees("new", "map") or self._sees("new", "list"):
                self._next()
                kind = self._next().word
                self._needs("(")
                inner = self._select_items()
                self._needs(")")
                expression = NewMap(inner) if kind == "map" else NewList(inner)
            elif self._sees("new"):
                self._next()
                raise HqlError(f"'new {self._token.text}' is not known; 'new map' and 'new list' are")
            elif self._sees("object", "("):
                self._next()
                expression = self._path_in_brackets()
            else:
                expression = self.expression()
            items.append(SelectItem(expression, self._alias()))
            if not self._takes(","):
                return tuple(items)

    def _alias(self) -> str | None:
        if not self._takes("as") and (self._token.kind is not TokenKind.NAME or self._token.word in KEYWORDS):
            return None
        token = self._next()
        if token.kind is not TokenKind.NAME or "." in token.text:
            raise HqlError(f"expected an alias, found {token} at position {token.position}")
        return token.text

    def _sources(self) -> tuple[Root | Join, ...]:
        sources: list[Root | Join] = []
        while True:
            if self._takes("in"):
                path = self._path_in_brackets()
                sources.append(Join(path, self._alias(), outer=False, fetch=False, condition=None))
            else:
                sources.append(self._root())
            self._takes("fetch", "all", "properties")  # everything is always fetched
            while (join := self._join()) is not None:
                sources.append(join)
            if not self._takes(","):
                return tuple(sources)

    def _root(self) -> Root:
        names = self._path().names
        if self._takes("in", "class"):
            return Root(self._path().names, names[0])  # the old form: from i in class Image
        return Root(names, self._alias())

    def _join(self) -> Join | None:
        outer = False
        if self._sees("left"):
            self._next()
            self._takes("outer")
            self._needs("join")
            outer = True
        elif self._sees("right") or self._sees("full"):
            raise HqlError(f"{self._token.text!r} joins are not known; left and inner joins are")
        elif self._takes("inner"):
            self._needs("join")
        elif not self._takes("join"):
            return None
        fetch = self._takes("fetch")
        path: Path = self._path()
        alias = self._alias()
        self._takes("fetch", "all", "properties")
        condition = self.expression() if self._takes("with") else None
        return Join(path, alias, outer, fetch, condition)

    def _order_item(self) -> OrderItem:
        expression = self.expression()
        descending = self._takes("desc")
        if not descending:
            self._takes("asc")
        return OrderItem(expression, descending)


@lru_cache(maxsize=1024)
def parse(query: str) -> Query:
    """The syntax tree. Raises HqlError, and nothing else, for a text that is no query."""
    try:
        return Parser(read_tokens(query)).statement()
    except RecursionError:
        raise HqlError("the query is nested too deeply") from None
