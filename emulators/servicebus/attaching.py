"""What becomes of an attach: which link, or why none."""

from __future__ import annotations

from typing import Any, Final

from emulators.amqp.performatives import Attach, Coordinator, Source, Target
from emulators.amqp.values import Described, Symbol, UInt
from emulators.servicebus.answers import SESSION_FILTER, answer, refuse
from emulators.servicebus.channel import Channel, Link
from emulators.servicebus.errors import ServiceBusError, not_allowed, not_implemented
from emulators.servicebus.faults import Effect
from emulators.servicebus.links import DeliveryLink, IncomingLink, SendingLink, SessionLink
from emulators.servicebus.namespace import normalised
from emulators.servicebus.requests import CbsLink, ManagementLink, ReplyLink

CBS: Final = "$cbs"
MANAGEMENT: Final = "/$management"
TIMEOUT: Final = Symbol("com.microsoft:timeout")
_DEFAULT_WAIT: Final = 60_000  # milliseconds
_LONGEST_WAIT: Final = 65_000


def attach(channel: Channel, body: Attach) -> None:
    """Make the link and answer, or refuse; for the next available session the answer comes later."""
    if body.handle in channel.links:
        channel.connection.fail("amqp:session:handle-in-use", f"Handle {body.handle} is in use.")
        return
    try:
        link = _receiver(channel, body) if body.role else _sender(channel, body)
    except ServiceBusError as error:
        refuse(channel, body, error)
        return
    if link is None:
        return
    channel.links[body.handle] = link
    if isinstance(link, SessionLink):
        _accept(link)
        return
    answer(channel, body)
    if isinstance(link, IncomingLink):
        link.grant()
    elif isinstance(link, DeliveryLink):
        link.start()


def _address(terminus: Source | Target | Coordinator | None) -> str:
    if isinstance(terminus, Coordinator):
        raise not_implemented("transactions")
    if terminus is not None and terminus.dynamic:
        raise not_implemented("dynamic nodes")
    if terminus is None or not isinstance(terminus.address, str):
        raise not_allowed("The link names no entity.")
    return normalised(terminus.address)


def _sender(channel: Channel, body: Attach) -> Link | None:
    path = _address(body.target)
    if path.lower() == CBS:
        return CbsLink(channel, body, path)
    if path.lower().endswith(MANAGEMENT):
        entity = channel.connection.namespace.entity(path[: -len(MANAGEMENT)])
        return ManagementLink(channel, body, path, entity)
    destination = channel.connection.namespace.destination(path)
    return None if _struck(channel, path) else SendingLink(channel, body, destination)


def _receiver(channel: Channel, body: Attach) -> Link | None:
    path = _address(body.source)
    if path.lower() == CBS:
        return ReplyLink(channel, body, path)
    if path.lower().endswith(MANAGEMENT):
        channel.connection.namespace.entity(path[: -len(MANAGEMENT)])
        return ReplyLink(channel, body, path)
    queue = channel.connection.namespace.source(path)
    if _struck(channel, path):
        return None
    for key in _filters(body):
        if key != SESSION_FILTER:
            raise not_implemented(f"the filter {key} of a receiver")
    if SESSION_FILTER not in _filters(body):
        if queue.sessions is not None:
            raise not_allowed(f"The entity '{path}' requires sessions; a receiver has to accept one of them.")
        return DeliveryLink(channel, body, queue)
    if queue.sessions is None:
        raise not_allowed(f"The entity '{path}' has no sessions; a receiver cannot accept one.")
    return SessionLink(channel, body, queue)


def _struck(channel: Channel, path: str) -> bool:
    """Whether a fault breaks the connection; raises the error of one that refuses."""
    fault = channel.connection.strike("attach", path)
    if fault is not None and fault.effect is Effect.REFUSE:
        raise fault.error()
    return fault is not None and fault.effect is Effect.DROP


def _filters(body: Attach) -> dict[Any, Any]:
    return (body.source.filter or {}) if body.source is not None else {}


def _accept(link: SessionLink) -> None:
    wanted = _filters(link.attach).get(SESSION_FILTER)
    if isinstance(wanted, Described):
        wanted = wanted.value
    sessions = link.queue.sessions
    assert sessions is not None
    if wanted is None:
        wait = (link.attach.properties or {}).get(TIMEOUT)
        milliseconds = min(int(wait), _LONGEST_WAIT) if isinstance(wait, (UInt, int)) else _DEFAULT_WAIT
        sessions.wait_for_next(link, milliseconds / 1000)
        return
    try:
        if not isinstance(wanted, str):
            raise not_allowed("The session filter is no string.")
        link.session_accepted(sessions.accept(wanted, link))
    except ServiceBusError as error:
        link.session_refused(error)
