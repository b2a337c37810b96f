"""From the text of a SQL filter to a function of a message.

Not supported, and refused by name: functions other than `newid()`, `property(…)` and `p(…)`; names of the scope
`sys` that no message has. Grammar and rules: the documentation of the SQL filter syntax of Service Bus.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

from lark import Lark, Token, Transformer, Tree, v_args
from lark.exceptions import UnexpectedInput, VisitError

from emulators.servicebus.properties import SYSTEM_PROPERTIES
from emulators.servicebus.sql import evaluate as ev
from emulators.servicebus.sql.errors import SqlError

MAX_LENGTH: Final = 1024


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", start="expression", maybe_placeholders=True)


@lru_cache(maxsize=1000)
def parse(text: str) -> ev.Expression:
    """Raises SqlError."""
    if len(text) > MAX_LENGTH:
        raise SqlError(f"{len(text)} characters; the limit is {MAX_LENGTH}")
    try:
        tree: Tree[Token] = _parser().parse(text)
        built = _Builder().transform(tree)
    except UnexpectedInput as error:
        raise SqlError(f"a syntax error at character {(error.pos_in_stream or 0) + 1} of {text!r}") from None
    except VisitError as error:
        if isinstance(error.orig_exc, SqlError):
            raise error.orig_exc from None
        raise
    except RecursionError:
        raise SqlError("nested too deeply") from None
    return cast(ev.Expression, built)


def _property(name: str, scope: str = "user") -> ev.Expression:
    if scope.lower() == "sys":
        if name.lower() not in SYSTEM_PROPERTIES:
            raise SqlError(f"there is no system property sys.{name}")
        return ev.system_property(name.lower())
    if scope.lower() != "user":
        raise SqlError(f"there is no scope '{scope}'; there are sys and user")
    return ev.user_property(name.lower())


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    def string(self, token: Token) -> ev.Expression:
        return ev.constant(token[1:-1].replace("''", "'"))

    def integer(self, token: Token) -> ev.Expression:
        if int(token) > 0x7FFF_FFFF_FFFF_FFFF:
            raise SqlError(f"{token} is larger than a 64-bit integer")
        return ev.constant(int(token))

    def decimal(self, token: Token) -> ev.Expression:
        return ev.constant(float(token))

    def true(self) -> ev.Expression:
        return ev.constant(True)

    def false(self) -> ev.Expression:
        return ev.constant(False)

    def null(self) -> ev.Expression:
        return ev.constant(None)

    def name(self, name: Token) -> ev.Expression:
        return _property(name)

    def scoped(self, scope: Token, name: Token) -> ev.Expression:
        return _property(_unquoted(name), scope)

    def quoted(self, name: Token) -> ev.Expression:
        return _property(_unquoted(name))

    def call(self, name: Token, *arguments: ev.Expression | None) -> ev.Expression:
        given = [argument for argument in arguments if argument is not None]
        match (name.lower(), len(given)):
            case ("newid", 0):
                return ev.new_id
            case ("property" | "p", 1):
                return ev.named_property(given[0])
        raise SqlError(f"the function {name} with {len(given)} arguments is not supported")

    def or_(self, *operands: ev.Expression) -> ev.Expression:
        return ev.any_of(operands)

    def and_(self, *operands: ev.Expression) -> ev.Expression:
        return ev.all_of(operands)

    def not_(self, _: Token, operand: ev.Expression) -> ev.Expression:
        return ev.negated(operand)

    def compare(self, left: ev.Expression, operator: Token, right: ev.Expression) -> ev.Expression:
        return ev.compared(str(operator), left, right)

    def is_null(self, operand: ev.Expression, not_: Token | None) -> ev.Expression:
        return ev.is_null(operand, not_ is None)

    def in_(self, operand: ev.Expression, not_: Token | None, *members: ev.Expression) -> ev.Expression:
        found = ev.any_of(tuple(ev.compared("=", operand, member) for member in members))
        return found if not_ is None else ev.negated(found)

    def like(
        self, operand: ev.Expression, not_: Token | None, pattern: ev.Expression, escape: ev.Expression | None
    ) -> ev.Expression:
        found = ev.like(operand, pattern, escape or ev.constant(None))
        return found if not_ is None else ev.negated(found)

    def exists(self, operand: ev.Expression) -> ev.Expression:
        return ev.is_null(operand, False)

    def add(self, left: ev.Expression, right: ev.Expression) -> ev.Expression:
        return ev.computed("+", left, right)

    def subtract(self, left: ev.Expression, right: ev.Expression) -> ev.Expression:
        return ev.computed("-", left, right)

    def multiply(self, left: ev.Expression, right: ev.Expression) -> ev.Expression:
        return ev.computed("*", left, right)

    def divide(self, left: ev.Expression, right: ev.Expression) -> ev.Expression:
        return ev.computed("/", left, right)

    def modulo(self, left: ev.Expression, right: ev.Expression) -> ev.Expression:
        return ev.computed("%", left, right)

    def negate(self, operand: ev.Expression) -> ev.Expression:
        return ev.computed("-", ev.constant(0), operand)

    def plus(self, operand: ev.Expression) -> ev.Expression:
        return ev.computed("+", ev.constant(0), operand)


def _unquoted(token: Token) -> str:
    if token.startswith("["):
        return token[1:-1].replace("]]", "]")
    if token.startswith('"'):
        return token[1:-1].replace('""', '"')
    return str(token)
