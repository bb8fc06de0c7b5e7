"""From syntax to closures: every expression becomes a function of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.omero.hql import functions, predicates
from sandbox.omero.hql.aggregates import AggregateColumn
from sandbox.omero.hql.collection_functions import compile_collection_function, is_collection_function
from sandbox.omero.hql.errors import HqlError
from sandbox.omero.hql.paths import resolve_path
from sandbox.omero.hql.shapes import Evaluate, Row, Scope, ShapeKind, Typed
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
    NewList,
    NewMap,
    Not,
    Or,
    Parameter,
    Path,
    QuantifiedComparison,
    Query,
    ScalarQuery,
)
from sandbox.omero.records import Int32

if TYPE_CHECKING:
    from sandbox.omero.hql.statement import Statement


class Compiler:
    """Compiles the expressions of one query.

    `columns` collects the aggregates of the clause being compiled; None where none are allowed.
    """

    def __init__(self, statement: Statement, scope: Scope) -> None:
        self.statement = statement
        self.scope = scope
        self.columns: list[AggregateColumn] | None = None

    def condition(self, node: Expression) -> Evaluate:
        """Compile a condition."""
        return self.compile(node).evaluate

    def compile(self, node: Expression, *, is_selected: bool = False) -> Typed:
        """Compile any expression. Raises HqlError for what the model or the language does not have."""
        match node:
            case Literal(value):
                return Typed(lambda row: value)
            case Parameter(name):
                given = self.statement.parameter(name)
                return Typed(lambda row: given)
            case Path(names):
                return resolve_path(self.statement, self.scope, names, is_selected=is_selected)
            case Aggregate():
                return self._aggregate(node)
            case Call():
                return self._call(node)
            case NewMap(items):
                cells = [
                    (
                        item.alias if item.alias is not None else str(place),
                        self.compile(item.expression, is_selected=True).evaluate,
                    )
                    for place, item in enumerate(items)
                ]
                return Typed(lambda row: {name: evaluate(row) for name, evaluate in cells})
            case NewList(items):
                members = [self.compile(item.expression, is_selected=True).evaluate for item in items]
                return Typed(lambda row: [evaluate(row) for evaluate in members])
            case ScalarQuery(query):
                return Typed(self._scalar_query(query))
            case Negation() | Arithmetic() | Case() | Cast() | Extract():
                return Typed(self._computed(node))
            case _:
                return Typed(self._predicate(node))

    # -- values

    def _computed(self, node: Negation | Arithmetic | Case | Cast | Extract) -> Evaluate:
        match node:
            case Negation(operand):
                value = self.compile(operand).evaluate
                return lambda row: functions.calculate("*", value(row), Int32(-1))
            case Arithmetic(operator, left, right):
                first, second = self.compile(left).evaluate, self.compile(right).evaluate
                return lambda row: functions.calculate(operator, first(row), second(row))
            case Cast(operand, type_name):
                functions.cast(None, type_name)  # an unknown type is refused without a row
                casted = self.compile(operand).evaluate
                return lambda row: functions.cast(casted(row), type_name)
            case Extract(part, operand):
                functions.extract(part, None)
                moment = self.compile(operand).evaluate
                return lambda row: functions.extract(part, moment(row))
            case Case(branches, otherwise):
                compiled = [(self.condition(b.condition), self.compile(b.result).evaluate) for b in branches]
                fallback = self.compile(otherwise).evaluate

                def choose(row: Row) -> Any:
                    for condition, result in compiled:
                        if condition(row) is True:
                            return result(row)
                    return fallback(row)

                return choose

    def _call(self, node: Call) -> Typed:
        name, arguments = node.name, node.arguments
        if is_collection_function(name):
            return compile_collection_function(self, node)
        match name:
            case "type":
                return Typed(self._type(node))
            case "coalesce":
                values = [self.compile(argument).evaluate for argument in arguments]
                return Typed(lambda row: next((v for value in values if (v := value(row)) is not None), None))
            case "nullif" if len(arguments) == 2:
                first, second = (self.compile(argument).evaluate for argument in arguments)
                return Typed(lambda row: None if predicates.compare("=", first(row), second(row)) else first(row))
        function = functions.FUNCTIONS.get(name)
        if function is None:
            raise HqlError(f"the function {name} is not known")
        if not function.least <= len(arguments) <= function.most:
            raise HqlError(f"the function {name} does not take {len(arguments)} arguments")
        computed = [self.compile(argument).evaluate for argument in arguments]
        return Typed(lambda row: functions.call(function, name, [value(row) for value in computed]))

    def _type(self, node: Call) -> Evaluate:
        """`type(x)`: the Java name of the object's class; of `x.class` it is the same."""
        if len(node.arguments) != 1 or not isinstance(node.arguments[0], Path):
            raise HqlError("type() takes one path")
        typed = self.compile(node.arguments[0])
        if typed.shape.kind is ShapeKind.ENTITY:

            def java_name(row: Row) -> Any:
                record = typed.evaluate(row)
                return None if record is None else record.model.java_name

            return java_name
        if node.arguments[0].names[-1] != "class":
            raise HqlError(f"type({node.arguments[0]}): {typed.shape.kind.value} has no class")
        return typed.evaluate

    def _aggregate(self, node: Aggregate) -> Typed:
        if self.columns is None:
            raise HqlError(f"{node.name}() is not allowed in this clause")
        columns, self.columns = self.columns, None  # no aggregate inside another
        try:
            operand = None if node.operand is None else self.compile(node.operand)
        finally:
            self.columns = columns
        if operand is not None and operand.shape.kind in (ShapeKind.COLLECTION, ShapeKind.ELEMENTS):
            raise HqlError(f"{node.name}({node.operand}) of a collection: join it instead")
        return self.aggregate(node.name, None if operand is None else operand.evaluate, distinct=node.distinct)

    def aggregate(self, name: str, operand: Evaluate | None, *, distinct: bool = False) -> Typed:
        """The value of an aggregate over the group's rows."""
        if self.columns is None:
            raise HqlError(f"{name}() is not allowed in this clause")
        slot = self.statement.take_slot()
        self.columns.append(AggregateColumn(name, distinct, operand, slot))
        return Typed(lambda row: row[slot])

    def names_joined_member(self, path: Path) -> bool:
        """Whether the path is an alias that was joined from a collection."""
        alias = self.scope.find(path.names[0])
        return len(path.names) == 1 and alias is not None and alias.shape.kind is ShapeKind.ENTITY

    # -- conditions

    def _predicate(self, node: Expression) -> Evaluate:
        match node:
            case And(operands):
                return predicates.make_and([self.condition(operand) for operand in operands])
            case Or(operands):
                return predicates.make_or([self.condition(operand) for operand in operands])
            case Not(operand):
                return predicates.make_not(self.condition(operand))
            case IsNull(operand):
                value = self.compile(operand).evaluate
                return lambda row: value(row) is None
            case Comparison(operator, left, right):
                return self._comparison(operator, left, right)
            case Like(operand, pattern, escape):
                text, wanted = self.compile(operand).evaluate, self.compile(pattern).evaluate
                escaped = self.compile(escape or Literal(None)).evaluate
                return lambda row: predicates.like(text(row), wanted(row), escaped(row))
            case InList(operand, items):
                return self._in_list(operand, items)
            case InElements(operand, collection):
                value, members = self.compile(operand).evaluate, self.collection(collection).evaluate
                return lambda row: predicates.is_member(value(row), members(row) or ())
            case IsEmpty(collection):
                members = self.collection(collection).evaluate
                return lambda row: not members(row)
            case ExistsElements(collection):
                members = self.collection(collection).evaluate
                return lambda row: bool(members(row))
            case InQuery() | Exists() | QuantifiedComparison():
                return self._query_predicate(node)
            case _:
                raise HqlError(f"{type(node).__name__} is not known here")

    def collection(self, path: Path) -> Typed:
        """A path that must end in a collection."""
        typed = self.compile(path)
        if typed.shape.kind not in (ShapeKind.COLLECTION, ShapeKind.ELEMENTS):
            raise HqlError(f"{path} is {typed.shape.kind.value}, not a collection")
        return typed

    def _comparison(self, operator: str, left: Expression, right: Expression) -> Evaluate:
        # Hibernate reads "= null" as "is null"
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Literal) and one.value is None and operator in ("=", "<>"):
                return self.condition(IsNull(other) if operator == "=" else Not(IsNull(other)))
        sides = [self.compile(left), self.compile(right)]
        for node, side in zip((left, right), sides, strict=True):
            if side.shape.kind in (ShapeKind.COLLECTION, ShapeKind.ELEMENTS, ShapeKind.DETAILS):
                raise HqlError(f"{node} is {side.shape.kind.value} and cannot be compared with {operator}")
        return predicates.make_comparison(operator, sides[0].evaluate, sides[1].evaluate)

    def _in_list(self, operand: Expression, items: tuple[Expression, ...]) -> Evaluate:
        value = self.compile(operand).evaluate
        if all(isinstance(item, (Literal, Parameter)) or self._is_class(item) for item in items):
            members = predicates.MemberSet(self.constants(items))
            return lambda row: members.holds(value(row))
        compiled = [self.compile(item).evaluate for item in items]
        return lambda row: predicates.is_member(value(row), (item(row) for item in compiled))

    def _is_class(self, node: Expression) -> bool:
        return (
            isinstance(node, Path)
            and len(node.names) == 1
            and node.names[0][:1].isupper()
            and self.scope.find(node.names[0]) is None
        )

    def constants(self, items: tuple[Expression, ...]) -> list[Any]:
        """The values of literals and parameters; a parameter may be a list."""
        values: list[Any] = []
        for item in items:
            value = self.compile(item).evaluate([])
            if isinstance(value, (list, tuple, set, frozenset)):
                values.extend(value)
            else:
                values.append(value)
        return values

    # -- queries inside

    def _scalar_query(self, query: Query) -> Evaluate:
        plan = self.statement.plan(query, self.scope)

        def only_value(row: Row) -> Any:
            results = plan.first_values(row, at_most=2)
            if len(results) > 1:
                raise HqlError("a query that is used as a value gave more than one row")
            return results[0] if results else None

        return only_value if plan.is_correlated else compute_once(only_value)

    def _query_predicate(self, node: InQuery | Exists | QuantifiedComparison) -> Evaluate:
        plan = self.statement.plan(node.query, self.scope)
        match node:
            case Exists():

                def exists(row: Row) -> bool:
                    return plan.has_any(row)

                return exists if plan.is_correlated else compute_once(exists)
            case InQuery(operand, _):
                value = self.compile(operand).evaluate
                if plan.is_correlated:
                    return lambda row: predicates.is_member(value(row), plan.first_values(row))
                members = compute_once(lambda row: predicates.MemberSet(plan.first_values(row)))
                return lambda row: members(row).holds(value(row))
            case QuantifiedComparison(operator, left, quantifier, _):
                value = self.compile(left).evaluate
                combine = predicates.any_of if quantifier == "any" else predicates.all_of

                def quantified(row: Row) -> Any:
                    one = value(row)
                    return combine(predicates.compare(operator, one, other) for other in plan.first_values(row))

                return quantified


def compute_once(evaluate: Evaluate) -> Evaluate:
    """What does not depend on the row around it is computed for the first row alone."""
    found: list[Any] = []

    def evaluate_once(row: Row) -> Any:
        if not found:
            found.append(evaluate(row))
        return found[0]

    return evaluate_once
