"""What a fresh process loads: cold starts are made of imports."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DESCRIBES = {"engine.triggers.documentation", "engine.triggers.openapi", "engine.triggers.docs_page"}
DASHBOARD = {
    "api.assistants",
    "api.dashboard",
    "api.dashboard.files",
    "api.dashboard.functions",
    "api.dashboard.overview",
}
HTTP_ONLY = {"pydantic", "engine.triggers.http", "api.interface", "api.bodies"}
SETTINGS = "import os; os.environ.update(COSMOS='AccountEndpoint=http://x/;AccountKey=eA==', COSMOS_DATABASE='x', SERVICEBUS='Endpoint=sb://x;SharedAccessKey=k')"
NEVER = {"azure.servicebus", "azure.identity", "devstack", "emulators", "demo", "operate", "requests", "support"}


def loaded(statements: str) -> set[str]:
    """The modules of a fresh process after these statements."""
    code = f"import asyncio, json, sys\n{statements}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_indexing_loads_the_library_and_nothing_of_ours_but_the_wiring() -> None:
    ours = {name for name in loaded("import function_app") if (ROOT / name.split(".")[0]).is_dir()}
    assert {"composition", "composition.dashboard", "composition.wiring", "engine", "engine.imports"} == ours


def test_indexing_with_the_tools_of_assistants_loads_no_more() -> None:
    with_tools = loaded("import os; os.environ['OPERATORS_TOOLS'] = '1'; import function_app")
    assert loaded("import function_app") == with_tools


def test_indexing_reads_no_settings_and_connects_to_nothing() -> None:
    modules = loaded("import os; os.environ.clear(); import function_app")
    assert not {"azure.cosmos", "aiohttp", "msgspec", "pydantic"} & modules


def test_the_feed_never_loads_what_serves_http() -> None:
    modules = loaded(f"{SETTINGS}; from composition import wiring; asyncio.run(wiring.feed())")
    assert {"engine.projecting.projector", "azure.cosmos.aio"} <= modules
    assert not (HTTP_ONLY | DESCRIBES | NEVER) & modules


def test_the_bus_never_loads_what_serves_http() -> None:
    modules = loaded(f"{SETTINGS}; from composition import wiring; asyncio.run(wiring.bus())")
    assert {"engine.consuming.messages", "azure.cosmos.aio"} <= modules
    assert not (HTTP_ONLY | NEVER) & modules


def test_the_timer_never_loads_what_serves_http() -> None:
    modules = loaded(f"{SETTINGS}; from composition import wiring; asyncio.run(wiring.timer())")
    assert {"engine.triggers.timer", "azure.cosmos.aio"} <= modules
    assert not (HTTP_ONLY | NEVER) & modules


def test_the_relay_loads_the_sdk_of_the_bus_with_its_first_message_and_nothing_that_serves_http() -> None:
    use = """
import contextlib
from composition import wiring
from engine.errors import Unavailable
from engine.messaging.first_use import BusOnFirstUse
from engine.settings import ServiceBusConnection


NOBODY = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;"

async def send():
    await wiring.feed()
    async with contextlib.AsyncExitStack() as stack:
        bus = BusOnFirstUse(ServiceBusConnection(NOBODY), stack)
        assert "azure.servicebus" not in sys.modules
        with contextlib.suppress(Unavailable):
            await bus.send("commands", [])

asyncio.run(send())
"""
    modules = loaded(SETTINGS + use)
    assert {"engine.reacting.relay", "azure.servicebus.aio"} <= modules
    assert not (HTTP_ONLY | {"azure.identity", "devstack", "emulators", "operate"}) & modules


def test_opening_the_store_imports_nothing_on_the_loop() -> None:
    use = """
from engine.storing import cosmos_account as cosmos
from engine import settings
from engine.errors import Unavailable


async def open_nothing():
    async with cosmos.open_client(settings.CosmosConnection("http://127.0.0.1:1/", "eA==")):
        raise AssertionError("nothing listens there")

before = set(sys.modules)
try:
    asyncio.run(open_nothing())
except Unavailable:
    sys.modules = {name: module for name, module in sys.modules.items() if name not in before}
"""
    assert not {name for name in loaded(use) if not name.startswith(("encodings.", "stringprep"))}


def test_http_loads_no_message_bus_and_no_identity_unasked() -> None:
    modules = loaded(f"{SETTINGS}; from composition import wiring; asyncio.run(wiring.http())")
    assert modules >= HTTP_ONLY
    assert not (DESCRIBES | DASHBOARD | NEVER) & modules


def test_the_dashboard_is_loaded_when_it_is_asked_for_and_the_bus_not_before_something_is_asked_of_it() -> None:
    modules = loaded(f"{SETTINGS}; from composition import dashboard; asyncio.run(dashboard.functions())")
    assert {"api.dashboard.functions", "api.dashboard.overview", "azure.cosmos.aio"} <= modules
    assert not (DESCRIBES | NEVER) & modules


def test_the_tools_of_assistants_are_loaded_when_one_is_called_and_the_bus_not_before_something_is_asked_of_it() -> (
    None
):
    modules = loaded(f"{SETTINGS}; from composition import dashboard; asyncio.run(dashboard.assistants())")
    assert {"api.assistants.functions", "api.why.explanation", "azure.cosmos.aio"} <= modules
    assert not (DESCRIBES | NEVER) & modules


def test_the_page_of_the_dashboard_connects_to_nothing() -> None:
    modules = loaded("import os; os.environ.clear(); from composition import dashboard; asyncio.run(dashboard.files())")
    assert "api.dashboard.files" in modules
    assert not (NEVER | {"azure.cosmos", "api.dashboard.functions"}) & modules


def test_the_description_is_loaded_when_it_is_asked_for_and_connects_to_nothing() -> None:
    modules = loaded(
        "import os; os.environ.clear(); from composition import wiring; asyncio.run(wiring.documentation())"
    )
    assert modules >= DESCRIBES
    assert not (NEVER | {"azure.cosmos"}) & modules
