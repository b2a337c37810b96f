"""`/_devstack/…`: what tests in the process do, for other processes. None of it is authenticated.

`GET health`; `GET` and `DELETE requests`, `GET requests/totals`; `GET`, `POST` and `DELETE faults`,
`POST faults/release`;
`POST split` `{"database", "container", "range"}`; `POST backup` `{"name"}`; `POST restore` `{"name", "containers"}`,
which puts back all if `containers` is left out; `POST clock` `{"freeze": true}`, `{"advance": seconds}`,
`{"resume": true}`.
"""

from __future__ import annotations

import json
from typing import Any, Final, Protocol

from aiohttp import web

from emulators.clock import Clock
from emulators.cosmos import backups
from emulators.cosmos.account import Account
from emulators.cosmos.errors import CosmosError
from emulators.cosmos.faults import Fault, Faults
from emulators.cosmos.records import RequestLog
from emulators.cosmos.requests import Request

PREFIX: Final = "_devstack"


class Controlled(Protocol):
    """What of a running server can be looked at and moved."""

    account: Account
    requests: RequestLog
    faults: Faults

    @property
    def clock(self) -> Clock: ...

    def split(self, database: str, container: str, range_id: str = "0") -> tuple[str, str]: ...


async def answer(server: Controlled, request: Request) -> web.Response:
    try:
        return _json(await _act(server, request))
    except CosmosError as error:
        return _json({"error": error.message}, error.status)
    except (ValueError, TypeError, KeyError) as error:
        return _json({"error": f"not understood: {error}"}, 400)


async def _act(server: Controlled, request: Request) -> Any:
    match (request.method, request.segments[1:]):
        case ("GET", ("health",)):
            return {"service": "cosmos", "status": "ready", "seed": server.account.seed}
        case ("GET", ("requests",)):
            return [record.to_json() for record in server.requests]
        case ("GET", ("requests", "totals")):
            return server.requests.totals()
        case ("DELETE", ("requests",)):
            server.requests.clear()
            return {}
        case ("GET", ("faults",)):
            return {"struck": server.faults.struck()}
        case ("POST", ("faults",)):
            server.faults.add(Fault.from_json(json.loads(request.body)))
            return {}
        case ("POST", ("faults", "release")):
            await server.faults.release()
            return {}
        case ("DELETE", ("faults",)):
            server.faults.clear()
            return {}
        case ("POST", ("split",)):
            where = json.loads(request.body)
            children = server.split(where["database"], where["container"], where.get("range", "0"))
            return {"children": list(children)}
        case ("POST", ("backup",)):
            backups.back_up(server.account.store, str(json.loads(request.body)["name"]))
            return {}
        case ("POST", ("restore",)):
            asked = json.loads(request.body)
            return {"restored": [*backups.restore(server.account, str(asked["name"]), asked.get("containers"))]}
        case ("POST", ("clock",)):
            _move(server.clock, json.loads(request.body))
            return {"now": server.clock.now()}
    raise CosmosError(404, f"there is no {request.method} /{'/'.join(request.segments)}")


def _move(clock: Clock, change: dict[str, Any]) -> None:
    if change.get("freeze"):
        clock.freeze()
    if "advance" in change:
        clock.advance(float(change["advance"]))
    if change.get("resume"):
        clock.resume()


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, text=json.dumps(value), content_type="application/json")
