"""Answers of the REST interface: status, headers and text, of what goes well and of what does not."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import azure.functions as func

from api.interface import interface
from composition.domain import READ_MODELS
from domain.money import LARGEST_AMOUNT, Money
from domain.order.aggregate import ORDER as ORDERS
from domain.order.commands import PlaceOrder
from domain.order.events import OrderLine
from engine.commands.errors import CommandIdReused, PreconditionFailed, TooBusy, UnknownStream
from engine.commands.refusals import refusal_of
from engine.deciding.decider import DomainError
from engine.errors import AccessRefused, OutcomeUnknown, Unavailable
from engine.messaging.port import MessageTooLarge
from engine.messaging.topology import COMMAND_QUEUE
from engine.projecting.port import ViewConflict
from engine.storing.errors import (
    AppendTooLarge,
    HistoryLost,
    NewerEvent,
    StreamFull,
    UndecodableEvent,
    WrongExpectedVersion,
)
from engine.triggers.http_requests import MAX_BODY_BYTES
from engine.triggers.problems import BadRequest, Violation, problem_of
from tests.outside.rendered import text_of
from tests.outside.stories import DECLINED, LATER, ORDER, PAID, SHIPMENT, dispatched, placed, told
from tests.outside.values import DATE_TIME, TEXT
from tests.outside.world import World


def answer_json(answer: func.HttpResponse) -> dict[str, Any]:
    return {
        "status": answer.status_code,
        "mimetype": answer.mimetype,
        "charset": answer.charset,
        "headers": dict(answer.headers),
        "body": text_of(answer.get_body()),
    }


def key(text: str, **more: str) -> dict[str, str]:
    return {"Idempotency-Key": text, **more}


async def command_answers() -> Any:
    """Of every command, now and later, and what became of the later ones."""
    world = World()
    order_id = await placed(world)
    answers = {
        "receive_stock": await world.ask("receive_stock", {"quantity": 1}, headers=key("r"), sku="mug"),
        "place_order": await world.ask("place_order", ORDER, headers=key("place")),
    }
    await world.settle()
    answers["report_payment, declined"] = await world.ask("report_payment", DECLINED, orderId=order_id)
    answers["report_payment, processed"] = await world.ask("report_payment", PAID, orderId=order_id)
    other = str(json.loads((await world.ask("place_order", ORDER, headers=key("b"))).get_body())["orderId"])
    answers["cancel_order"] = await world.ask("cancel_order", {"reason": TEXT}, headers=key("c"), orderId=other)
    accepted = {
        "done": await world.ask("place_order", ORDER, headers=key("later", **LATER)),
        "refused": await world.ask("ship_order", SHIPMENT, headers=key("later", **LATER), orderId=order_id),
    }
    for status, answer in accepted.items():
        answers[f"accepted, will be {status}"] = answer
    command_ids = {status: str(json.loads(answer.get_body())["commandId"]) for status, answer in accepted.items()}
    answers["get_command, pending"] = await world.ask("get_command", commandId=command_ids["done"])
    await world.deliver(COMMAND_QUEUE)
    for status, command_id in command_ids.items():
        answers[f"get_command, {status}"] = await world.ask("get_command", commandId=command_id)
    answers["accepted, is done"] = await world.ask("place_order", ORDER, headers=key("later", **LATER))
    answers["ship_order"] = await _shipped()
    return {name: answer_json(answer) for name, answer in answers.items()}


async def _shipped() -> func.HttpResponse:
    world = World()
    order_id = await placed(world)
    await world.settle()
    await world.ask("report_payment", PAID, orderId=order_id)
    await world.settle()
    return await world.ask("ship_order", SHIPMENT, headers=key("ship"), orderId=order_id)


async def query_answers() -> Any:
    """Views of an order that was dispatched and of one that was cancelled, the streams, and pages of a history."""
    world = await told(dispatched)
    order_id = await placed(world)
    other = str(json.loads((await world.ask("place_order", ORDER, headers=key("b"))).get_body())["orderId"])
    await world.settle()
    before = await world.ask("get_payment", orderId=other)
    await world.ask("report_payment", DECLINED, orderId=other)
    await world.settle()
    none = {"If-None-Match": '"1"'}
    first = await world.ask("get_customer_orders", params={"limit": "1"}, customerId="c-1")
    continuation = {"continuation": str(json.loads(first.get_body())["continuation"])}
    answers = {
        "get_order, dispatched": await world.ask("get_order", orderId=order_id),
        "get_order, placed": await world.ask("get_order", params={"atVersion": "1"}, orderId=order_id),
        "get_order, as of": await world.ask("get_order", params={"asOf": "2026-11-23T13:00:20+01:00"}, orderId=other),
        "get_order, cancelled": await world.ask("get_order", orderId=other),
        "get_order, not modified": await world.ask(
            "get_order", headers=none, params={"atVersion": "1"}, orderId=order_id
        ),
        "get_order_events": await world.ask("get_order_events", orderId=order_id),
        "get_order_events, all": await world.ask("get_order_events", params={"all": "true"}, orderId=other),
        "get_payment, requested": before,
        "get_payment, declined": await world.ask("get_payment", orderId=other),
        "get_payment, processed": await world.ask("get_payment", orderId=order_id),
        "get_customer_orders": await world.ask("get_customer_orders", customerId="c-1"),
        "get_customer_orders, first page": first,
        "get_customer_orders, last page": await world.ask("get_customer_orders", params=continuation, customerId="c-1"),
        "get_customer_orders, nobody": await world.ask("get_customer_orders", customerId="nobody"),
        "get_sales": await world.ask("get_sales"),
        "get_sales, of another hour": await world.ask("get_sales", params={"to": "2026-11-23T12:00:00Z"}),
        "get_stock": await world.ask("get_stock", sku="mug"),
        "get_stock_events": await world.ask("get_stock_events", sku="mug"),
        "health": await world.ask("health"),
    }
    return {name: answer_json(answer) for name, answer in answers.items()}


async def malformed_requests() -> Any:
    """The problem of every request that cannot be understood."""
    world = World()

    async def place(body: Any, **headers: str) -> func.HttpResponse:
        return await world.ask("place_order", body, headers={name.replace("_", "-"): v for name, v in headers.items()})

    async def seen(function: str = "get_order", orderId: str = "o-1", **params: str) -> func.HttpResponse:  # noqa: N803
        return await world.ask(function, params=params, orderId=orderId, customerId="c-1")

    line = ORDER["lines"][0]
    answers = {
        "no JSON": await place(b"no JSON"),
        "the same key twice": await place(b'{"a":1,"a":2}'),
        "no number of JSON": await place(b'{"a":NaN}'),
        "nested too deeply": await place(b"[" * MAX_BODY_BYTES),
        "another kind of body": await place([]),
        "violations": await place({"customerId": "a b", "lines": [{"sku": 1, "quantity": 0}], "more": TEXT}),
        "violation, amount": await place(
            {**ORDER, "lines": [{**line, "unitPrice": {"amount": "1.234", "currency": "EUR"}}]}
        ),
        "violation, two currencies": await place(
            {**ORDER, "lines": [line, {**line, "unitPrice": {"amount": "1", "currency": "JPY"}}]}
        ),
        "violation, payment": await world.ask("report_payment", {**DECLINED, "outcome": "processed"}, orderId="o-1"),
        "Idempotency-Key": await place(ORDER, Idempotency_Key="ä"),
        "If-Match": await place(ORDER, If_Match='W/"3"'),
        "id in the path": await seen(orderId="a b"),
        "minVersion": await seen(minVersion="-1"),
        "atVersion": await seen(atVersion="0"),
        "asOf": await seen(asOf="yesterday"),
        "two moments": await seen(atVersion="1", asOf=DATE_TIME),
        "all": await seen("get_order_events", all="yes"),
        "limit": await seen("get_customer_orders", limit="0"),
        "continuation": await seen("get_customer_orders", continuation="forged"),
        "a chunked body": await place(b"", Transfer_Encoding="chunked"),
        "a large body": await place(b" " * (MAX_BODY_BYTES + 1)),
        "any other": problem_of(BadRequest(TEXT, status=418, title="A title", violations=[Violation("/a~1b", TEXT)])),
    }
    return {name: answer_json(answer) for name, answer in answers.items()}


async def failures() -> Any:
    """The answer to every error that a use case or a store may raise, and to a request that the host gives up."""
    errors: Mapping[str, Exception] = {
        "unknown stream": UnknownStream("order-1"),
        "precondition failed": PreconditionFailed(3, 4),
        "append too large": AppendTooLarge(TEXT),
        "stream full": StreamFull("order-1"),
        "command id reused": CommandIdReused(),
        "too busy": TooBusy("busy"),
        "too busy, for long": TooBusy("busy", 2.1),
        "store unavailable": Unavailable("away"),
        "store unavailable, for a moment": Unavailable("away", 0.001),
        "outcome unknown": OutcomeUnknown("lost"),
        "view store unavailable": Unavailable("away", 7),
        "consumers' store away": Unavailable("away", 3),
        "bus unavailable": Unavailable("away", 4.5),
        "newer event": NewerEvent("order-1", 2, "OrderPraised", 1),
        "store refused": AccessRefused("no"),
        "history lost": HistoryLost("order-1"),
        "wrong expected version": WrongExpectedVersion("order-1", 3),
        "undecodable event": UndecodableEvent("order-1", 2, "why"),
        "view store refused": AccessRefused("no"),
        "view conflict": ViewConflict("v"),
        "consumers' store refuses": AccessRefused("no"),
        "bus refused": AccessRefused("no"),
        "message too large": MessageTooLarge("no"),
        "any other": KeyError("secret"),
    }

    async def given_up() -> Any:
        raise asyncio.CancelledError

    cancelled = await interface(given_up, READ_MODELS, trust_easyauth=False).engine.query(
        "stock-levels", func.HttpRequest("GET", "http://localhost/api", route_params={"sku": "mug"}, body=b"")
    )
    missing = await World().ask("get_command", commandId="c-1")
    answers = {name: problem_of(error) for name, error in errors.items()}
    return {
        name: answer_json(answer)
        for name, answer in {**answers, "given up by the host": cancelled, "no such command": missing}.items()
    }


async def refusals() -> Any:
    """What the business says no with: kind and title come from the names of classes."""
    return {
        type(error).__name__ + ("" if error.args[0] in (TEXT, "") else f": {error}"): _refused(error)
        for error in (*_domain_errors(DomainError), *_invalid_orders())
    }


def _refused(error: DomainError) -> dict[str, Any]:
    refusal = refusal_of(error)
    assert refusal is not None
    return {"type": refusal.type, "title": refusal.title, "answer": answer_json(problem_of(error))}


def _domain_errors(root: type[DomainError]) -> Iterator[DomainError]:
    """One of each of the service's own; those with a message of their own take none."""
    for cls in sorted(root.__subclasses__(), key=lambda each: each.__name__):
        if not cls.__module__.startswith("tests."):
            yield cls() if "__init__" in vars(cls) else cls(TEXT)
            yield from _domain_errors(cls)


def _invalid_orders() -> Iterator[DomainError]:
    def line(quantity: int, amount: int, currency: str = "EUR") -> OrderLine:
        return OrderLine("mug", quantity, Money(amount, currency))

    for lines in ((), (line(0, 1),), (line(1, 1), line(1, 1, "JPY")), (line(2, LARGEST_AMOUNT),)):
        try:
            ORDERS.decider.decide(PlaceOrder("o-1", "c-1", lines), ORDERS.decider.initial)
        except DomainError as error:
            yield error
