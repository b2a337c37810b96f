"""How long the instances of functions work in a month, and what that costs on Flex Consumption.

An instance that works is billed for all of its memory, for a second at least, and beyond that by tenths of a second,
however many executions share it: https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#billing
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from operate.costs.tariff import Rates
from operate.costs.usage import ZERO

HOURS: Final = Decimal(730)
"""Of a month, as Azure counts them."""

SECONDS: Final = HOURS * 3600
_LEAST_BILLED: Final = Decimal(1)
_BILLED_BY: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Ran:
    """So many executions in a month, and their seconds together."""

    executions: Decimal = ZERO
    seconds: Decimal = ZERO

    def __add__(self, other: "Ran") -> "Ran":
        return Ran(self.executions + other.executions, self.seconds + other.seconds)


Billed = Callable[[Ran], Decimal]
"""Gives the seconds that a group is billed for."""


def back_to_back(ran: Ran) -> Decimal:
    """Returns them where each execution begins as another one ends: the least, unless several run at once."""
    return ran.seconds


def alone(ran: Ran) -> Decimal:
    """Returns them where no execution falls into the billed time of another one: the most."""
    if not ran.executions:
        return ZERO
    tenths = (ran.seconds / ran.executions / _BILLED_BY).to_integral_value(ROUND_CEILING)
    return ran.executions * max(_LEAST_BILLED, tenths * _BILLED_BY)


def at_random(ran: Ran) -> Decimal:
    """Returns them where executions begin at any time of the month, each for itself.

    Whatever begins within the billed time of another one adds only what it lasts longer. So at least one is billed in
    1 - e^-x of the time, where x is how often their billed time, of each alone, fits into it. There are as many
    instances as would have no rest.
    """
    instances = max(Decimal(1), (ran.seconds / SECONDS).to_integral_value(ROUND_CEILING))
    time = instances * SECONDS
    return time * (1 - (-alone(ran) / time).exp())


@dataclass(frozen=True, slots=True)
class Instances:
    """Groups of functions share no instance: all of HTTP are one, and each other function is one of its own.

    Of those that are `ready`, one instance always runs.
    """

    on_demand: Mapping[str, Ran]
    ready: Mapping[str, Ran]
    memory_gb: Decimal

    @property
    def executions(self) -> Decimal:
        return sum(self.on_demand.values(), Ran()).executions + sum(self.ready.values(), Ran()).executions

    def gb_seconds(self, billed: Billed) -> Decimal:
        return self._gb_seconds(self.on_demand, billed) + self._gb_seconds(self.ready, billed)

    @property
    def ready_gb_seconds(self) -> Decimal:
        """Returns those in which instances are there, whether they work or not."""
        return self.memory_gb * SECONDS * len(self.ready)

    def usd_of_executions(self, rates: Rates) -> Decimal:
        demanded, ready = (sum(part.values(), Ran()).executions for part in (self.on_demand, self.ready))
        return rates.executions.usd(demanded) + rates.ready_executions.usd(ready)

    def usd_of_time(self, rates: Rates, billed: Billed) -> Decimal:
        demanded, ready = (self._gb_seconds(part, billed) for part in (self.on_demand, self.ready))
        return rates.execution_time.usd(demanded) + rates.ready_execution_time.usd(ready)

    def _gb_seconds(self, part: Mapping[str, Ran], billed: Billed) -> Decimal:
        return self.memory_gb * sum((billed(ran) for ran in part.values()), ZERO)
