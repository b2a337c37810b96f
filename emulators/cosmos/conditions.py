"""The condition of a patch: `from c where …`, evaluated on the item as it is stored."""

from __future__ import annotations

from typing import Any

from emulators.cosmos.commits import Condition
from emulators.cosmos.container import Container
from emulators.cosmos.documents import item_value
from emulators.cosmos.errors import bad_request
from emulators.cosmos.items import StoredItem
from emulators.cosmos.sql.parse import parse
from emulators.cosmos.sql.plan import ROOT, compile_query


def patch_condition(container: Container, text: Any) -> Condition | None:
    """Raises 400 for a condition that does not parse."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise bad_request("The condition of a patch is a string.")
    plan = compile_query(parse(f"SELECT VALUE 1 {text}"), {})

    def holds(item: StoredItem) -> bool:
        return any(True for _ in plan.rows({ROOT: item_value(container, item)}))

    return holds
