"""The meaning of SQL: each query over a few items, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.cosmos.errors import CosmosError
from emulators.cosmos.sql.parse import parse
from emulators.cosmos.sql.plan import ROOT, Collector, compile_query

ITEMS: list[dict[str, Any]] = [
    {"id": "1", "n": 1, "s": "Apple", "b": True, "z": None, "tags": ["red", "big"], "deep": {"x": 1, "y": [1, 2]}},
    {"id": "2", "n": 2.5, "s": "banana", "b": False, "tags": [], "deep": {"x": "1"}},
    {"id": "3", "n": -3, "s": "cherry", "kind": "g", "tags": ["red"]},
    {"id": "4", "s": 5, "kind": "g", "n": "text"},
]


def run(text: str, items: list[dict[str, Any]] | None = None, **parameters: Any) -> list[Any]:
    plan = compile_query(parse(text), {f"@{name}": value for name, value in parameters.items()})
    collector = Collector(plan)
    for number, item in enumerate(ITEMS if items is None else items):
        collector.add(plan.rows({ROOT: item}), (number,))
    values = [result.value for result in collector.finish()]
    return values[plan.offset : None if plan.limit is None else plan.offset + plan.limit]


def value_of(expression: str, **parameters: Any) -> list[Any]:
    """The value of an expression over the first item; an empty list is undefined."""
    return run(f"SELECT VALUE {expression} FROM c", ITEMS[:1], **parameters)


def matching(condition: str, **parameters: Any) -> str:
    return "".join(run(f"SELECT VALUE c.id FROM c WHERE {condition}", **parameters))


@pytest.mark.verified("docs", feature="SQL: comparison, AND, OR, NOT, IN, BETWEEN, LIKE")
@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("c.n = 1", "1"),
        ("c.n = 1.0", "1"),
        ("c.n != 1", "234"),
        ("c.n <> 1", "234"),
        ("c.n > 1", "2"),
        ("c.n >= -3", "123"),
        ("c.n < 'zzz'", "4"),
        ("c.b = true", "1"),
        ("c.b", "1"),
        ("c.n", ""),
        ("c.b = 1", ""),
        ("c.z = null", "1"),
        ("c.z != null", ""),
        ("c.z >= null", "1"),
        ("c.missing = null", ""),
        ("c.missing != 1", ""),
        ("c.deep.x = 1", "1"),
        ("c.deep = {'x': '1'}", "2"),
        ('c["deep"]["y"][1] = 2', "1"),
        ("c.tags = ['red']", "3"),
        ("c.tags[0] = 'red'", "13"),
        ("NOT (c.n = 1)", "234"),
        ("NOT c.b", "2"),
        ("c.missing = 1 OR c.n = 1", "1"),
        ("c.n = 1 OR c.missing = 1", "1"),
        ("NOT (c.missing = 1 AND c.n = 1)", "234"),
        ("c.n = 1 AND c.s = 'Apple'", "1"),
        ("c.n IN (1, 2.5, 'text')", "124"),
        ("c.n NOT IN (1, 2.5)", "34"),
        ("c.missing NOT IN (1)", ""),
        ("c.n BETWEEN 1 AND 3", "12"),
        ("c.n NOT BETWEEN 1 AND 3", "3"),
        ("c.s BETWEEN 'a' AND 'c'", "2"),
        ("(c.n BETWEEN 1 AND 3) AND c.b = false", "2"),
        ("c.s LIKE '%an%'", "2"),
        ("c.s LIKE '_pple'", "1"),
        ("c.s LIKE '[a-c]%'", "23"),
        ("c.s LIKE '[^a-c]%'", "1"),
        ("c.s NOT LIKE 'A%'", "23"),
        ("c.s LIKE 'A!pple' ESCAPE '!'", "1"),
        ("c.id > @low AND c.id < @high", "23"),
        ("STARTSWITH(c.s, 'b')", "2"),
        ("STARTSWITH(c.s, 'a', true)", "1"),
        ("CONTAINS(c.s, 'AN', true)", "2"),
        ("ENDSWITH(c.s, 'y')", "3"),
        ("ARRAY_CONTAINS(c.tags, 'red')", "13"),
        ("IS_DEFINED(c.kind)", "34"),
        ("IS_DEFINED(c.tags) = false", "4"),
        ("NOT IS_DEFINED(c.tags)", "4"),
        ("IS_STRING(c.s)", "123"),
        ("IS_NUMBER(c.s)", "4"),
        ("IS_BOOL(c.b)", "12"),
        ("IS_NULL(c.z)", "1"),
        ("IS_ARRAY(c.tags)", "123"),
        ("IS_OBJECT(c.deep)", "12"),
        ("EXISTS(SELECT VALUE t FROM t IN c.tags WHERE t = 'big')", "1"),
        ("ARRAY_LENGTH(c.tags) = 0", "2"),
        ("c.id = '1' -- a comment\n", "1"),
    ],
)
def test_a_filter_finds_what_matches(condition: str, found: str) -> None:
    parameters = {"low": "1", "high": "4"} if "@" in condition else {}

    assert found == matching(condition, **parameters)


@pytest.mark.verified("docs", feature="SQL: operators and functions")
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", [7]),
        ("(1 + 2) * 3", [9]),
        ("7 % 3", [1]),
        ("-7 % 3", [-1]),
        ("7 / 2", [3.5]),
        ("6 / 2", [3]),
        ("1 / 0", []),
        ("1 + 'a'", []),
        ("1 + c.missing", []),
        ("-c.n", [-1]),
        ("5 & 3", [1]),
        ("5 | 3", [7]),
        ("5 ^ 3", [6]),
        ("~5", [-6]),
        ("0x1F", [31]),
        ("1.5e3", [1500]),
        ("'a' || 'b'", ["ab"]),
        ("'a' || 1", []),
        ("'it\\'s'", ["it's"]),
        ('"caf\\u00e9 \\"q\\""', ['café "q"']),
        ("c.missing ?? 'none'", ["none"]),
        ("c.n ?? 'none'", [1]),
        ("c.z ?? 'none'", [None]),
        ("c.n > 0 ? 'plus' : 'minus'", ["plus"]),
        ("c.missing ? 1 : 2", [2]),
        ("undefined", []),
        ("{'a': c.n, 'gone': c.missing, 'list': [c.n, c.missing, null]}", [{"a": 1, "list": [1, None]}]),
        ("LOWER(c.s)", ["apple"]),
        ("UPPER(c.s)", ["APPLE"]),
        ("LENGTH(c.s)", [5]),
        ("LENGTH(c.n)", []),
        ("CONCAT(c.s, '-', 'x')", ["Apple-x"]),
        ("CONCAT(c.s, c.n)", []),
        ("SUBSTRING(c.s, 1, 3)", ["ppl"]),
        ("SUBSTRING(c.s, -1, 3)", [""]),
        ("LEFT(c.s, 2)", ["Ap"]),
        ("RIGHT(c.s, 2)", ["le"]),
        ("INDEX_OF(c.s, 'p')", [1]),
        ("INDEX_OF(c.s, 'x')", [-1]),
        ("REPLACE(c.s, 'p', 'b')", ["Abble"]),
        ("REVERSE(c.s)", ["elppA"]),
        ("TRIM('  a ')", ["a"]),
        ("LTRIM('  a ')", ["a "]),
        ("REGEXMATCH(c.s, '^a', 'i')", [True]),
        ("ROUND(2.5)", [3]),
        ("ROUND(-2.5)", [-3]),
        ("FLOOR(2.7)", [2]),
        ("CEILING(2.1)", [3]),
        ("ABS(-2)", [2]),
        ("POWER(2, 10)", [1024]),
        ("SQRT(-1)", []),
        ("SIGN(-5)", [-1]),
        ("TRUNC(2.7)", [2]),
        ("ARRAY_SLICE([1, 2, 3], -2)", [[2, 3]]),
        ("ARRAY_CONCAT([1], [2])", [[1, 2]]),
        ("ARRAY_CONTAINS([{'a': 1, 'b': 2}], {'a': 1}, true)", [True]),
        ("ARRAY_CONTAINS([{'a': 1, 'b': 2}], {'a': 1})", [False]),
        ("ARRAY(SELECT VALUE t FROM t IN c.tags)", [["red", "big"]]),
        ("(SELECT VALUE COUNT(1) FROM t IN c.tags)", [2]),
        ("IS_PRIMITIVE(c.z)", [True]),
        ("STRINGTONUMBER('1.5')", [1.5]),
        ("@given", [{"any": ["value"]}]),
    ],
)
def test_an_expression_has_a_value(expression: str, value: list[Any]) -> None:
    parameters = {"given": {"any": ["value"]}} if "@" in expression else {}

    assert value == value_of(expression, **parameters)


@pytest.mark.verified("docs", feature="SQL: SELECT lists, VALUE, JOIN, subqueries, DISTINCT, TOP, OFFSET LIMIT")
@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("SELECT c.id, c.n AS number, c.deep.x, c.missing FROM c WHERE c.id = '1'", [{"id": "1", "number": 1, "x": 1}]),
        ("SELECT c.n + 1, 5, c.n AS x FROM c WHERE c.id = '1'", [{"$1": 2, "$2": 5, "x": 1}]),
        ("SELECT VALUE c.kind FROM c", ["g", "g"]),
        ("SELECT DISTINCT VALUE c.kind FROM c", ["g"]),
        ("SELECT VALUE t FROM c JOIN t IN c.tags", ["red", "big", "red"]),
        ("SELECT VALUE t FROM t IN c.tags", ["red", "big", "red"]),
        ("SELECT c.id, t FROM c JOIN t IN c.tags WHERE t = 'big'", [{"id": "1", "t": "big"}]),
        ("SELECT VALUE t FROM c JOIN (SELECT VALUE x FROM x IN c.tags WHERE x != 'red') AS t", ["big"]),
        ("SELECT VALUE d.x FROM c.deep AS d", [1, "1"]),
        ("SELECT TOP 2 VALUE c.id FROM c", ["1", "2"]),
        ("SELECT TOP @n VALUE c.id FROM c", ["1", "2", "3"]),
        ("SELECT VALUE c.id FROM c OFFSET 1 LIMIT 2", ["2", "3"]),
        ("SELECT VALUE root.id FROM root WHERE root['n'] = 1", ["1"]),
        ("SELECT VALUE items.id FROM items", ["1", "2", "3", "4"]),
        ("SELECT * FROM c WHERE c.id = '4'", [ITEMS[3]]),
        ('SELECT VALUE c["id"] FROM c ORDER BY c.id DESC', ["4", "3", "2", "1"]),
        ("SELECT VALUE c.id FROM c ORDER BY c.n", ["3", "1", "2", "4"]),
        ("SELECT VALUE c.id FROM c ORDER BY c.kind DESC, c.id", ["3", "4", "1", "2"]),
    ],
)
def test_a_query_selects(text: str, results: list[Any]) -> None:
    assert results == run(text, n=3)


@pytest.mark.verified("docs", feature="SQL: COUNT, SUM, MIN, MAX, AVG, GROUP BY")
@pytest.mark.parametrize(
    ("text", "results"),
    [
        ("SELECT VALUE COUNT(1) FROM c", [4]),
        ("SELECT VALUE COUNT(c.kind) FROM c", [2]),
        ("SELECT VALUE COUNT(1) FROM c WHERE c.id = 'none'", [0]),
        ("SELECT VALUE SUM(c.n) FROM c WHERE IS_NUMBER(c.n)", [0.5]),
        ("SELECT VALUE SUM(c.n) FROM c", []),
        ("SELECT VALUE AVG(c.n) FROM c WHERE c.n > 0", [1.75]),
        ("SELECT VALUE AVG(c.n) FROM c WHERE c.id = 'none'", []),
        ("SELECT VALUE MIN(c.n) FROM c", [-3]),
        ("SELECT VALUE MAX(c.n) FROM c", ["text"]),
        ("SELECT COUNT(1) AS n, MAX(c.id) FROM c", [{"n": 4, "$1": "4"}]),
        ("SELECT c.kind, COUNT(1) AS n FROM c GROUP BY c.kind", [{"n": 2}, {"kind": "g", "n": 2}]),
        (
            "SELECT VALUE {'g': c.kind, 'last': MAX(c.id)} FROM c WHERE IS_DEFINED(c.kind) GROUP BY c.kind",
            [{"g": "g", "last": "4"}],
        ),
        ("SELECT VALUE t FROM c JOIN t IN c.tags GROUP BY t", ["red", "big"]),
        ("SELECT COUNT(1) + 1 AS n FROM c", [{"n": 5}]),
    ],
)
def test_a_query_aggregates(text: str, results: list[Any]) -> None:
    assert results == run(text)


@pytest.mark.verified("trace", feature="SQL: what the .NET query planner rewrites queries to")
@pytest.mark.parametrize(
    ("text", "results"),
    [
        ('SELECT VALUE [{"item": COUNT(1)}]\nFROM c', [[{"item": 4}]]),
        ('SELECT VALUE [{"item": {"sum": SUM(c.n), "count": COUNT(c.n)}}]\nFROM c WHERE c.n > 0',
         [[{"item": {"sum": 3.5, "count": 2}}]]),
        ('SELECT TOP 1 c.id, [{"item": c.n}] AS orderByItems, c.n AS payload FROM c ORDER BY c.n DESC',
         [{"id": "4", "orderByItems": [{"item": "text"}], "payload": "text"}]),
        ('SELECT [{"item": c.kind}] AS groupByItems, {"k": {"item": COUNT(1)}} AS payload\nFROM c GROUP BY c.kind',
         [{"groupByItems": [{}], "payload": {"k": {"item": 2}}},
          {"groupByItems": [{"item": "g"}], "payload": {"k": {"item": 2}}}]),
    ],
)  # fmt: skip
def test_rewritten_queries_are_answered_literally(text: str, results: list[Any]) -> None:
    assert results == run(text)


@pytest.mark.verified("docs", feature="SQL: ORDER BY type order")
def test_values_are_ordered_by_type_first() -> None:
    ordered = [None, False, True, -1, 2.5, 3, "B", "a", [1], {"x": 1}]
    items = [{"id": str(n), "v": value} for n, value in enumerate(reversed(ordered))] + [{"id": "none"}]

    found = run("SELECT c.v FROM c ORDER BY c.v", items)

    assert [{}] + [{"v": value} for value in ordered] == found


@pytest.mark.verified("trace", feature="SQL: errors of the service's parser and compiler")
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELEC * FROM c", "SC1001"),
        ("SELECT * FROM c WHERE", "SC1001"),
        ("SELECT * FROM c WHERE c.a AND c.n BETWEEN 0 AND 1", "SC1001"),
        ("SELECT c.order FROM c", "SC1001"),
        ("SELECT c.value FROM c", "SC1001"),
        ("SELECT * FROM c; DROP", "SC1001"),
        ("SELECT {a: 1} FROM c", "SC1001"),
        ("SELECT FOO(1) FROM c", "SC2005"),
        ("SELECT d.a FROM c", "SC2001"),
        ("SELECT c.a, COUNT(1) FROM c", "SC2102"),
        ("SELECT * FROM c JOIN t IN c.tags", "SC2042"),
        ("SELECT * FROM c GROUP BY c.a", "SC2041"),
        ("SELECT * FROM c ORDER BY c.a + 1", "SC2206"),
        ("SELECT LOWER() FROM c", "SC2050"),
        ("SELECT VALUE MAX(MIN(c.n)) FROM c", "SC2101"),
        ("SELECT VALUE x FROM (SELECT VALUE d FROM d ORDER BY d.n) AS x", "SC2202"),
        ("SELECT VALUE x FROM (SELECT TOP 1 VALUE d FROM d) AS x", "SC2203"),
        ("SELECT VALUE ARRAY(SELECT VALUE t FROM t IN c.tags OFFSET 0 LIMIT 1) FROM c", "SC2204"),
        ("SELECT VALUE c.id FROM c GROUP BY c.id ORDER BY c.n", "SC2103"),
        ("SELECT * FROM c WHERE c.id = @missing", "SC2064"),
    ],
)
def test_a_query_in_error_is_refused_with_the_service_s_code(text: str, code: str) -> None:
    with pytest.raises(CosmosError) as refused:
        run(text)

    assert 400 == refused.value.status
    assert f'"code":"{code}"' in refused.value.message


@pytest.mark.verified("docs", feature="SQL: groups have no order, as in the service")
@pytest.mark.parametrize("order", ["c.kind", "COUNT(1)", "c.kind DESC, c.kind"])
def test_groups_cannot_be_ordered(order: str) -> None:
    with pytest.raises(CosmosError, match="'ORDER BY' is not supported in presence of GROUP BY") as refused:
        run(f"SELECT c.kind, COUNT(1) AS n FROM c GROUP BY c.kind ORDER BY {order}")

    assert 400 == refused.value.status


@pytest.mark.verified("trace", feature="SQL: errors of the service's parser and compiler")
@pytest.mark.parametrize(
    ("call", "arity"),
    [("STARTSWITH(c.s)", "2 to 3"), ("ARRAY_CONCAT(c.tags)", "at least 2"), ("LOWER(c.s, 1)", "1")],
)
def test_a_call_with_a_wrong_number_of_arguments_says_the_right_one(call: str, arity: str) -> None:
    with pytest.raises(CosmosError, match=rf"function requires {arity} argument\(s\)"):
        value_of(call)


@pytest.mark.verified("docs", feature="SQL: what is not supported is refused by name")
@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SELECT udf.tax(c) FROM c", "udf.tax"),
        ("SELECT ST_DISTANCE(c.a, c.b) FROM c", "ST_DISTANCE"),
        ("SELECT VALUE FIRST(SELECT VALUE t FROM t IN c.tags) FROM c", "FIRST"),
        ("SELECT * FROM c WHERE NOT c.n = 1", "NOT before a comparison"),
    ],
)
def test_unsupported_sql_is_refused_by_name(text: str, name: str) -> None:
    with pytest.raises(CosmosError) as refused:
        run(text)

    assert 501 == refused.value.status
    assert name in refused.value.message


@pytest.mark.verified("trace", feature="SQL: errors of the service's parser and compiler")
def test_the_place_of_a_syntax_error_is_told() -> None:
    with pytest.raises(CosmosError) as refused:
        parse("SELECT * FROM c WHERE c.a AND c.n BETWEEN 0 AND 1")

    assert '"location":{"start":34,"end":41}' in refused.value.message
    assert "incorrect syntax near 'BETWEEN'" in refused.value.message
