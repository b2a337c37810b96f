"""The transport of the SDK, which counts the charge of each round trip to Cosmos DB, and adds a span and metrics.

The names follow OpenTelemetry's semantic conventions for Azure Cosmos DB:
https://opentelemetry.io/docs/specs/semconv/database/cosmosdb/
"""

import time
from typing import Any, Final

from azure.core.pipeline.transport import AioHttpTransport

from engine.telemetry import charges, metrics, spans
from engine.telemetry.instruments import REQUEST_CHARGE, REQUEST_DURATION

_THROTTLED: Final = 429
_WRITES: Final = {"PUT": "replace_item", "DELETE": "delete_item", "PATCH": "patch_item"}


class TracedTransport(AioHttpTransport):  # type: ignore[misc]  # the SDK says nothing of its type
    async def send(self, request: Any, **config: Any) -> Any:
        if not spans.are_traced():
            response = await super().send(request, **config)
            charges.add(_charge(response))
            return response
        container, operation = _described(request)
        named = {"db.system.name": "azure.cosmosdb", "db.operation.name": operation}
        if container:
            named["db.collection.name"] = container
        began, cause, ended = time.perf_counter(), {**named, "work": metrics.work()}, dict[str, str]()
        try:
            with spans.span(f"{operation} {container}".rstrip(), kind="client", attributes=named) as span:
                response = await super().send(request, **config)
                charge = _charge(response)
                charges.add(charge)
                ended["db.response.status_code"] = str(response.status_code)
                if span.is_recording:
                    span.set(
                        {
                            **ended,
                            "azure.cosmosdb.response.sub_status_code": int(response.headers.get("x-ms-substatus", 0)),
                            "azure.cosmosdb.operation.request_charge": charge,
                        }
                    )
                if response.status_code == _THROTTLED or response.status_code >= 500:
                    span.fail(str(response.status_code))
            metrics.record(REQUEST_CHARGE, charge, cause)
            return response
        except BaseException as error:
            ended["error.type"] = type(error).__name__
            raise
        finally:
            metrics.record(REQUEST_DURATION, time.perf_counter() - began, {**cause, **ended})


def _charge(response: Any) -> float:
    return float(response.headers.get("x-ms-request-charge", 0))


def _described(request: Any) -> tuple[str, str]:
    """Returns the container and the operation of a request. Ids are no part of them."""
    # <scheme>://<account>/dbs/<database>/colls/<container>/docs/<item>
    parts = request.url.rstrip("/").split("/")[3:]
    headers, method = request.headers, request.method
    if len(parts) < 5 or parts[4] != "docs":
        return "", "read_metadata" if method == "GET" else "change_metadata"
    if headers.get("x-ms-cosmos-is-batch-request"):
        operation = "execute_batch"
    elif headers.get("x-ms-documentdb-isquery") or headers.get("x-ms-cosmos-is-query-plan-request"):
        operation = "query_items"
    elif headers.get("A-IM"):
        operation = "query_items_change_feed"
    elif method == "GET":
        operation = "read_item" if len(parts) > 5 else "read_all_items"
    elif method == "POST":
        operation = "upsert_item" if headers.get("x-ms-documentdb-is-upsert") else "create_item"
    else:
        operation = _WRITES[method]
    return parts[3], operation
