"""COMPATIBILITY.md: its tables are made from the marks of the tests.

`python -m emulators.tests.compatibility` writes them.
"""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).resolve().parent
PAGE: Final = TESTS.parent / "COMPATIBILITY.md"
SERVICES: Final = {
    "cosmos": "Cosmos DB",
    "servicebus": "Service Bus",
    "functions": "Functions host",
    "traces": "Traces",
}
WAYS: Final = {"sdk": "official SDK", "trace": "executed trace", "docs": "documentation"}


def marks(service: str) -> dict[str, Counter[str]]:
    """By feature, how many tests know it in which way; a mark on a class or a module counts for each of its tests."""
    features: dict[str, Counter[str]] = defaultdict(Counter)
    for tree in _trees(service):
        _collect(tree, [], features)
    return features


def differences() -> list[tuple[str, str, str, str]]:
    """What the two engines of the Functions host do otherwise than each other: the arguments of the marks `differs`."""
    calls = (
        node
        for tree in _trees("functions")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.differs")
    )
    return sorted(_texts(call) for call in calls)


def _texts(call: ast.Call) -> tuple[str, str, str, str]:
    given = {str(each.arg): str(ast.literal_eval(each.value)) for each in call.keywords}
    return str(ast.literal_eval(call.args[0])), given["own"], given["official"], given["why"]


def _trees(service: str) -> Iterator[ast.Module]:
    for file in sorted((TESTS / service).rglob("test_*.py")):
        yield ast.parse(file.read_text(encoding="utf-8"))


def _collect(node: ast.AST, inherited: list[tuple[str, str]], features: dict[str, Counter[str]]) -> None:
    own = [*inherited, *_marks_of(node)]
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            _collect(child, own, features)
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)) and child.name.startswith("test"):
            for how, feature in [*own, *_marks_of(child)]:
                features[feature][how] += 1


def _marks_of(node: ast.AST) -> list[tuple[str, str]]:
    """Of decorators, and of an assignment to `pytestmark` in the body of a module or class."""
    found: list[ast.expr] = []
    if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        found += node.decorator_list
    if isinstance(node, (ast.Module, ast.ClassDef)):
        for statement in node.body:
            if isinstance(statement, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == "pytestmark" for target in statement.targets
            ):
                found += statement.value.elts if isinstance(statement.value, ast.List) else [statement.value]
    return [mark for expression in found if (mark := _mark(expression)) is not None]


def _mark(expression: ast.expr) -> tuple[str, str] | None:
    if not isinstance(expression, ast.Call) or not ast.unparse(expression.func).endswith("verified"):
        return None
    how = ast.literal_eval(expression.args[0])
    feature = next(ast.literal_eval(keyword.value) for keyword in expression.keywords if keyword.arg == "feature")
    return str(how), str(feature)


def table(service: str) -> str:
    rows = [["feature", "known by"]]
    for feature, ways in sorted(marks(service).items(), key=lambda item: item[0].lower()):
        rows.append([feature, ", ".join(f"{WAYS[how]} ({ways[how]})" for how in WAYS if ways[how])])
    return _table(rows)


def engines_table() -> str:
    heads = ["", "`own`, as the Python worker 4.x", "`official`, azure-functions-runtime 1.3.0", "why"]
    return _table([heads, *differences()])


def _table(rows: Iterable[Sequence[str]]) -> str:
    heads, *others = ("| " + " | ".join(each.replace("|", "\\|") for each in row) + " |" for row in rows)
    return "\n".join([heads, "|---" * len(heads.split(" | ")) + "|", *others])


def page() -> str:
    """The page as it should be: its prose as it is, its tables made anew."""
    text = PAGE.read_text(encoding="utf-8")
    for name, made in [*((service, table(service)) for service in SERVICES), ("engines", engines_table())]:
        begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n\n{made}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
