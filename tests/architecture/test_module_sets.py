"""What a fresh process loads: cold starts are made of imports."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HTTP_ONLY = {"pydantic", "triggers.http", "triggers.http_models"}
NEVER = {"azure.servicebus", "azure.identity", "devstack", "operate", "requests"}


def loaded(statements: str) -> set[str]:
    """The modules of a fresh process after these statements."""
    code = f"import asyncio, json, sys\n{statements}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_indexing_loads_the_library_and_nothing_of_ours_but_the_wiring() -> None:
    ours = {name for name in loaded("import function_app") if (ROOT / name.split(".")[0]).is_dir()}
    assert {"composition", "composition.wiring"} == ours


def test_indexing_reads_no_settings_and_connects_to_nothing() -> None:
    modules = loaded("import os; os.environ.clear(); import function_app")
    assert not {"azure.cosmos", "aiohttp", "cattrs", "pydantic"} & modules


def test_the_feed_never_loads_what_serves_http() -> None:
    modules = loaded("import composition.services; from composition import wiring; asyncio.run(wiring.feed())")
    assert {"consumers.batch", "azure.cosmos.aio"} <= modules
    assert not (HTTP_ONLY | NEVER) & modules


def test_the_bus_never_loads_what_serves_http() -> None:
    modules = loaded("import composition.services; from composition import wiring; asyncio.run(wiring.bus())")
    assert {"consumers.messages", "azure.cosmos.aio"} <= modules
    assert not (HTTP_ONLY | NEVER) & modules


def test_http_loads_no_message_bus_and_no_identity_unasked() -> None:
    settings = "import os; os.environ.update(COSMOS='AccountEndpoint=http://x/;AccountKey=eA==', COSMOS_DATABASE='x', SERVICEBUS='Endpoint=sb://x;SharedAccessKey=k')"
    use = "import composition.services; from composition import wiring; asyncio.run(wiring.http())"
    modules = loaded(f"{settings}; {use}")
    assert modules >= HTTP_ONLY
    assert not NEVER & modules
