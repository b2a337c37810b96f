"""The same orders, payments and stock on the `eventsourcing` library, written as its documentation does it.

Aggregates with `@event` methods, value objects by registered transcodings, an `Application` with the default
persistence ("plain old Python objects": JSON bytes in a list).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent, Transcoding

from domain.money import Money
from domain.order.events import OrderLine


class Order(Aggregate):
    @event("Placed")
    def __init__(self, customer_id: str, lines: list[OrderLine]) -> None:  # noqa: ARG002 - recorded
        self.customer_id = customer_id
        self.status = "placed"

    @event("Confirmed")
    def confirm(self) -> None:
        self.status = "confirmed"

    @event("Shipped")
    def ship(self, carrier: str, tracking_number: str) -> None:
        self.status = "shipped"
        self.carrier = carrier
        self.tracking_number = tracking_number


class Payment(Aggregate):
    @event("Requested")
    def __init__(self, order_id: str, amount: Money) -> None:
        self.order_id = order_id
        self.amount = amount
        self.status = "requested"

    @event("Declined")
    def decline(self, reference: str, reason: str) -> None:  # noqa: ARG002 - recorded
        self.status = "failed"

    @event("Processed")
    def process(self, reference: str) -> None:
        self.status = "processed"
        self.reference = reference

    def refund(self) -> None:
        if self.status != "processed":
            raise ValueError("no money has arrived")
        self._refund(self.amount)

    @event("Refunded")
    def _refund(self, amount: Money) -> None:  # noqa: ARG002 - recorded
        self.status = "refunded"


class Stock(Aggregate):
    @event("Opened")
    def __init__(self, sku: str) -> None:
        self.sku = sku
        self.on_hand = 0
        self.reserved = 0
        self.reservations: dict[str, int] = {}

    @event("Received")
    def receive(self, quantity: int) -> None:
        self.on_hand += quantity

    @event("Reserved")
    def reserve(self, order_id: str, quantity: int) -> None:
        self.reserved += quantity
        self.reservations[order_id] = quantity

    @event("Dispatched")
    def dispatch(self, order_id: str, quantity: int) -> None:
        self.on_hand -= quantity
        self.reserved -= quantity
        del self.reservations[order_id]


class MoneyAsList(Transcoding):
    type = Money
    name = "money"

    def encode(self, obj: Money) -> list[Any]:
        return [obj.amount, obj.currency]

    def decode(self, data: list[Any]) -> Money:
        return Money(*data)


class OrderLineAsList(Transcoding):
    type = OrderLine
    name = "line"

    def encode(self, obj: OrderLine) -> list[Any]:
        return [obj.sku, obj.quantity, obj.unit_price]

    def decode(self, data: list[Any]) -> OrderLine:
        return OrderLine(*data)


class Shop(Application[UUID]):
    def register_transcodings(self, transcoder: JSONTranscoder) -> None:
        super().register_transcodings(transcoder)
        transcoder.register(MoneyAsList())
        transcoder.register(OrderLineAsList())

    def refund(self, payment_id: UUID) -> None:
        payment: Payment = self.repository.get(payment_id)
        payment.refund()
        self.save(payment)


class DictTranscoder(JSONTranscoder):
    """Decodes what `json.loads` has made of a text: the same transcodings, without the parsing."""

    def decode(self, data: Any) -> Any:
        return self._resolved(data)

    def _resolved(self, value: Any) -> Any:
        if type(value) is dict:
            resolved = {key: self._resolved(each) if type(each) in _NESTED else each for key, each in value.items()}
            return self._decode_obj(resolved) if "_type_" in resolved else resolved
        return [self._resolved(each) if type(each) in _NESTED else each for each in value]


_NESTED: Final = (dict, list)


def dict_mapper(shop: Shop) -> Mapper[UUID]:
    transcoder = DictTranscoder()
    shop.register_transcodings(transcoder)
    return Mapper(transcoder)


def as_dicts(shop: Shop, aggregate: Aggregate) -> Sequence[Mapping[str, Any]]:
    """The new events of an aggregate as a store of JSON would give them back."""
    stored = [shop.mapper.to_stored_event(each) for each in aggregate.collect_events()]
    return [
        {
            "originator_id": each.originator_id,
            "originator_version": each.originator_version,
            "topic": each.topic,
            "state": json.loads(each.state),
        }
        for each in stored
    ]


def folded(mapper: Mapper[UUID], items: Sequence[Mapping[str, Any]]) -> Any:
    """As `Repository.get` does it: map each stored event, let it mutate the aggregate."""
    aggregate: Any = None
    for item in items:
        domain_event: Any = mapper.to_domain_event(StoredEvent(**item))
        aggregate = domain_event.mutate(aggregate)
    return aggregate
