"""A snapshot is read by the fold that wrote it: a change of the fold moves its number."""

import ast
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from domain.registry import AGGREGATES
from engine.deciding.aggregate import Aggregate

ROOT = Path(__file__).resolve().parent.parent.parent
KNOWN = ROOT / "tests" / "golden" / "folds.json"
WITH_SNAPSHOTS = [each for each in AGGREGATES if each.snapshots is not None]


def fingerprint(category: str) -> str:
    """Of what the fold is made of: classes and functions of events, state and snapshot, docstrings and layout aside.

    As text, not as a dump of the tree: that is another one for every version of Python.
    """
    digest = hashlib.sha256()
    for name in ("events.py", "state.py", "snapshot.py"):
        tree = ast.parse((ROOT / "domain" / category / name).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [each for each in body if not _is_docstring(each)]  # type: ignore[attr-defined]
        for part in tree.body:
            if isinstance(part, (ast.ClassDef, ast.FunctionDef)):
                digest.update(ast.unparse(part).encode())
    return digest.hexdigest()


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@pytest.mark.parametrize("aggregate", WITH_SNAPSHOTS, ids=lambda each: each.category)
def test_a_changed_fold_has_a_new_number(aggregate: Aggregate[Any, Any, Any]) -> None:
    assert aggregate.snapshots is not None
    known = json.loads(KNOWN.read_text(encoding="utf-8"))
    assert {"fold": aggregate.snapshots.fold, "fingerprint": fingerprint(aggregate.category)} == known[
        aggregate.category
    ], (
        f"events.py, state.py or snapshot.py of domain/{aggregate.category} changed: if the same events give another "
        f"state or other data now, raise FOLD in its state.py; then write number and fingerprint to "
        f"{KNOWN.relative_to(ROOT)}, or snapshots will be misread"
    )
