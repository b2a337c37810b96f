"""Part 3b: load, decide, append with no database in the way, beside the `eventsourcing` library."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from bench import library
from bench.material import CODEC, new_context, new_id
from domain.money import Money
from domain.payment.aggregate import PAYMENT
from domain.payment.commands import DeclinePayment, ProcessPayment, RefundPayment, RequestPayment
from emulators.bench.measure import interleaved_async
from emulators.bench.report import Goal, Table
from emulators.bench.scale import Scale
from engine.commands.handler import CACHE_BYTES, CommandHandler
from engine.storing.errors import WrongExpectedVersion
from engine.storing.events import StoredEvent
from engine.storing.items import from_item, to_items
from engine.storing.memory import MemoryEventStore, MemorySnapshotStore
from engine.storing.port import PAGE, Appended, Head
from engine.triggers.http_requests import CommandRequest

_COMMANDS: Final = 300
_AMOUNT: Final = Money(1250, "EUR")


# Made once, as the library makes its encoder once: `json.dumps` with options makes one per call.
_to_text: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class TextStore(MemoryEventStore):
    """Keeps JSON text, as the library's recorder does: events are encoded to it and decoded from it."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[str, list[str]] = {}
        self._taken: set[tuple[str, str]] = set()

    async def read(self, stream_id: str, after: int = 0, limit: int = PAGE) -> Sequence[StoredEvent]:
        return [from_item(json.loads(text)) for text in self._texts.get(stream_id, [])[after : after + limit]]

    async def append(self, stream_id: str, expected: Head, events: Sequence[StoredEvent]) -> Appended:
        stream = self._texts.setdefault(stream_id, [])
        keys = {(stream_id, event.command_key) for event in events}
        if len(stream) != expected.version or keys & self._taken:
            raise WrongExpectedVersion(stream_id, expected.version)
        stream += [_to_text(item) for item in to_items(events)]
        self._taken |= keys
        return Appended(history_intact=True)


async def run(scale: Scale) -> Sequence[Table]:
    cold, warm = _Ours(cache_bytes=0), _Ours(cache_bytes=CACHE_BYTES)
    plain, caching = _Theirs({}), _Theirs({"AGGREGATE_CACHE_MAXSIZE": "0", "AGGREGATE_CACHE_FASTFORWARD": "n"})
    sides: Mapping[str, _Ours | _Theirs] = {
        "ours": cold,
        "ours, warm cache": warm,
        "library": plain,
        "library, its cache": caching,
    }
    for number in range(scale.rounds + 1):
        for side in sides.values():
            await side.prepare(number)
    work = {name: side.refund for name, side in sides.items()}
    timings = await interleaved_async(work, scale.rounds, _COMMANDS, time.process_time)
    no_cache = timings.ratio("library", "ours")
    with_cache = timings.ratio("library", "ours, warm cache")
    both_cache = timings.ratio("library, its cache", "ours, warm cache")
    return [
        Table(
            "Load, decide, append in memory",
            f"""
            {_COMMANDS} payments with three events (requested, declined, processed) are refunded, one after the other,
            each a load, a decision, and an append of one event; {scale.rounds} rounds, in turns. No database, no I/O.
            ours: `CommandHandler` over a store that keeps JSON text, in an event loop: stream queue, uniqueness
            of version and command key, events with ids of command, correlation and cause, traceparent and fingerprint.
            library: `Application` with its default persistence, `repository.get`, a method of the aggregate, `save`.
            Without a cache both decode three events from JSON and encode one. With ours warm, nothing is loaded; the
            library's own cache (no fast-forward) copies the aggregate deeply each time.
            """,
            ["", "µs per command", "library is slower, times"],
            [
                ["library, no cache (its default)", timings.median("library") * 1e6, 1.0],
                ["ours, no cache", timings.median("ours") * 1e6, no_cache],
                ["ours, warm cache", timings.median("ours, warm cache") * 1e6, with_cache],
                ["library, its cache", timings.median("library, its cache") * 1e6, None],
                ["ours, warm cache, over library, its cache", None, both_cache],
            ],
            [
                Goal("load, decide, append in memory, no cache", 1.5, no_cache, at_least=True),
                Goal("the same with our cache warm, library as it is by default", 3.0, with_cache, at_least=True),
            ],
        )
    ]


class _Ours:
    def __init__(self, cache_bytes: int) -> None:
        self._handler = CommandHandler(
            store=TextStore(),
            snapshots=MemorySnapshotStore(),
            codec=CODEC,
            clock=lambda: datetime.now(UTC),
            new_id=new_id,
            sleep=asyncio.sleep,
            cache_bytes=cache_bytes,
        )
        self._orders: dict[int, list[tuple[str, CommandRequest[None]]]] = {}

    async def prepare(self, number: int) -> None:
        self._orders[number] = [(new_id(), new_context()) for _ in range(_COMMANDS)]
        for order_id, _ in self._orders[number]:
            for command in (
                RequestPayment(order_id, _AMOUNT),
                DeclinePayment("P-1", "insufficient funds"),
                ProcessPayment("P-2"),
            ):
                await self._handler.handle(PAYMENT, new_context().to(PAYMENT.stream_id(order_id), command))

    async def refund(self, number: int) -> None:
        for order_id, context in self._orders[number]:
            await self._handler.handle(PAYMENT, context.to(PAYMENT.stream_id(order_id), RefundPayment()))


class _Theirs:
    def __init__(self, env: dict[str, str]) -> None:
        self._shop = library.Shop(env)
        self._payments: dict[int, list[UUID]] = {}

    async def prepare(self, number: int) -> None:
        self._payments[number] = [self._paid() for _ in range(_COMMANDS)]

    async def refund(self, number: int) -> None:
        for payment_id in self._payments[number]:
            self._shop.refund(payment_id)

    def _paid(self) -> UUID:
        payment = library.Payment(new_id(), _AMOUNT)
        payment.decline("P-1", "insufficient funds")
        payment.process("P-2")
        self._shop.save(payment)
        return payment.id


async def _never(_attempt: int) -> None:
    raise AssertionError("nobody else writes these streams")
