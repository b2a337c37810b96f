"""`operate demo parked` parks messages on purpose, for whoever wants to know what to do about them."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

from domain.stock.aggregate import STOCK
from domain.stock.commands import ReceiveStock
from engine.clock import utc_now
from engine.consuming.parked.known import KEPT_FOR
from engine.consuming.parked.port import Failure, ParkedAlone, ParkedStore
from engine.messaging.envelope import CommandEnvelope, Origin
from engine.messaging.port import Message, Received, send_all
from engine.messaging.topology import COMMAND_QUEUE
from engine.services import Services
from operate.failure import CommandFailed
from operate.messages import connected
from operate.output import say
from operate.target import Place

_NAME: Final = "practice"
_PATIENCE_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.2
_TRACEPARENT: Final = "00-0000000000000000000000000000f00d-000000000000f00d-00"
_UNREADABLE: Final = b"{ this is no JSON"
_CAUSE: Final = "PractisedDefect: the handler had a defect, which has been mended since"

_PARKED: Final = """\
parked, both of the queue commands:
  {key}
      a message that is no JSON: its consumer cannot read it, and it holds nobody
  {session}
      two commands, of which the first failed as if its handler had had a defect: the second waits behind it

what to try, and what it answers:
  {operate} parked list
      a row for each of them, with the error
  {operate} parked show commands {session}
      the error, where it was raised, and the two commands that wait, in order
  {operate} parked release commands --name {session}
      released: yes. The defect is mended, both are handled, and the service has 10 units of {sku}
  {operate} parked release commands --name '{key}'
      released: no, and exit status 4. What nobody can read stays parked: its sender has to be mended
  {operate} parked discard commands --name '{key}'
      the whole message, and exit status 4; with --yes it is taken away too
  {operate} demo parked --remove
      what is left of all this is gone"""


def require_here(at: Sequence[Place]) -> None:
    """Raises CommandFailed for an account elsewhere: nobody practises on what others work with."""
    for place in at:
        if not place.is_here:
            raise CommandFailed(
                f"{place.name} is not on this machine: `make run`, or --elsewhere for an environment that is for tests"
            )


async def run(environment: Mapping[str, str]) -> None:
    """Parks a message alone and a session, and says what to try. Raises CommandFailed."""
    sku = f"{_NAME}-{secrets.token_hex(3)}"
    async with connected(environment) as services:
        await _park_session(services, sku)
        await send_all(services.bus, COMMAND_QUEUE, [_unreadable(sku), _receipt(services, sku, "second")])
        say("waiting until the service has parked what was sent to it")
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                alone = await _parked_alone(services.parked, sku)
                await _two_wait(services.parked, STOCK.stream_id(sku))
        except TimeoutError:
            raise CommandFailed(
                f"the service has not parked it within {_PATIENCE_SECONDS} s: does it run? `make run` starts it; "
                "`operate demo parked --remove` takes away what is there so far"
            ) from None
    print(_PARKED.format(key=alone.key, session=STOCK.stream_id(sku), sku=sku, operate=".venv/bin/python -m operate"))


async def remove(environment: Mapping[str, str]) -> None:
    """Takes away whatever was parked on purpose, unhandled. Raises CommandFailed."""
    removed = 0
    async with connected(environment) as services:
        for alone in await services.parked.alone(COMMAND_QUEUE):
            if alone.message.message_id.startswith(f"{_NAME}-"):
                await services.parked.remove_alone(COMMAND_QUEUE, alone.key)
                removed += 1
        for session_id in await services.parked.sessions(COMMAND_QUEUE):
            if session_id.startswith(STOCK.stream_id(f"{_NAME}-")):
                await _remove_session(services.parked, session_id)
                removed += 1
    print(f"{removed} removed")


async def _park_session(services: Services, sku: str) -> None:
    """Parks it as the service does after its last try, and holds it for as long: then every host knows of it.

    The service has no defect that would do so.
    """
    message = _receipt(services, sku, "first")
    # Before whatever the bus will number.
    received = Received(message.message_id, message.session_id, 0, message.body, message.properties)
    failure = Failure(_CAUSE, f"Traceback (most recent call last):\n  …\n{_CAUSE}", 5, utc_now())
    await services.parked.park(COMMAND_QUEUE, received, failure)
    await asyncio.sleep(KEPT_FOR)


def _receipt(services: Services, sku: str, number: str) -> Message:
    key = f"{sku}-{number}"
    origin = Origin(_NAME, key, key, _TRACEPARENT)
    envelope = CommandEnvelope(STOCK.stream_id(sku), ReceiveStock(sku, 5), key, key, origin)
    return services.asynchronous.envelopes.command_message(envelope)


def _unreadable(sku: str) -> Message:
    return Message(f"{sku}-unreadable", STOCK.stream_id(f"{sku}-unreadable"), _NAME, _UNREADABLE, sku)


async def _parked_alone(parked: ParkedStore, sku: str) -> ParkedAlone:
    while True:
        for alone in await parked.alone(COMMAND_QUEUE):
            if alone.message.message_id == f"{sku}-unreadable":
                return alone
        await asyncio.sleep(_POLL_SECONDS)


async def _two_wait(parked: ParkedStore, session_id: str) -> None:
    while True:
        session = await parked.session(COMMAND_QUEUE, session_id)
        if session is not None and session.waiting > 1:
            return
        await asyncio.sleep(_POLL_SECONDS)


async def _remove_session(parked: ParkedStore, session_id: str) -> None:
    while not await parked.free(COMMAND_QUEUE, session_id):
        for message in await parked.waiting(COMMAND_QUEUE, session_id, 100):
            await parked.remove(COMMAND_QUEUE, message)
