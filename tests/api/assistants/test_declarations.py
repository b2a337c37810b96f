"""Whether there are tools for assistants is said by OPERATORS_TOOLS alone, while function_app.py is indexed."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[3]
TOOLS: Final = {"explain_order", "show_order", "list_waiting"}

BINDINGS: Final = """
import json, function_app
functions = function_app.app.get_functions()
print(json.dumps({each.get_function_name(): json.loads(each.get_function_json())["bindings"] for each in functions}))
"""
OF_AN_OLD_LIBRARY: Final = """
import azure.functions as func
owner = next(each for each in func.FunctionApp.__mro__ if "mcp_tool_trigger" in vars(each))
del owner.mcp_tool_trigger
"""


def indexed(setting: str | None, *, before: str = "") -> Mapping[str, list[dict[str, Any]]]:
    """The bindings of each function, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name != "OPERATORS_TOOLS"}
    if setting is not None:
        environment["OPERATORS_TOOLS"] = setting
    done = subprocess.run(
        [sys.executable, "-c", before + BINDINGS],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    bindings: Mapping[str, list[dict[str, Any]]] = json.loads(done.stdout)
    return bindings


@pytest.mark.parametrize("setting", [None, "", "0", "true"])
def test_without_the_setting_there_are_none(setting: str | None) -> None:
    bindings = indexed(setting)
    assert bindings
    assert not TOOLS & bindings.keys()
    assert "mcpToolTrigger" not in {each["type"] for one in bindings.values() for each in one}


def test_without_the_setting_an_old_library_will_do() -> None:
    assert indexed("0") == indexed("0", before=OF_AN_OLD_LIBRARY)


def test_with_the_setting_there_are_three_beside_all_others() -> None:
    bindings, others = indexed("1"), indexed("0")
    assert others == {name: one for name, one in bindings.items() if name not in TOOLS}
    assert TOOLS == bindings.keys() - others.keys()


@pytest.mark.parametrize(
    ("tool", "arguments", "required"),
    [("explain_order", {"orderId": "string"}, {"orderId"}),
     ("show_order", {"orderId": "string", "version": "integer", "asOf": "string"}, {"orderId"}),
     ("list_waiting", {}, set())],
)  # fmt: skip
def test_a_tool_says_what_it_takes(tool: str, arguments: Mapping[str, str], required: set[str]) -> None:
    (trigger,) = indexed("1")[tool]
    assert ("mcpToolTrigger", tool, True) == (trigger["type"], trigger["toolName"], trigger["useResultSchema"])
    assert trigger["description"]
    properties = json.loads(trigger["toolProperties"])
    assert arguments == {each["propertyName"]: each["propertyType"] for each in properties}
    assert required == {each["propertyName"] for each in properties if each["isRequired"]}
    assert all(each["description"] for each in properties)
