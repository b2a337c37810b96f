"""Values that stay the same, and that a careless change would show in."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from domain.money import Money
from domain.order.events import OrderLine, OrderPlaced
from engine.messaging.port import Received
from engine.storing.events import Metadata
from engine.testing.times import NOON

SOON: Final = NOON + timedelta(milliseconds=120)
"""With a fraction that ends in zeros."""

TEXT: Final = 'Käfer „漢字“ 🦜 "quoted" \\ back/slash \t\u2028 <&>'
DATE_TIME: Final = "2026-01-02T03:04:05.000Z"
"""A text that the Functions host would re-write."""

TRACE: Final = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
PROPERTIES: Final[Mapping[str, str | int]] = {"traceparent": TRACE, "schema": 1}
ORDER_ID: Final = "7c0e4c1a-1111-5222-8333-444455556666"
COMMAND_ID: Final = "3f1c9a52-5d8e-5b0a-9a51-000000000001"

METADATA: Final = Metadata(
    event_id="b8f5f1a2-9c1e-4f6e-8f43-5d1d5a0f7a11",
    occurred_at=SOON,
    correlation_id="3f1c9a52-5d8e-5b0a-9a51-000000000002",
    causation_id="3f1c9a52-5d8e-5b0a-9a51-000000000003",
    traceparent=TRACE,
    actor="ada-ä",
    fingerprint="n4bQgYhMfWWaL-qgxVrQFg",
)

LINES: Final = (OrderLine("mug", 2, Money(1250, "EUR")), OrderLine("poster_A2", 1, Money(0, "EUR")))
PLACED: Final = OrderPlaced(ORDER_ID, "c-1", LINES)


def received(number: int, session: str | None, body: bytes = '{"a":"ü"}'.encode(), message_id: str = "") -> Received:
    return Received(message_id or f"message-{number}", session, number, body, PROPERTIES)
