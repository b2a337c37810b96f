"""What the service has used, for whom, and for how many of what is counted; kept in a file, as JSON."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import msgspec

from operate.failure import CommandFailed

FILE: Final = "usage.json"
"""In the root of a project: what a load of it has used, as `operate cost --save` or its benchmark has measured it."""

ZERO: Final = Decimal(0)


Trigger = Literal["", "http", "feed", "bus", "timer"]


class Work(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, forbid_unknown_fields=True):
    """What was used on behalf of one command, consumer, route or timer.

    A command has no trigger, since it is carried out in the executions of others. A message is an execution for each
    time that it is received.
    """

    trigger: Trigger = ""
    executions: int = 0
    execution_seconds: Decimal = ZERO
    requests: int = 0
    request_units: Decimal = ZERO
    messages_sent: int = 0

    @property
    def bus_operations(self) -> int:
        """What Service Bus bills: a message of up to 64 KB is one when it is sent, and two when received and settled.

        https://azure.microsoft.com/pricing/details/service-bus/, "How is the Operations meter calculated".
        """
        return self.messages_sent + (2 * self.executions if self.trigger == "bus" else 0)

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.trigger or other.trigger,
            self.executions + other.executions,
            (self.execution_seconds + other.execution_seconds) or ZERO,
            self.requests + other.requests,
            (self.request_units + other.request_units) or ZERO,
            self.messages_sent + other.messages_sent,
        )

    def __sub__(self, other: "Work") -> "Work":
        return Work(
            self.trigger or other.trigger,
            self.executions - other.executions,
            (self.execution_seconds - other.execution_seconds) or ZERO,
            self.requests - other.requests,
            (self.request_units - other.request_units) or ZERO,
            self.messages_sent - other.messages_sent,
        )


Works = Mapping[str, Work]
"""By its name: `command …`, `consumer …`, a route, or `timer …`."""


class Usage(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What `count` of what is `counted` have used together.

    `spans` and their `span_bytes` are what they have exported, `stored_bytes` what stays in the containers, both as
    JSON.
    """

    counted: str
    count: int
    date: str
    how: str
    works: Works
    spans: int = 0
    span_bytes: int = 0
    stored_bytes: int = 0


def read_usage(file: Path) -> Usage:
    """Raises CommandFailed for a file that is not there, or is none."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Usage)
    except FileNotFoundError:
        raise CommandFailed(
            f"there is no {file}: run a load on a stack of `make run`, then `operate cost --save {file.name}`"
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{file} has no usage as `operate cost --save` writes it: {error}") from error


def write_usage(file: Path, usage: Usage) -> None:
    encoded = msgspec.json.Encoder(decimal_format="number").encode(usage)
    file.write_bytes(msgspec.json.format(encoded, indent=2) + b"\n")
