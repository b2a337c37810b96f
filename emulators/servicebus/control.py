"""The control port, HTTP: what tests in the process do, for other processes. None of it is authenticated.

`GET health`; `GET entities` (how many messages wait, by state); `GET`, `POST` and `DELETE faults`;
`POST clock` `{"freeze": true}`, `{"advance": seconds}`, `{"resume": true}`. All below `/_devstack/`.
"""

from __future__ import annotations

import json
from typing import Any, Final, Protocol

from aiohttp import web

from emulators.clock import Clock
from emulators.servicebus.faults import Fault, Faults
from emulators.servicebus.namespace import Namespace
from emulators.servicebus.queue import Queue
from emulators.servicebus.store import ACTIVE, DEFERRED, SCHEDULED, Store
from emulators.servicebus.topic import Topic

PREFIX: Final = "/_devstack/"


class Controlled(Protocol):
    """What of a running broker can be looked at and moved."""

    namespace: Namespace
    store: Store
    faults: Faults
    clock: Clock
    seed: int

    def advance(self, seconds: float) -> None: ...

    def freeze(self) -> None: ...

    def resume(self) -> None: ...


async def answer(server: Controlled, request: web.BaseRequest) -> web.Response:
    try:
        found = _act(server, request.method, request.path.removeprefix(PREFIX), await request.text())
    except (ValueError, TypeError, KeyError) as error:
        return _json({"error": f"not understood: {error}"}, 400)
    if found is None:
        return _json({"error": f"there is no {request.method} {request.path}"}, 404)
    return _json(found)


def _act(server: Controlled, method: str, path: str, body: str) -> Any:
    match (method, path):
        case ("GET", "health"):
            return {"service": "servicebus", "status": "ready", "seed": server.seed}
        case ("GET", "entities"):
            return entities(server)
        case ("GET", "faults"):
            return {"struck": server.faults.struck()}
        case ("POST", "faults"):
            server.faults.add(Fault.from_json(json.loads(body)))
            return {}
        case ("DELETE", "faults"):
            server.faults.clear()
            return {}
        case ("POST", "clock"):
            change = json.loads(body)
            if change.get("freeze"):
                server.freeze()
            if "advance" in change:
                server.advance(float(change["advance"]))
            if change.get("resume"):
                server.resume()
            return {"now": server.clock.now()}
    return None


def entities(server: Controlled) -> dict[str, dict[str, int]]:
    """By name, how many messages each queue, subscription and their dead letters hold, and topics have scheduled."""
    namespace = server.namespace
    found = {}
    everything: list[Queue | Topic] = [*namespace.queues.values(), *namespace.topics.values()]
    for entity in everything:
        counts = server.store.count(entity.number)
        names = {"active": ACTIVE, "deferred": DEFERRED, "scheduled": SCHEDULED}
        found[entity.name] = {name: counts.get(state, 0) for name, state in names.items()}
    return found


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, text=json.dumps(value), content_type="application/json")
