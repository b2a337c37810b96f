"""What the triggers of the functions cost where nothing comes: polls of the change feed, their leases, and timers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

_POLL: Final = Decimal(1)
_LOOK_FOR_LEASES: Final = Decimal("3.81")
_RENEWAL: Final = Decimal("11.23")
"""RU, as the local Cosmos DB charges them: a read of the feed that finds nothing; a query of the leases and a read of
the partitions; a read and a write of a lease."""

_DAY: Final = (60, 60, 24)
"""A schedule has a field for second, minute and hour, before those of the day."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A function on the change feed, with its times in milliseconds."""

    consumer: str
    poll: int
    lease_acquisition: int
    lease_renewal: int

    @property
    def request_units_per_second(self) -> Decimal:
        """Returns what one instance with the lease of one physical partition asks for where there is nothing to do."""
        return sum(
            (1000 * charge / every
            for charge, every in (
                (_POLL, self.poll),
                (_LOOK_FOR_LEASES, self.lease_acquisition),
                (_RENEWAL, self.lease_renewal),
            )),
            Decimal(0),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Triggers:
    feeds: tuple[Feed, ...]
    timer_executions_a_day: int


def triggers() -> Triggers:
    """Reads them from `function_app.py`."""
    import function_app

    functions = function_app.app.get_functions()
    return triggers_of(
        {str(each.get_function_name()): json.loads(each.get_function_json())["bindings"] for each in functions}
    )


def triggers_of(functions: Mapping[str, Sequence[Mapping[str, Any]]]) -> Triggers:
    """Reads them from the bindings of each function."""
    feeds, timer_executions_a_day = [], 0
    for bindings in functions.values():
        for each in bindings:
            if each["type"] == "cosmosDBTrigger":
                feeds.append(
                    Feed(
                        each["leaseContainerPrefix"].removesuffix("-"),
                        each["feedPollDelay"],
                        each["leaseAcquireInterval"],
                        each["leaseRenewInterval"],
                    )
                )
            if each["type"] == "timerTrigger":
                timer_executions_a_day += _times_a_day(each["schedule"])
    return Triggers(tuple(feeds), timer_executions_a_day)


def _times_a_day(schedule: str) -> int:
    """Counts the executions of a day on which the schedule applies.

    https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
    """
    times = 1
    for field, size in zip(schedule.split(), _DAY, strict=False):
        times *= len(set().union(*(_values(part, size) for part in field.split(","))))
    return times


def _values(part: str, size: int) -> range:
    span, _, step = part.partition("/")
    first, _, last = ("0" if span == "*" else span).partition("-")
    end = last or (str(size - 1) if span == "*" or step else first)
    return range(int(first), int(end) + 1, int(step or 1))
