"""Every trigger of the service is declared here, in the order in which an order travels."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import azure.functions as func

from composition import dashboard, wiring

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)

OF_OPERATORS = func.AuthLevel.FUNCTION if dashboard.operators_have_keys() else func.AuthLevel.ANONYMOUS

# These times decide how soon another host takes over the leases of a crashed one, how soon a new host gets leases, how
# far a view may lag, and how soon what follows from an event begins; docs/operations.md says what each costs when idle.
LEASE_EXPIRATION_MS = 20_000
LEASE_RENEWAL_MS = 6_000
LEASE_ACQUISITION_MS = 3_000
VIEW_POLL_MS = 200
RELAY_POLL_MS = 100


# Commands


@app.function_name("place_order")
@app.route("orders", methods=["POST"])
async def place_order(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).orders.place(req)


@app.function_name("cancel_order")
@app.route("orders/{orderId}/cancellation", methods=["POST"])
async def cancel_order(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).orders.cancel(req)


@app.function_name("report_payment")
@app.route("orders/{orderId}/payment", methods=["POST"])
async def report_payment(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).payments.report(req)


@app.function_name("ship_order")
@app.route("orders/{orderId}/shipment", methods=["POST"])
async def ship_order(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).orders.ship(req)


@app.function_name("receive_stock")
@app.route("stock/{sku}/receipts", methods=["POST"])
async def receive_stock(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).stock.receive(req)


@app.function_name("get_command")
@app.route("commands/{commandId}", methods=["GET"])
async def get_command(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).engine.get_command(req)


# The change feed of `events`: the projections and the relay, each with its own leases


def on_events(function_name: str, leases: str, poll_ms: int) -> Callable[[Callable[..., Any]], Any]:
    """Decorates a function on the change feed. Without the endless retry, the trigger drops a batch that failed."""

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
            feed_poll_delay=poll_ms,
            start_from_beginning=True,  # type: ignore[arg-type]  # annotated as a time by mistake
        )
        return app.function_name(function_name)(triggered(retried(function)))

    return decorate


READ_MODELS_OF: dict[str, str] = {}
"""Maps each function that answers from a read model to the name of that."""


def read_model(name: str, *, query: str, route: str) -> None:
    """Declares a function of the change feed, with its own leases, that projects, and an HTTP function that queries."""

    READ_MODELS_OF[query] = name

    @on_events(f"project_{name.replace('-', '_')}", leases=name, poll_ms=VIEW_POLL_MS)
    async def project(documents: func.DocumentList) -> None:
        await (await wiring.feed()).project(name, documents)

    @app.function_name(query)
    @app.route(route, methods=["GET"])
    async def answer(req: func.HttpRequest) -> func.HttpResponse:
        return await (await wiring.http()).engine.query(name, req)


read_model("order-details", query="get_order", route="orders/{orderId}")
read_model("order-history", query="get_customer_orders", route="customers/{customerId}/orders")
read_model("payment-status", query="get_payment", route="orders/{orderId}/payment")
read_model("stock-levels", query="get_stock", route="stock/{sku}")
read_model("sales", query="get_sales", route="sales")


@on_events("relay_events", leases="relay", poll_ms=RELAY_POLL_MS)
async def relay_events(documents: func.DocumentList) -> None:
    await (await wiring.feed()).relay(documents)


# The bus: one message at a time per session

FROM_THE_BUS: Mapping[str, Any] = {
    "arg_name": "message",
    "connection": "SERVICEBUS",
    "cardinality": func.Cardinality.ONE,
    # If the body came as text, the host would let a JSON body overwrite the message's metadata.
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


# What an older build could not read is parked until a build that can is deployed, and gauges have to be measured. One
# function does both: each one has instances of its own


@app.function_name("every_minute")
@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
async def every_minute(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the binding needs a parameter
    await (await wiring.timer()).every_minute()


# The events of streams


@app.function_name("get_order_events")
@app.route("orders/{orderId}/events", methods=["GET"])
async def get_order_events(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).orders.events(req)


@app.function_name("get_stock_events")
@app.route("stock/{sku}/events", methods=["GET"])
async def get_stock_events(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).stock.events(req)


@app.function_name("health")
@app.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).engine.health(req)


@app.function_name("health_details")
@app.route("health/details", methods=["GET"])
async def health_details(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.http()).engine.health_details(req)


# What the routes take and answer


@app.function_name("get_openapi")
@app.route("openapi.json", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def get_openapi(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.documentation()).openapi(req, app, READ_MODELS_OF)


@app.function_name("get_docs")
@app.route("docs", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def get_docs(req: func.HttpRequest) -> func.HttpResponse:
    return await (await wiring.documentation()).docs(req, app, READ_MODELS_OF)


# The dashboard


@app.function_name("get_dashboard")
@app.route("dashboard", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def get_dashboard(req: func.HttpRequest) -> func.HttpResponse:
    return await (await dashboard.files()).page(req)


@app.function_name("get_dashboard_file")
@app.route("dashboard/files/{file}", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def get_dashboard_file(req: func.HttpRequest) -> func.HttpResponse:
    return await (await dashboard.files()).file(req)


@app.function_name("read_dashboard")
@app.route("dashboard/data/{what}", methods=["GET"], auth_level=OF_OPERATORS)
async def read_dashboard(req: func.HttpRequest) -> func.HttpResponse:
    return await (await dashboard.functions()).read(req)


@app.function_name("release_parked")
@app.route("dashboard/releases", methods=["POST"], auth_level=OF_OPERATORS)
async def release_parked(req: func.HttpRequest) -> func.HttpResponse:
    return await (await dashboard.functions()).release(req)


# What assistants may ask, where OPERATORS_TOOLS is on: some of what the dashboard reads, and nothing that users wrote


def tool(name: str, description: str, *properties: Mapping[str, Any]) -> Callable[[Callable[..., Any]], Any]:
    """Decorates a function that is a tool. It shapes its result itself: that of a failure has to say what failed."""

    def decorate(function: Callable[..., Any]) -> Any:
        triggered = app.mcp_tool_trigger("call", name, description, json.dumps(properties), use_result_schema=True)
        return app.function_name(name)(triggered(function))

    return decorate


def argument(name: str, of_type: str, description: str, *, required: bool = False) -> Mapping[str, Any]:
    return {"propertyName": name, "propertyType": of_type, "description": description, "isRequired": required}


if dashboard.assistants_may_ask():
    ORDER_ID = argument("orderId", "string", "The id of an order.", required=True)

    @tool("explain_order", "Says why an order does not go on: what it waits for, and what is in its way.", ORDER_ID)
    async def explain_order(call: str) -> str:
        return await (await dashboard.assistants()).explain(call)

    @tool(
        "show_order",
        "Shows an order: its status, lines and total, as it is now, or as it was at a version or at a time.",
        ORDER_ID,
        argument("version", "integer", "A version of the order: 1 is as it was placed."),
        argument("asOf", "string", "A date-time with a zone, such as 2026-11-23T12:00:00Z."),
    )
    async def show_order(call: str) -> str:
        return await (await dashboard.assistants()).show(call)

    @tool("list_waiting", "Lists what is parked, by whom and why, and counts the messages that the bus gave up.")
    async def list_waiting(call: str) -> str:
        return await (await dashboard.assistants()).list_waiting(call)
