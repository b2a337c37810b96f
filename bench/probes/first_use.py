"""A new process on its way to its first answer: `python -m bench.probes.first_use http|feed STARTED` (item on stdin).

Does what the Functions worker does: index the app, then run one invocation, here in steps that `composition.wiring`
takes at once. STARTED is `time.monotonic()` of whoever started the process: one clock for the machine on Linux.
"""

import sys
import time

begun = time.monotonic()

import asyncio  # noqa: E402 - what comes before is measured as the start of the interpreter
import importlib  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
from collections.abc import Awaitable, Callable, Iterator  # noqa: E402
from contextlib import contextmanager  # noqa: E402
from typing import Any  # noqa: E402

sys.modules["orjson"] = None  # type: ignore[assignment]  # installed for benchmarks alone: azure.functions would load it

steps: dict[str, float] = {}


@contextmanager
def step(name: str) -> Iterator[None]:
    since = time.monotonic()
    yield
    steps[name] = time.monotonic() - since


def handlers() -> dict[str, Callable[..., Awaitable[Any]]]:
    function_app = importlib.import_module("function_app")
    return {function.get_function_name(): function.get_user_function() for function in function_app.app.get_functions()}


async def first_use(kind: str, functions: dict[str, Callable[..., Awaitable[Any]]], item: dict[str, Any]) -> None:
    from azure import functions as func

    from composition import wiring

    with step("imports"):
        await (wiring.http() if kind == "http" else wiring.feed())
    with step("client"):
        await wiring.services()

    async def invoke(number: int) -> None:
        if kind == "feed":
            await functions["project_order_details"](func.DocumentList([func.Document.from_dict(item)]))
            return
        body = {
            "customerId": "ada",
            "lines": [{"sku": "mug", "quantity": 2, "unitPrice": {"amount": "12.50", "currency": "EUR"}}],
        }
        headers = {"idempotency-key": f"{begun}-{number}", "content-type": "application/json"}
        request = func.HttpRequest("POST", "/api/orders", headers=headers, body=json.dumps(body).encode())
        answer = await functions["place_order"](request)
        if answer.status_code != 201:
            raise AssertionError(answer.get_body())

    with step("first invocation"):
        await invoke(1)
    if kind == "http":
        with step("second invocation"):
            await invoke(2)
    print(json.dumps(steps), flush=True)
    # As the worker does: it ends without closing what the app has opened.
    os._exit(0)


def main() -> None:
    kind, started = sys.argv[1], float(sys.argv[2])
    item = json.loads(sys.stdin.read())
    steps["interpreter"] = begun - started
    with step("index"):
        functions = handlers()
    asyncio.run(first_use(kind, functions, item))


main()
