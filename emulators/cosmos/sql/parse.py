"""From the text of a query to its syntax tree."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

from lark import Lark, Token, Transformer, Tree, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedToken

from emulators.cosmos.errors import CosmosError, bad_request, not_supported
from emulators.cosmos.sql import syntax as ast
from emulators.cosmos.sql.errors import syntax_error
from emulators.cosmos.undefined import UNDEFINED

MAX_QUERY_LENGTH: Final = 512 * 1024


@lru_cache(maxsize=1)
def prepare_parser() -> Lark:
    """Builds the parser, which takes longer than clients wait patiently: once per process, before they come."""
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="basic", start="query", maybe_placeholders=True)


@lru_cache(maxsize=1000)
def parse(text: str) -> ast.Query:
    """Raises 400 with SC1001 for a syntax error, 501 for syntax that devstack does not support."""
    if len(text) > MAX_QUERY_LENGTH:
        raise bad_request(f"The SQL query text exceeded the maximum limit of {MAX_QUERY_LENGTH} characters.")
    try:
        tree = prepare_parser().parse(text)
    except UnexpectedToken as error:
        if error.token.type == "$END":
            raise syntax_error(text[-1:], len(text), len(text)) from None
        start = error.token.start_pos or 0
        raise syntax_error(str(error.token), start, start + len(error.token)) from None
    except UnexpectedCharacters as error:
        position = error.pos_in_stream or 0
        raise syntax_error(text[position], position, position + 1) from None
    except UnexpectedEOF:
        raise syntax_error(text[-1:], len(text), len(text)) from None
    _refuse_ambiguous_not(tree)
    return cast(ast.Query, _build(tree))


def _refuse_ambiguous_not(tree: Tree[Token]) -> None:
    # The published grammar binds NOT tighter than a comparison, SQL elsewhere does not. Rather than choose, ask for
    # parentheses.
    for node in tree.iter_subtrees():
        if node.data in _COMPARING and isinstance(node.children[0], Tree) and node.children[0].data == "not_":
            raise not_supported("NOT before a comparison without parentheses: write NOT (…)")


_COMPARING: Final = {"eq", "ne", "lt", "le", "gt", "ge", "between", "in_", "like", "concat"}
_OPERATORS: Final = {
    "coalesce": "??", "concat": "||", "bit_or": "|", "bit_xor": "^", "bit_and": "&",
    "eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "add": "+", "subtract": "-", "multiply": "*",
    "divide": "/", "modulo": "%",
}  # fmt: skip
_UNARY: Final = {"negate": "-", "plus": "+", "bit_not": "~"}


def _build(tree: Tree[Token]) -> Any:
    try:
        return _Builder().transform(tree)
    except RecursionError:
        raise bad_request("The SQL query is nested too deeply.") from None
    except Exception as error:
        # lark wraps what its callbacks raise
        if isinstance(original := getattr(error, "orig_exc", None), CosmosError):
            raise original from None
        raise


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    """Names the children of each grammar rule."""

    def __default__(self, data: Any, children: Any, meta: Any) -> Any:
        name = str(data)
        if name in _OPERATORS:
            return ast.Binary(_OPERATORS[name], *children)
        if name in _UNARY:
            return ast.Unary(_UNARY[name], *children)
        raise AssertionError(name)

    def query(
        self,
        distinct: Token | None,
        top: Any,
        selection: Any,
        sources: tuple[ast.Source, ...] | None,
        where: Any,
        group_by: tuple[ast.Expression, ...] | None,
        order_by: tuple[ast.OrderItem, ...] | None,
        page: tuple[Any, Any] | None,
    ) -> ast.Query:
        offset, limit = page or (None, None)
        return ast.Query(
            distinct is not None, top, selection, sources or (), where, group_by or (), order_by or (), offset, limit
        )

    def top(self, count: ast.Expression) -> ast.Expression:
        return count

    def star(self) -> ast.Star:
        return ast.Star()

    def value(self, expression: ast.Expression) -> ast.Value:
        return ast.Value(expression)

    def select_list(self, *items: ast.SelectItem) -> ast.SelectList:
        return ast.SelectList(items)

    def select_item(self, expression: ast.Expression, alias: str | None) -> ast.SelectItem:
        return ast.SelectItem(expression, alias)

    def alias(self, token: Token) -> str:
        return _unquote(token) if token.type == "STRING" else str(token)

    def from_(self, *sources: ast.Source) -> tuple[ast.Source, ...]:
        return sources

    def join(self, source: ast.Source) -> ast.Source:
        return source

    def aliased(self, collection: Any, alias: Token | None) -> ast.Source:
        name = str(alias) if alias is not None else None
        if isinstance(collection, ast.PathSource):
            return ast.PathSource(collection.root, collection.steps, name)
        return ast.SubquerySource(collection.query, name)

    def iterated(self, name: Token, collection: Any) -> ast.Source:
        return ast.IteratedSource(str(name), collection)

    def path(self, root: Token, *steps: str | int) -> ast.PathSource:
        return ast.PathSource(str(root), steps)

    def subquery_source(self, query: ast.Query) -> ast.SubquerySource:
        return ast.SubquerySource(query)

    def step_name(self, name: Token) -> str:
        return str(name)

    def step_string(self, text: Token) -> str:
        return _unquote(text)

    def step_number(self, number: Token) -> int:
        return int(_number(number))

    def where(self, expression: ast.Expression) -> ast.Expression:
        return expression

    def group_by(self, *expressions: ast.Expression) -> tuple[ast.Expression, ...]:
        return expressions

    def order_by(self, *items: ast.OrderItem) -> tuple[ast.OrderItem, ...]:
        return items

    def order_item(self, expression: ast.Expression, direction: Token | None) -> ast.OrderItem:
        return ast.OrderItem(expression, direction is not None and direction.type == "DESC")

    def offset_limit(self, offset: ast.Expression, limit: ast.Expression) -> tuple[ast.Expression, ast.Expression]:
        return offset, limit

    def or_(self, *operands: Any) -> ast.Logical:
        return ast.Logical("OR", operands)

    def and_(self, *operands: Any) -> ast.Logical:
        return ast.Logical("AND", operands)

    def not_(self, _token: Token, operand: Any) -> ast.Unary:
        return ast.Unary("NOT", operand)

    def conditional(self, condition: Any, then: Any, otherwise: Any) -> ast.Conditional:
        return ast.Conditional(condition, then, otherwise)

    def between(self, value: Any, negated: Token | None, low: Any, high: Any) -> ast.Between:
        return ast.Between(value, low, high, negated is not None)

    def in_(self, value: Any, negated: Token | None, *items: Any) -> ast.In:
        return ast.In(value, items, negated is not None)

    def like(self, value: Any, negated: Token | None, pattern: Any, escape: Token | None) -> ast.Like:
        return ast.Like(value, pattern, _unquote(escape) if escape is not None else None, negated is not None)

    def identifier(self, name: Token) -> ast.Identifier:
        return ast.Identifier(str(name))

    def parameter(self, name: Token) -> ast.Parameter:
        return ast.Parameter(str(name))

    def string(self, text: Token) -> ast.Constant:
        return ast.Constant(_unquote(text))

    def number(self, text: Token) -> ast.Constant:
        return ast.Constant(_number(text))

    def true(self, _token: Token) -> ast.Constant:
        return ast.Constant(value=True)

    def false(self, _token: Token) -> ast.Constant:
        return ast.Constant(value=False)

    def null(self, _token: Token) -> ast.Constant:
        return ast.Constant(None)

    def undefined(self, _token: Token) -> ast.Constant:
        return ast.Constant(UNDEFINED)

    def array(self, *items: Any) -> ast.ArrayLiteral:
        return ast.ArrayLiteral(_present(items))

    def object(self, *members: Any) -> ast.ObjectLiteral:
        return ast.ObjectLiteral(_present(members))

    def member(self, name: Token, value: Any) -> tuple[str, Any]:
        return _unquote(name), value

    def parenthesised(self, expression: Any) -> Any:
        return expression

    def scalar_subquery(self, query: ast.Query) -> ast.ScalarQuery:
        return ast.ScalarQuery(query)

    def exists(self, query: ast.Query) -> ast.Exists:
        return ast.Exists(query)

    def array_subquery(self, query: ast.Query) -> ast.ArrayOf:
        return ast.ArrayOf(query)

    def quantified_subquery(self, keyword: Token, _query: ast.Query) -> Any:
        raise not_supported(f"{keyword.upper()}(subquery) in SQL")

    def property(self, base: Any, name: Token) -> ast.Index:
        return ast.Index(base, ast.Constant(str(name)))

    def index(self, base: Any, index: Any) -> ast.Index:
        return ast.Index(base, index)

    def call(self, name: Token, *arguments: Any) -> ast.Call:
        return ast.Call(str(name).upper(), _present(arguments))

    def udf(self, name: Token, *_arguments: Any) -> Any:
        raise not_supported(f"the user-defined function udf.{name} in SQL")


def _present(children: tuple[Any, ...]) -> tuple[Any, ...]:
    """An optional list that is absent reaches the builder as one None."""
    return () if children == (None,) else children


def _number(text: str) -> int | float:
    if text.startswith("0x"):
        return int(text, 16)
    number = float(text)
    return int(text) if text.isdigit() else number


_ESCAPE: Final = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.S)
_CONTROL: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _unescape(match: re.Match[str]) -> str:
    name = match[1]
    return chr(int(name[1:], 16)) if len(name) == 5 else _CONTROL.get(name, name)


def _unquote(text: str) -> str:
    plain = _ESCAPE.sub(_unescape, text[1:-1])
    # Two escapes may be the halves of one character.
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
