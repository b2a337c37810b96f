"""Answers to an attach. They repeat addresses and settle modes exactly as they were sent: clients compare them."""

from __future__ import annotations

from typing import Any, Final

from emulators.amqp.performatives import Attach, Detach, Source
from emulators.amqp.values import Symbol
from emulators.servicebus.channel import Channel
from emulators.servicebus.errors import ServiceBusError
from emulators.servicebus.holding import LockedSession
from emulators.servicebus.messages import MAX_MESSAGE_SIZE

SESSION_FILTER: Final = Symbol("com.microsoft:session-filter")
_LOCKED_UNTIL: Final = Symbol("com.microsoft:locked-until-utc")
_TICKS_AT_EPOCH: Final = 621_355_968_000_000_000
_TICKS_PER_MILLISECOND: Final = 10_000


def refuse(channel: Channel, body: Attach, error: ServiceBusError) -> None:
    """A link without source and target, and at once its end: only so do the clients see the error."""
    count = 0 if body.role else None
    channel.send(_answer(body, source=None, target=None, initial_delivery_count=count))
    channel.send(Detach(body.handle, True, error.to_amqp()))


def answer(
    channel: Channel, body: Attach, source: Source | None = None, properties: dict[Any, Any] | None = None
) -> None:
    """A link that is open from now on."""
    channel.send(
        _answer(
            body,
            source=source or body.source,
            target=body.target,
            initial_delivery_count=0 if body.role else None,
            max_message_size=None if body.role else MAX_MESSAGE_SIZE,
            properties=properties,
        )
    )


def _answer(body: Attach, **fields: Any) -> Attach:
    return Attach(body.name, body.handle, not body.role, body.snd_settle_mode, body.rcv_settle_mode, **fields)


def accept_session(channel: Channel, body: Attach, session: LockedSession) -> None:
    """Answer with which session it is, as a plain string, and until when, in .NET ticks."""
    source = (body.source or Source())._replace(filter={SESSION_FILTER: session.id})
    answer(channel, body, source, {_LOCKED_UNTIL: _TICKS_AT_EPOCH + session.until * _TICKS_PER_MILLISECOND})
