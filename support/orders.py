"""`operate orders` shows an order, its events, those of a customer, and why an order is where it is."""

import shutil
import sys
import textwrap
from collections.abc import Mapping
from typing import Any, Final

from api.json_types import to_json
from api.why.explanation import explain
from api.why.shown import explanation_json
from api.why.situation import NothingReadable, situation_of
from composition.domain import READ_MODELS
from domain.order.aggregate import ORDER
from domain.payment.aggregate import PAYMENT
from domain.registry import FULFILMENT
from engine.commands.errors import UnknownStream
from engine.projecting.generations.known import query_of
from engine.projecting.query import PageQuery
from engine.storing.items import to_item
from operate.failure import CommandFailed, unknown
from operate.folding import Moment
from operate.messages import connected
from operate.output import print_block, print_facts, print_json, print_rows, say, visible
from operate.stored_rows import print_with_payload, row
from projections.order_details import ORDER_DETAILS, OrderDetails
from projections.order_history import ORDER_HISTORY

_PAGE: Final = 500
_WIDEST: Final = 100
_NOW: Final = Moment()


async def show(environment: Mapping[str, str], order_id: str, moment: Moment, *, as_json: bool) -> None:
    """Prints an order as it is, or was. Raises CommandFailed."""
    stream_id = ORDER.stream_id(order_id)
    async with connected(environment) as services:
        try:
            if moment == _NOW:
                seen = await services.queries.view(ORDER_DETAILS, stream_id)
            else:
                seen = await services.queries.view_at(
                    ORDER_DETAILS, stream_id, version=moment.version, time=moment.time
                )
        except UnknownStream:
            raise _no_order(order_id, moment) from None
    if as_json:
        print_json({**to_json(seen.view), "version": seen.version})
    else:
        _print_order(seen.view, seen.version)


async def events(environment: Mapping[str, str], order_id: str, limit: int, *, payload: bool, as_json: bool) -> None:
    """Prints the events of an order, its payment and its process, by time. Raises CommandFailed."""
    after = {each.stream_id(order_id): 0 for each in (ORDER, PAYMENT, FULFILMENT)}
    rows, more = list[Mapping[str, Any]](), True
    async with connected(environment) as services:
        queries = services.queries
        while more and len(rows) < limit:
            try:
                page = await queries.events(after, min(limit - len(rows), _PAGE))
            except UnknownStream:
                raise _no_order(order_id) from None
            for each in page.events:
                rows.append({"stream": each.stream_id, **row(to_item(each), queries.codec, payload=payload)})
                after[each.stream_id] = each.version
            more = page.more
    if payload and not as_json:
        for each_row in rows:
            print_with_payload(each_row)
    else:
        print_rows(rows, as_json=as_json)
    if more:
        say(f"these are the first {limit}: give a higher --limit")


async def find(environment: Mapping[str, str], customer_id: str, limit: int, *, as_json: bool) -> None:
    """Prints a row per order of a customer, the newest first. Raises CommandFailed."""
    (read_model,) = (each for each in READ_MODELS if each.name == ORDER_HISTORY.name)
    async with connected(environment) as services:
        serving = (await services.generations.looked_at(read_model)).serving
        query = query_of(read_model, serving)
        assert isinstance(query, PageQuery), "a history comes in pages"
        page = await services.queries.page(query.projection, customer_id, f"{serving}~", f"{serving}\x7f", limit)
    if not page.views:
        raise unknown(f"the history has no order of a customer {customer_id!r}")
    orders = [to_json(view) for view in page.views]
    print_rows(orders if as_json else [_in_words(each) for each in orders], as_json=as_json)
    if page.next_below is not None:
        say(f"these are the newest {limit}: give a higher --limit")


async def why(environment: Mapping[str, str], order_id: str, *, as_json: bool) -> None:
    """Says in a paragraph why an order is where it is. Raises CommandFailed."""
    async with connected(environment) as services:
        try:
            situation = await situation_of(services, order_id)
        except UnknownStream:
            raise _no_order(order_id) from None
        except NothingReadable as error:
            raise CommandFailed(f"{error}: `operate {error.obstacle.look}` shows them") from None
    explanation = explain(situation)
    if not as_json:
        width = min(shutil.get_terminal_size().columns, _WIDEST) if sys.stdout.isatty() else 0
        text = visible(explanation.text)
        print(textwrap.fill(text, width, break_on_hyphens=False, break_long_words=False) if width else text)
        if explanation.look:
            print_block("more of it", "\n".join(f"python -m operate {each}" for each in explanation.look))
        return
    print_json(explanation_json(situation, explanation))


def _no_order(order_id: str, moment: Moment = _NOW) -> CommandFailed:
    there = "" if moment == _NOW else ", or not yet then"
    return unknown(f"there is no order {order_id!r}{there}: `operate orders find` shows those of a customer")


def _print_order(order: OrderDetails, version: int) -> None:
    shown = to_json(order)
    shipment, cancellation = shown.pop("shipment") or {}, shown.pop("cancellation") or {}
    lines = shown.pop("lines")
    print_facts({**_in_words(shown), **shipment, **cancellation, "version": version})
    print()
    print_rows([_in_words(each) for each in lines], as_json=False)


def _in_words(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns an order, or a line of it, with money for people."""
    return {name: _money(value) if name in ("total", "unitPrice") else value for name, value in order.items()}


def _money(money: Mapping[str, str]) -> str:
    return f"{money['amount']} {money['currency']}"
