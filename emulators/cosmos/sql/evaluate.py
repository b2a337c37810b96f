"""Turns expressions into functions of a row. A row maps the names of the FROM clause to values."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from emulators.cosmos.errors import bad_request, not_supported
from emulators.cosmos.sql import functions
from emulators.cosmos.sql import syntax as ast
from emulators.cosmos.sql.errors import compile_error
from emulators.cosmos.sql.values import comparable, equal, finite, is_number
from emulators.cosmos.undefined import UNDEFINED

Row = dict[str, Any]
Evaluator = Callable[[Row], Any]

AGGREGATES: Final = frozenset({"AVG", "COUNT", "MAX", "MIN", "SUM"})


class Subquery(Protocol):
    def results(self, row: Row) -> list[Any]: ...


@dataclass(frozen=True)
class Scope:
    """What an expression may name: the sources around it, the parameters, and aggregates where they are allowed.

    `aggregate` registers an aggregate of the query and gives the evaluator of its result. `container` tells whether a
    FROM clause here ranges over the items of the container, as the first source of a query does, and no other.
    """

    names: frozenset[str]
    parameters: Mapping[str, Any]
    subquery: Callable[[ast.Query, Scope], Subquery]
    aggregate: Callable[[ast.Call, Scope], Evaluator] | None = None
    container: bool = False


def compile_expression(expression: ast.Expression, scope: Scope) -> Evaluator:
    """Raises 400 for a name or function that is not known, 501 for a function that devstack has not."""
    match expression:
        case ast.Constant(value):
            return lambda _row: value
        case ast.Parameter(name):
            if name not in scope.parameters:
                raise compile_error("SC2064", f"Parameter '{name}' is not supplied.")
            given = scope.parameters[name]
            return lambda _row: given
        case ast.Identifier(name):
            if name not in scope.names:
                raise compile_error("SC2001", f"Identifier '{name}' could not be resolved.")
            return operator.itemgetter(name)
        case ast.Index(base, ast.Constant(str(name))):
            return _member(compile_expression(base, scope), name)
        case ast.Index(base, index):
            return _element(compile_expression(base, scope), compile_expression(index, scope))
        case ast.ArrayLiteral(items):
            return _array([compile_expression(item, scope) for item in items])
        case ast.ObjectLiteral(members):
            return _object([(name, compile_expression(value, scope)) for name, value in members])
        case ast.Unary(symbol, operand):
            return _unary(symbol, compile_expression(operand, scope))
        case ast.Binary(symbol, left, right):
            return _binary(symbol, compile_expression(left, scope), compile_expression(right, scope))
        case ast.Logical(symbol, operands):
            return _logical([compile_expression(operand, scope) for operand in operands], decisive=symbol == "OR")
        case ast.Conditional(condition, then, otherwise):
            return _conditional(*(compile_expression(part, scope) for part in (condition, then, otherwise)))
        case ast.Between(value, low, high, negated):
            parts = [compile_expression(part, scope) for part in (value, low, high)]
            return _negated(lambda row: functions.between(*(part(row) for part in parts)), negated)
        case ast.In(value, items, negated):
            return _negated(
                _in(compile_expression(value, scope), [compile_expression(item, scope) for item in items]), negated
            )
        case ast.Like(value, pattern, escape, negated):
            text, wanted = compile_expression(value, scope), compile_expression(pattern, scope)
            return _negated(lambda row: functions.like(text(row), wanted(row), escape), negated)
        case ast.Call():
            return _call(expression, scope)
        case ast.Exists(query):
            inner = scope.subquery(query, scope)
            return lambda row: bool(inner.results(row))
        case ast.ArrayOf(query):
            return scope.subquery(query, scope).results
        case ast.ScalarQuery(query):
            return _scalar(scope.subquery(query, scope))


def _member(base: Evaluator, name: str) -> Evaluator:
    def evaluate(row: Row) -> Any:
        value = base(row)
        return value.get(name, UNDEFINED) if isinstance(value, dict) else UNDEFINED

    return evaluate


def _element(base: Evaluator, index: Evaluator) -> Evaluator:
    def evaluate(row: Row) -> Any:
        value, position = base(row), index(row)
        if isinstance(value, dict):
            return value.get(position, UNDEFINED) if isinstance(position, str) else UNDEFINED
        if isinstance(value, list) and is_number(position) and position == int(position) and 0 <= position < len(value):
            return value[int(position)]
        return UNDEFINED

    return evaluate


def _array(items: list[Evaluator]) -> Evaluator:
    return lambda row: [value for item in items if (value := item(row)) is not UNDEFINED]


def _object(members: list[tuple[str, Evaluator]]) -> Evaluator:
    return lambda row: {name: value for name, member in members if (value := member(row)) is not UNDEFINED}


def _unary(symbol: str, operand: Evaluator) -> Evaluator:
    if symbol == "NOT":
        return _negated(operand, negated=True)
    action = _UNARY[symbol]

    def evaluate(row: Row) -> Any:
        value = operand(row)
        return action(value) if is_number(value) else UNDEFINED

    return evaluate


def _negated(operand: Evaluator, negated: bool) -> Evaluator:
    if not negated:
        return operand

    def evaluate(row: Row) -> Any:
        value = operand(row)
        return not value if isinstance(value, bool) else UNDEFINED

    return evaluate


def _binary(symbol: str, left: Evaluator, right: Evaluator) -> Evaluator:
    action = _BINARY[symbol]
    return lambda row: action(left(row), right(row))


def _logical(operands: list[Evaluator], *, decisive: bool) -> Evaluator:
    """Three-valued: the decisive value wins over undefined, and over what is no boolean."""

    def evaluate(row: Row) -> Any:
        result: Any = not decisive
        for operand in operands:
            value = operand(row)
            if value is decisive:
                return decisive
            if not isinstance(value, bool):
                result = UNDEFINED
        return result

    return evaluate


def _conditional(condition: Evaluator, then: Evaluator, otherwise: Evaluator) -> Evaluator:
    return lambda row: then(row) if condition(row) is True else otherwise(row)


def _in(value: Evaluator, items: list[Evaluator]) -> Evaluator:
    def evaluate(row: Row) -> Any:
        wanted = value(row)
        return UNDEFINED if wanted is UNDEFINED else any(equal(wanted, item(row)) for item in items)

    return evaluate


def _call(call: ast.Call, scope: Scope) -> Evaluator:
    name = call.name
    if name in AGGREGATES:
        if len(call.arguments) != 1:
            raise compile_error("SC2050", f"The {name} function requires 1 argument(s).")
        if scope.aggregate is None:
            raise compile_error("SC2104", f"Aggregate function '{name}' is not allowed in this context.")
        return scope.aggregate(call, scope)
    if name in functions.UNSUPPORTED:
        raise not_supported(f"the function {name} in SQL")
    built_in = functions.FUNCTIONS.get(name)
    if built_in is None:
        raise compile_error("SC2005", f"'{name}' is not a recognized built-in function name.")
    if len(call.arguments) < built_in.least or (built_in.most is not None and len(call.arguments) > built_in.most):
        raise compile_error("SC2050", f"The {name} function requires {built_in.arity} argument(s).")
    arguments = [compile_expression(argument, scope) for argument in call.arguments]
    function = built_in.function
    return lambda row: function(*(argument(row) for argument in arguments))


def _scalar(subquery: Subquery) -> Evaluator:
    def evaluate(row: Row) -> Any:
        results = subquery.results(row)
        if len(results) > 1:
            raise bad_request("The cardinality of a scalar subquery result set cannot be greater than one.")
        return results[0] if results else UNDEFINED

    return evaluate


def _equality(wanted: bool) -> Callable[[Any, Any], Any]:
    return lambda left, right: UNDEFINED if left is UNDEFINED or right is UNDEFINED else equal(left, right) is wanted


def _comparison(action: Callable[[Any, Any], bool], of_nulls: bool) -> Callable[[Any, Any], Any]:
    def compare(left: Any, right: Any) -> Any:
        if not comparable(left, right):
            return UNDEFINED
        return of_nulls if left is None else action(left, right)

    return compare


def _arithmetic(action: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def compute(left: Any, right: Any) -> Any:
        if not is_number(left) or not is_number(right):
            return UNDEFINED
        try:
            return finite(action(left, right))
        except (OverflowError, ZeroDivisionError):
            return UNDEFINED

    return compute


def _remainder(left: Any, right: Any) -> Any:
    # The sign of the dividend, as in C and JavaScript.
    return left - right * int(left / right)


def _int32(value: float) -> int:
    bits = int(value) & 0xFFFFFFFF
    return bits - (1 << 32) if bits >= 1 << 31 else bits


def _bitwise(action: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    return _arithmetic(lambda left, right: action(_int32(left), _int32(right)))


_UNARY: Final[dict[str, Callable[[Any], Any]]] = {
    "-": operator.neg,
    "+": operator.pos,
    "~": lambda value: ~_int32(value),
}
_BINARY: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "=": _equality(wanted=True),
    "!=": _equality(wanted=False),
    "<": _comparison(operator.lt, of_nulls=False),
    "<=": _comparison(operator.le, of_nulls=True),
    ">": _comparison(operator.gt, of_nulls=False),
    ">=": _comparison(operator.ge, of_nulls=True),
    "+": _arithmetic(operator.add),
    "-": _arithmetic(operator.sub),
    "*": _arithmetic(operator.mul),
    "/": _arithmetic(operator.truediv),
    "%": _arithmetic(_remainder),
    "&": _bitwise(operator.and_),
    "|": _bitwise(operator.or_),
    "^": _bitwise(operator.xor),
    "||": lambda left, right: left + right if isinstance(left, str) and isinstance(right, str) else UNDEFINED,
    "??": lambda left, right: right if left is UNDEFINED else left,
}
