"""Every trigger of the service, in the order in which an order travels."""

from collections.abc import Callable, Mapping
from typing import Any

import azure.functions as func

from composition import wiring

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

# How soon a crashed host's leases move on, how soon new hosts get their share, and how stale a view may be;
# docs/operations.md has what each costs when idle.
LEASE_EXPIRATION_MS = 20_000
LEASE_RENEWAL_MS = 6_000
LEASE_ACQUISITION_MS = 3_000
FEED_POLL_MS = 500


# Commands


@app.function_name("place_order")
@app.route("orders", methods=["POST"])
async def place_order(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).place_order(req)


@app.function_name("cancel_order")
@app.route("orders/{orderId}/cancellation", methods=["POST"])
async def cancel_order(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).cancel_order(req)


@app.function_name("report_payment")
@app.route("orders/{orderId}/payment", methods=["POST"])
async def report_payment(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).report_payment(req)


@app.function_name("ship_order")
@app.route("orders/{orderId}/shipment", methods=["POST"])
async def ship_order(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).ship_order(req)


@app.function_name("receive_stock")
@app.route("stock/{sku}/receipts", methods=["POST"])
async def receive_stock(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).receive_stock(req)


@app.function_name("get_command")
@app.route("commands/{commandId}", methods=["GET"])
async def get_command(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).get_command(req)


# The change feed of `events`: one function per read model, and the relay to the bus, each with its own leases


def on_events(function_name: str, leases: str) -> Callable[[Callable[..., Any]], Any]:
    """Without the endless retry, the trigger drops a batch that failed."""

    def decorate(function: Callable[..., Any]) -> Any:
        retried = app.retry("exponential_backoff", "-1", minimum_interval="00:00:01", maximum_interval="00:00:30")
        triggered = app.cosmos_db_trigger(
            arg_name="documents",
            connection="COSMOS",
            database_name="%COSMOS_DATABASE%",
            container_name="events",
            lease_container_name="leases",
            lease_container_prefix=f"{leases}-",
            lease_expiration_interval=LEASE_EXPIRATION_MS,
            lease_renew_interval=LEASE_RENEWAL_MS,
            lease_acquire_interval=LEASE_ACQUISITION_MS,
            feed_poll_delay=FEED_POLL_MS,
            start_from_beginning=True,  # type: ignore[arg-type]  # annotated as a time by mistake
        )
        return app.function_name(function_name)(triggered(retried(function)))

    return decorate


@on_events("project_order_details", leases="order-details")
async def project_order_details(documents: func.DocumentList) -> None:
    await (await wiring.feed()).project("order-details", documents)


@on_events("project_order_history", leases="order-history")
async def project_order_history(documents: func.DocumentList) -> None:
    await (await wiring.feed()).project("order-history", documents)


@on_events("project_payment_status", leases="payment-status")
async def project_payment_status(documents: func.DocumentList) -> None:
    await (await wiring.feed()).project("payment-status", documents)


@on_events("project_stock_levels", leases="stock-levels")
async def project_stock_levels(documents: func.DocumentList) -> None:
    await (await wiring.feed()).project("stock-levels", documents)


@on_events("relay_events", leases="relay")
async def relay_events(documents: func.DocumentList) -> None:
    await (await wiring.feed()).relay(documents)


# The bus: one message at a time per session

FROM_THE_BUS: Mapping[str, Any] = {
    "arg_name": "message",
    "connection": "SERVICEBUS",
    "cardinality": func.Cardinality.ONE,
    # As text, the host would let a JSON body overwrite the message's metadata.
    "data_type": func.DataType.BINARY,
}


@app.function_name("handle_command")
@app.service_bus_queue_trigger(queue_name="commands", is_sessions_enabled=True, **FROM_THE_BUS)
async def handle_command(message: func.ServiceBusMessage) -> None:
    await (await wiring.bus()).consume("commands", message)


@app.function_name("react")
@app.service_bus_queue_trigger(queue_name="reactions", is_sessions_enabled=True, **FROM_THE_BUS)
async def react(message: func.ServiceBusMessage) -> None:
    await (await wiring.bus()).consume("reactions", message)


@app.function_name("notify")
@app.service_bus_topic_trigger(topic_name="events", subscription_name="notifications", **FROM_THE_BUS)
async def notify(message: func.ServiceBusMessage) -> None:
    await (await wiring.bus()).consume("notifications", message)


@app.function_name("notify_again")
@app.service_bus_queue_trigger(queue_name="notifications", **FROM_THE_BUS)
async def notify_again(message: func.ServiceBusMessage) -> None:
    await (await wiring.bus()).consume("notifications", message)


# Queries


@app.function_name("get_order")
@app.route("orders/{orderId}", methods=["GET"])
async def get_order(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).get_order(req)


@app.function_name("get_order_events")
@app.route("orders/{orderId}/events", methods=["GET"])
async def get_order_events(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).get_order_events(req)


@app.function_name("get_payment")
@app.route("orders/{orderId}/payment", methods=["GET"])
async def get_payment(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).get_payment(req)


@app.function_name("get_customer_orders")
@app.route("customers/{customerId}/orders", methods=["GET"])
async def get_customer_orders(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).get_customer_orders(req)


@app.function_name("get_stock")
@app.route("stock/{sku}", methods=["GET"])
async def get_stock(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).get_stock(req)


@app.function_name("get_stock_events")
@app.route("stock/{sku}/events", methods=["GET"])
async def get_stock_events(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).get_stock_events(req)


@app.function_name("health")
@app.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).health(req)
