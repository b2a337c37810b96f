"""The list rates of Azure lie in one file, each with its source and the day on which that was true."""

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

FILE: Final = Path(__file__).parent / "tariff.json"


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`usd` is what the units above so many in a month cost, for as many as the rate is told for."""

    above: Decimal
    usd: Decimal


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is billed for `per` units, by steps; the first one says what is included."""

    what: str
    unit: str
    per: Decimal
    steps: tuple[Step, ...]
    region: str
    date: datetime.date
    source: str

    def usd(self, units: Decimal) -> Decimal:
        """Returns what so many units in a month cost."""
        ends = [*(step.above for step in self.steps[1:]), units]
        return (
            sum(
                (
                    max(Decimal(0), min(units, end) - step.above) * step.usd
                    for step, end in zip(self.steps, ends, strict=True)
                ),
                Decimal(0),
            )
            / self.per
        )

    def usd_beyond_included(self, units: Decimal) -> Decimal:
        """Returns what so many units cost where those that are included are used up."""
        return units * next(step.usd for step in self.steps if step.usd) / self.per


class Rates(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    request_units: Rate
    throughput: Rate
    stored_data: Rate
    bus_hours: Rate
    bus_operations: Rate
    bus_unit_hours: Rate
    executions: Rate
    execution_time: Rate
    ready_executions: Rate
    ready_execution_time: Rate
    ready_time: Rate
    telemetry: Rate

    def all(self) -> tuple[Rate, ...]:
        rates: tuple[Rate, ...] = msgspec.structs.astuple(self)
        return rates


class Tariff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`region` is the one that is meant; a rate of another region says so."""

    region: str
    rates: Rates


def tariff() -> Tariff:
    """Reads the file."""
    return msgspec.json.decode(FILE.read_bytes(), type=Tariff)
