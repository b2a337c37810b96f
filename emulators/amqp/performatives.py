"""The composite types of AMQP with a numeric descriptor, as named tuples in the specification's field order.

What decodes as one of them comes as its tuple, absent fields as the defaults here. `None` is "not sent".
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

Fields = dict[Any, Any]


class Open(NamedTuple):
    container_id: str
    hostname: str | None = None
    max_frame_size: int | None = None
    channel_max: int | None = None
    idle_time_out: int | None = None
    outgoing_locales: Any = None
    incoming_locales: Any = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Fields | None = None


class Begin(NamedTuple):
    remote_channel: int | None
    next_outgoing_id: int
    incoming_window: int
    outgoing_window: int
    handle_max: int | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Fields | None = None


class Source(NamedTuple):
    address: Any = None
    durable: int | None = None
    expiry_policy: str | None = None
    timeout: int | None = None
    dynamic: bool | None = None
    dynamic_node_properties: Fields | None = None
    distribution_mode: str | None = None
    filter: Fields | None = None
    default_outcome: Any = None
    outcomes: Any = None
    capabilities: Any = None


class Target(NamedTuple):
    address: Any = None
    durable: int | None = None
    expiry_policy: str | None = None
    timeout: int | None = None
    dynamic: bool | None = None
    dynamic_node_properties: Fields | None = None
    capabilities: Any = None


class Coordinator(NamedTuple):
    """The target of a link that controls transactions."""

    capabilities: Any = None


class Attach(NamedTuple):
    """`role` is true for the receiver of the link."""

    name: str
    handle: int
    role: bool
    snd_settle_mode: int | None = None
    rcv_settle_mode: int | None = None
    source: Source | None = None
    target: Target | Coordinator | None = None
    unsettled: Fields | None = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: Fields | None = None


class Flow(NamedTuple):
    next_incoming_id: int | None
    incoming_window: int
    next_outgoing_id: int
    outgoing_window: int
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool | None = None
    echo: bool | None = None
    properties: Fields | None = None


class Transfer(NamedTuple):
    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: int | None = None
    state: Any = None
    resume: bool | None = None
    aborted: bool | None = None
    batchable: bool | None = None


class Disposition(NamedTuple):
    """`role` is true when the receiver of the deliveries speaks; `last` absent means `first`."""

    role: bool
    first: int
    last: int | None = None
    settled: bool | None = None
    state: Any = None
    batchable: bool | None = None


class Error(NamedTuple):
    condition: str
    description: str | None = None
    info: Fields | None = None


class Detach(NamedTuple):
    handle: int
    closed: bool | None = None
    error: Error | None = None


class End(NamedTuple):
    error: Error | None = None


class Close(NamedTuple):
    error: Error | None = None


class Received(NamedTuple):
    section_number: int
    section_offset: int


class Accepted(NamedTuple):
    pass


class Rejected(NamedTuple):
    error: Error | None = None


class Released(NamedTuple):
    pass


class Modified(NamedTuple):
    delivery_failed: bool | None = None
    undeliverable_here: bool | None = None
    message_annotations: Fields | None = None


class Header(NamedTuple):
    durable: bool | None = None
    priority: int | None = None
    ttl: int | None = None
    first_acquirer: bool | None = None
    delivery_count: int | None = None


class Properties(NamedTuple):
    message_id: Any = None
    user_id: bytes | None = None
    to: str | None = None
    subject: str | None = None
    reply_to: str | None = None
    correlation_id: Any = None
    content_type: str | None = None
    content_encoding: str | None = None
    absolute_expiry_time: int | None = None
    creation_time: int | None = None
    group_id: str | None = None
    group_sequence: int | None = None
    reply_to_group_id: str | None = None


class SaslMechanisms(NamedTuple):
    mechanisms: Any


class SaslInit(NamedTuple):
    mechanism: str
    initial_response: bytes | None = None
    hostname: str | None = None


class SaslChallenge(NamedTuple):
    challenge: bytes


class SaslResponse(NamedTuple):
    response: bytes


class SaslOutcome(NamedTuple):
    """Code 0 is success."""

    code: int
    additional_data: bytes | None = None


# Descriptor and the types of the fields, one letter each: see `encoding.FIELD_TYPES`.
LAYOUT: Final[dict[type[Any], tuple[int, str]]] = {
    Open: (0x10, "ssIHI*****"),
    Begin: (0x11, "HIIII***"),
    Attach: (0x12, "sI?BB***?IL***"),
    Flow: (0x13, "IIIIIIII??*"),
    Transfer: (0x14, "IIbI??B*???"),
    Disposition: (0x15, "?II?*?"),
    Detach: (0x16, "I?*"),
    End: (0x17, "*"),
    Close: (0x18, "*"),
    Error: (0x1D, "ys*"),
    Received: (0x23, "IL"),
    Accepted: (0x24, ""),
    Rejected: (0x25, "*"),
    Released: (0x26, ""),
    Modified: (0x27, "??*"),
    Source: (0x28, "*IyI?*y****"),
    Target: (0x29, "*IyI?**"),
    Coordinator: (0x30, "*"),
    SaslMechanisms: (0x40, "*"),
    SaslInit: (0x41, "ybs"),
    SaslChallenge: (0x42, "b"),
    SaslResponse: (0x43, "b"),
    SaslOutcome: (0x44, "Bb"),
    Header: (0x70, "?BI?I"),
    Properties: (0x73, "*bsss*yyttsIs"),
}
