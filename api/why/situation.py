"""What is known of an order is read: its streams, what of them is parked or dead, and how far the relay is."""

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any, Final

from api.dashboard.story import asked_of_stock
from api.why.explanation import Obstacle, Situation
from domain.fulfilment.waiting import waits
from domain.order.aggregate import ORDER
from domain.payment.aggregate import PAYMENT
from domain.registry import FULFILMENT
from engine.clock import utc_now
from engine.commands.errors import UnknownStream
from engine.errors import AdapterError
from engine.messaging.port import Received
from engine.messaging.topology import CONSUMERS
from engine.reacting.relay import CONSUMER as RELAY
from engine.services import Services
from engine.storing.errors import NewerEvent, UndecodableEvent
from engine.storing.events import RecordedEvent, StoredEvent
from engine.storing.pages import pages
from projections.order_details import BY_ORDER

Events = Sequence[tuple[StoredEvent, RecordedEvent[Any]]]

_BEHIND_SECONDS: Final = 60
_PAGE: Final = 100
_MOST_DEAD_LETTERS: Final = 1_000
"""Of each entity, so many are looked through."""


class NothingReadable(Exception):
    """Is raised for an order whose streams begin with what this build cannot read; `obstacle` is where."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(f"no event of {obstacle.where} can be read")
        self.obstacle = obstacle


async def situation_of(services: Services, order_id: str) -> Situation:
    """Returns all that is known of an order. Raises UnknownStream and NothingReadable."""
    obstacles = list[Obstacle]()
    order, payment, process = [
        await _events(services, aggregate.stream_id(order_id), obstacles) for aggregate in (ORDER, PAYMENT, FULFILMENT)
    ]
    if not (order or payment or process):
        if obstacles:
            raise NothingReadable(obstacles[0])
        raise UnknownStream(ORDER.stream_id(order_id), BY_ORDER.unknown)
    state = FULFILMENT.decider.fold(FULFILMENT.decider.initial, [recorded.event for _, recorded in process])
    waited_for = {each.stream_id for each in waits(order_id, state)}
    streams = {each.stream_id(order_id) for each in (ORDER, PAYMENT, FULFILMENT)} | waited_for
    stock = [each async for each in _of_stock(services, process, waited_for)]
    obstacles += [each async for each in _parked_streams(services, streams)]
    obstacles += [each async for each in _parked_messages(services, streams, order_id)]
    no_dead_letters = None
    try:
        obstacles += [each async for each in _dead_letters(services, streams, order_id)]
    except AdapterError as error:
        no_dead_letters = str(error)
    obstacles += [each async for each in _behind(services)]
    return Situation(
        order_id=order_id,
        now=utc_now(),
        order=[recorded for _, recorded in order],
        payment=[recorded for _, recorded in payment],
        process=[recorded for _, recorded in process],
        stock=stock,
        obstacles=obstacles,
        no_dead_letters=no_dead_letters,
    )


async def _events(services: Services, stream_id: str, obstacles: list[Obstacle]) -> Events:
    """Returns the events of a stream, up to the first one that this build cannot read."""
    found = list[tuple[StoredEvent, RecordedEvent[Any]]]()
    try:
        async for page in pages(services.queries.store, stream_id):
            for each in page:
                found.append((each, services.queries.codec.decode(each)))
    except (NewerEvent, UndecodableEvent) as error:
        says = "it is newer than this build" if isinstance(error, NewerEvent) else "this build cannot read it"
        look = f"streams show {stream_id} --from {error.version}"
        obstacles.append(Obstacle("unreadable", stream_id, f"event {error.version}", says, look))
    return found


async def _of_stock(
    services: Services, process: Events, waited_for: Collection[str]
) -> AsyncIterator[RecordedEvent[Any]]:
    """Yields what came of the commands to the stock that is waited for: its streams are too long to be read."""
    asked = asked_of_stock((stored, recorded.event) for stored, recorded in process)
    for stream_id, command_ids in asked.items():
        if stream_id in waited_for:
            for each in await services.queries.store.of_commands(stream_id, command_ids):
                yield services.queries.codec.decode(each)


async def _parked_streams(services: Services, streams: Collection[str]) -> AsyncIterator[Obstacle]:
    for consumer in services.feed_consumers:
        index = await services.parked_streams.index(consumer)
        for stream_id in sorted(index.stream_ids & {*streams}):
            if parked := await services.parked_streams.get(consumer, stream_id):
                look = f"parked show {consumer} {stream_id}"
                yield Obstacle("parked", consumer, f"stream {stream_id}", parked.error, look, parked.at)


async def _parked_messages(services: Services, streams: Collection[str], order_id: str) -> AsyncIterator[Obstacle]:
    for consumer in services.consumers:
        for session_id in sorted(await services.parked.sessions(consumer) & {*streams}):
            if session := await services.parked.session(consumer, session_id):
                look = f"parked show {consumer} {session_id}"
                failure = session.failure
                yield Obstacle("parked", consumer, f"session {session_id}", failure.error, look, failure.at)
        for alone in await services.parked.alone(consumer):
            if _is_about(alone.message, streams, order_id):
                look = f"parked show {consumer} {alone.key}"
                yield Obstacle("parked", consumer, f"message {alone.key}", alone.failure.error, look, alone.failure.at)


async def _dead_letters(services: Services, streams: Collection[str], order_id: str) -> AsyncIterator[Obstacle]:
    for entity in CONSUMERS:
        after = looked_through = 0
        while looked_through < _MOST_DEAD_LETTERS:
            page = await services.dead_letters.dead_letters(entity, after, _PAGE)
            if not page:
                break
            for each in page:
                after = each.message.sequence_number
                if _is_about(each.message, streams, order_id):
                    says = " ".join(filter(None, (each.reason, each.description))) or "no reason given"
                    look = f"dead-letters show {entity} {after}"
                    yield Obstacle("dead", entity, f"message {after}", says, look, each.enqueued_at)
            looked_through += len(page)


async def _behind(services: Services) -> AsyncIterator[Obstacle]:
    """The relay, since everything that the service does about an order goes through it."""
    for each in await services.lags.of([RELAY], utc_now()):
        if each.state != "owned" or (each.seconds or 0) > _BEHIND_SECONDS:
            seconds = "" if each.seconds is None else f", and it is {each.seconds:.0f} s behind"
            says = f"its lease is {each.state}{seconds}"
            yield Obstacle("behind", RELAY, f"partition {each.partition}", says, "projections status")


def _is_about(message: Received, streams: Collection[str], order_id: str) -> bool:
    return message.session_id in streams or order_id.encode() in message.body
