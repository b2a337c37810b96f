"""SQL expressions as functions of a message's properties, with three truth values: None is unknown, and null."""

from __future__ import annotations

import math
import operator
import re
import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from emulators.servicebus.properties import MessageProperties

# The value of an expression for a message; None stands for null, for "unknown" and for a property that is not there.
Expression = Callable[[MessageProperties], Any]

_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: (
        left / right if isinstance(left, float) or isinstance(right, float) else _divided(left, right)
    ),
    "%": math.fmod,
}


def constant(value: Any) -> Expression:
    return lambda _: value


def system_property(name: str) -> Expression:
    return lambda message: message.system(name)


def user_property(name: str) -> Expression:
    return lambda message: message.user(name)


def named_property(name: Expression) -> Expression:
    def evaluate(message: MessageProperties) -> Any:
        value = name(message)
        return message.user(value.lower()) if isinstance(value, str) else None

    return evaluate


def new_id(_: MessageProperties) -> Any:
    return uuid.uuid4()


def all_of(operands: Sequence[Expression]) -> Expression:
    def evaluate(message: MessageProperties) -> Any:
        truth: bool | None = True
        for operand in operands:
            match _truth(operand(message)):
                case False:
                    return False
                case None:
                    truth = None
        return truth

    return evaluate


def any_of(operands: Sequence[Expression]) -> Expression:
    def evaluate(message: MessageProperties) -> Any:
        truth: bool | None = False
        for operand in operands:
            match _truth(operand(message)):
                case True:
                    return True
                case None:
                    truth = None
        return truth

    return evaluate


def negated(operand: Expression) -> Expression:
    def evaluate(message: MessageProperties) -> Any:
        truth = _truth(operand(message))
        return None if truth is None else not truth

    return evaluate


def compared(sign: str, left: Expression, right: Expression) -> Expression:
    compare = _COMPARISONS[sign]

    def evaluate(message: MessageProperties) -> Any:
        one, other = left(message), right(message)
        if one is None or other is None or not _comparable(one, other):
            return None
        try:
            return compare(one, other)
        except TypeError:
            return None

    return evaluate


def is_null(operand: Expression, wanted: bool) -> Expression:
    return lambda message: (operand(message) is None) is wanted


def like(operand: Expression, pattern: Expression, escape: Expression) -> Expression:
    def evaluate(message: MessageProperties) -> Any:
        text, wanted, escaping = operand(message), pattern(message), escape(message)
        if not isinstance(text, str) or not isinstance(wanted, str):
            return None
        return _pattern(wanted, escaping if isinstance(escaping, str) else None).fullmatch(text) is not None

    return evaluate


def computed(sign: str, left: Expression, right: Expression) -> Expression:
    compute = _ARITHMETIC[sign]

    def evaluate(message: MessageProperties) -> Any:
        one, other = left(message), right(message)
        if isinstance(one, str) and isinstance(other, str) and sign == "+":
            return one + other
        if not (_is_number(one) and _is_number(other)):
            return None
        try:
            return compute(one, other)
        except (ArithmeticError, ValueError):
            return None

    return evaluate


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _comparable(one: Any, other: Any) -> bool:
    """Numbers with numbers, texts with texts (a symbol is a text), everything else with its own type."""
    if _is_number(one) or _is_number(other):
        return _is_number(one) and _is_number(other)
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and isinstance(other, str)
    return type(one) is type(other)


def _divided(left: int, right: int) -> int:
    """Integers divide to an integer, towards zero."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


@lru_cache(maxsize=1000)
def _pattern(pattern: str, escape: str | None) -> re.Pattern[str]:
    parts = []
    characters = iter(pattern)
    for character in characters:
        if character == escape:
            parts.append(re.escape(next(characters, "")))
        else:
            parts.append({"%": ".*", "_": "."}.get(character, re.escape(character)))
    return re.compile("".join(parts), re.DOTALL)
