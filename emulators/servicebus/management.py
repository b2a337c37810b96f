"""The operations of `$management`, by name.

Source: the documentation of AMQP request-response operations, and the requests of the official SDKs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from emulators.amqp.message import Message
from emulators.amqp.values import Array, DecodeError, Timestamp
from emulators.servicebus.errors import argument_error, not_allowed, not_implemented, session_lock_lost
from emulators.servicebus.messages import read_message, write_message
from emulators.servicebus.namespace import Namespace
from emulators.servicebus.queue import Queue
from emulators.servicebus.rule_codec import describe_rule, rule_of_request
from emulators.servicebus.sessions import Sessions
from emulators.servicebus.topic import Subscription, Topic

_PREFIX: Final = "com.microsoft:"
_MOST_PEEKED: Final = 1000
# `last-updated-time` of a client that wants all sessions: DateTime.MaxValue of .NET as its AMQP library writes it.
_ALL_SESSIONS: Final = 253_402_300_800_000

Body = dict[Any, Any]
# The body of the answer; None for "no content".
_Operation = Callable[[Namespace, Queue | Topic, Body], Body | None]


def perform(namespace: Namespace, entity: Queue | Topic, request: Message) -> Body | None:
    """Raises ServiceBusError."""
    name = str(request.application_properties.get("operation", ""))
    operation = _OPERATIONS.get(name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else None
    if operation is None:
        raise not_implemented(f"the operation '{name}' of $management")
    if not isinstance(request.value, dict):
        raise argument_error(f"The body of '{name}' is no map.")
    _refuse_unread(name, request.value)
    try:
        return operation(namespace, entity, request.value)
    except (KeyError, TypeError, ValueError) as error:
        raise argument_error(f"The body of '{name}' is not as it has to be: {error}.") from error


def _refuse_unread(name: str, body: Body) -> None:
    """A field that nothing here reads asks for something that would not be done."""
    read = _FIELDS[name.removeprefix(_PREFIX)]
    for field, value in body.items():
        if field not in read and value is not None and value is not False:
            raise not_implemented(f"the field '{field}' of '{name}'")


def _queue(entity: Queue | Topic) -> Queue:
    if isinstance(entity, Topic):
        raise not_allowed(f"'{entity.name}' is a topic; this works on its subscriptions.")
    return entity


def _sessions(entity: Queue | Topic) -> Sessions:
    sessions = _queue(entity).sessions
    if sessions is None:
        raise not_allowed(f"The entity '{entity.name}' has no sessions.")
    return sessions


def _subscription(namespace: Namespace, entity: Queue | Topic) -> Subscription:
    found = namespace.subscriptions.get(entity.name.lower())
    if found is None:
        raise not_allowed(f"'{entity.name}' is no subscription, so it has no rules.")
    return found


def _tokens(body: Body) -> list[bytes]:
    tokens = body["lock-tokens"]
    if not all(isinstance(token, UUID) for token in tokens):
        raise TypeError("lock-tokens are no UUIDs")
    return [token.bytes_le for token in tokens]


def _renew_lock(_: Namespace, entity: Queue | Topic, body: Body) -> Body:
    queue = _queue(entity)
    return {"expirations": Array(0x83, [Timestamp(queue.renew(token)) for token in _tokens(body)])}


def _peek(_: Namespace, entity: Queue | Topic, body: Body) -> Body | None:
    start, limit = int(body["from-sequence-number"]), min(int(body["message-count"]), _MOST_PEEKED)
    if isinstance(entity, Topic):
        found = entity.peek(start, limit)
    else:
        found = entity.peek(start, limit, body.get("session-id") if entity.sessions is not None else None)
    return {"messages": [{"message": write_message(each, None)} for each in found]} if found else None


def _receive_by_sequence_number(_: Namespace, entity: Queue | Topic, body: Body) -> Body:
    numbers = [int(number) for number in body["sequence-numbers"]]
    delete = int(body.get("receiver-settle-mode") or 0) == 0
    received = _queue(entity).receive_deferred(numbers, delete=delete, session=body.get("session-id"))
    messages: list[Body] = []
    for each in received:
        if each.lock is None:
            messages.append({"message": write_message(each.message, None)})
        else:
            written = write_message(each.message, each.lock.until)
            messages.append({"message": written, "lock-token": UUID(bytes_le=each.lock.token)})
    return {"messages": messages}


def _update_disposition(_: Namespace, entity: Queue | Topic, body: Body) -> Body:
    queue = _queue(entity)
    changes = body.get("properties-to-modify") or {}
    status = body["disposition-status"]
    session = body.get("session-id")
    if session is not None and queue.sessions is not None and queue.sessions.locked(session) is None:
        raise session_lock_lost(session)
    for token in _tokens(body):
        match status:
            case "completed":
                queue.complete(token)
            case "abandoned":
                queue.abandon(token, changes)
            case "defered" | "deferred":
                queue.defer(token, changes)
            case "suspended":
                queue.dead_letter(token, body.get("deadletter-reason"), body.get("deadletter-description"), changes)
            case _:
                raise not_implemented(f"the disposition status '{status}'")
    return {}


def _schedule(_: Namespace, entity: Queue | Topic, body: Body) -> Body:
    try:
        messages = [read_message(bytes(each["message"])) for each in body["messages"]]
    except DecodeError as error:
        raise argument_error(f"The message is not valid: {error}.") from error
    for message in messages:
        entity.check(message)
        if message.due is None:
            raise argument_error("The message has no x-opt-scheduled-enqueue-time.")
    return {"sequence-numbers": Array(0x81, [entity.send(message) for message in messages])}


def _cancel_scheduled(_: Namespace, entity: Queue | Topic, body: Body) -> Body:
    entity.cancel_scheduled([int(number) for number in body["sequence-numbers"]])
    return {}


def _renew_session_lock(_: Namespace, entity: Queue | Topic, body: Body) -> Body:
    return {"expiration": Timestamp(_sessions(entity).renew(body["session-id"]))}


def _get_session_state(_: Namespace, entity: Queue | Topic, body: Body) -> Body:
    queue, session = _held(entity, body)
    return {"session-state": queue.runtime.store.session_state(queue.number, session)}


def _set_session_state(_: Namespace, entity: Queue | Topic, body: Body) -> Body:
    queue, session = _held(entity, body)
    state = body.get("session-state")
    content = None if state is None else bytes(state)
    queue.runtime.store.set_session_state(queue.number, session, content, queue.runtime.now())
    return {}


def _held(entity: Queue | Topic, body: Body) -> tuple[Queue, str]:
    session = body["session-id"]
    if _sessions(entity).locked(session) is None:
        raise session_lock_lost(session)
    return _queue(entity), session


def _get_message_sessions(_: Namespace, entity: Queue | Topic, body: Body) -> Body | None:
    queue = _queue(entity)
    _sessions(queue)
    skip, top = int(body.get("skip") or 0), int(body.get("top") or 100)
    after = int(body.get("last-updated-time", _ALL_SESSIONS))
    store = queue.runtime.store
    found = (
        store.sessions(queue.number, skip, top)
        if after >= _ALL_SESSIONS
        else store.sessions_updated(queue.number, after, skip, top)
    )
    return {"skip": skip, "sessions-ids": Array(0xB1, found)} if found else None


def _add_rule(namespace: Namespace, entity: Queue | Topic, body: Body) -> Body:
    _subscription(namespace, entity).add_rule(rule_of_request(body))
    return {}


def _remove_rule(namespace: Namespace, entity: Queue | Topic, body: Body) -> Body:
    _subscription(namespace, entity).remove_rule(str(body["rule-name"]))
    return {}


def _enumerate_rules(namespace: Namespace, entity: Queue | Topic, body: Body) -> Body | None:
    skip, top = int(body.get("skip") or 0), int(body.get("top") or 100)
    rules = _subscription(namespace, entity).rules[skip : skip + top]
    return {"rules": [{"rule-description": describe_rule(rule)} for rule in rules]} if rules else None


_OPERATIONS: Final[dict[str, _Operation]] = {
    "renew-lock": _renew_lock,
    "peek-message": _peek,
    "receive-by-sequence-number": _receive_by_sequence_number,
    "update-disposition": _update_disposition,
    "schedule-message": _schedule,
    "cancel-scheduled-message": _cancel_scheduled,
    "renew-session-lock": _renew_session_lock,
    "get-session-state": _get_session_state,
    "set-session-state": _set_session_state,
    "get-message-sessions": _get_message_sessions,
    "add-rule": _add_rule,
    "remove-rule": _remove_rule,
    "enumerate-rules": _enumerate_rules,
}

_SESSION: Final = frozenset({"session-id"})
_PAGE: Final = frozenset({"skip", "top"})
_FIELDS: Final[dict[str, frozenset[str]]] = {
    "renew-lock": frozenset({"lock-tokens"}),
    "peek-message": _SESSION | {"from-sequence-number", "message-count"},
    "receive-by-sequence-number": _SESSION | {"sequence-numbers", "receiver-settle-mode"},
    "update-disposition": _SESSION
    | {"disposition-status", "lock-tokens", "deadletter-reason", "deadletter-description", "properties-to-modify"},
    "schedule-message": frozenset({"messages"}),
    "cancel-scheduled-message": frozenset({"sequence-numbers"}),
    "renew-session-lock": _SESSION,
    "get-session-state": _SESSION,
    "set-session-state": _SESSION | {"session-state"},
    "get-message-sessions": _PAGE | {"last-updated-time"},
    "add-rule": frozenset({"rule-name", "rule-description"}),
    "remove-rule": frozenset({"rule-name"}),
    "enumerate-rules": _PAGE,
}
