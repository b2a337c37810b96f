"""What is shown of usage and of a month: rows of figures for a script, and of text for a reader."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from operate.costs.instances import Ran, alone
from operate.costs.months import Instead, Line, Month
from operate.costs.tariff import Rates
from operate.costs.usage import ZERO, Work, Works

TOGETHER: Final = "together"
_WHOLE_FROM: Final = 100

Row = Mapping[str, Any]


def works_rows(works: Works, times: Decimal, rates: Rates, memory_gb: Decimal) -> Iterator[Row]:
    """Yields what was used, so many times, by work, the dearest first, and all of it together.

    `usd` is that of request units, operations of the bus and executions, beyond what is included. The time of the
    functions stands beside it, as if no execution fell into the billed time of another one: the most that it can be.
    """
    rows = [_work_row(name, work, times, rates, memory_gb) for name, work in works.items()]
    rows.sort(key=lambda row: (-(row["usd"] + row["usdOfTime"]), row["work"]))
    yield from rows
    figures = [name for name in rows[0] if name != "work"] if rows else []
    yield {"work": TOGETHER, **{name: sum((row[name] for row in rows), ZERO) for name in figures}}


def _work_row(name: str, work: Work, times: Decimal, rates: Rates, memory_gb: Decimal) -> dict[str, Any]:
    ran = Ran(times * work.executions, times * work.execution_seconds)
    gb_seconds = memory_gb * alone(ran)
    units, operations = times * work.request_units, times * work.bus_operations
    usd = (
        rates.request_units.usd_beyond_included(units)
        + rates.bus_operations.usd_beyond_included(operations)
        + rates.executions.usd_beyond_included(ran.executions)
    )
    return {
        "work": name,
        "requests": times * work.requests,
        "requestUnits": units,
        "operations": operations,
        "executions": ran.executions,
        "usd": usd,
        "gbSeconds": gb_seconds,
        "usdOfTime": rates.execution_time.usd_beyond_included(gb_seconds),
    }


def line_rows(month: Month) -> Iterator[Row]:
    """Yields a row for each line, with its share of all, and all of them together."""
    for line in month.lines:
        yield {**_line_row(line), "share": line.usd / month.usd if month.usd else ZERO}
    yield {"what": TOGETHER, "quantity": None, "unit": "", "usd": month.usd, "share": Decimal(1)}


def _line_row(line: Line) -> Row:
    return {"what": line.what, "quantity": line.quantity, "unit": line.unit, "usd": line.usd}


def instead_rows(month: Month) -> Iterator[Row]:
    for each in month.instead:
        yield _instead_row(each)


def _instead_row(instead: Instead) -> Row:
    return {
        "what": instead.what,
        "usd": instead.usd,
        "leastUsd": instead.least_usd,
        "mostUsd": instead.most_usd,
    }


def figures(rows: Iterable[Row]) -> Sequence[Row]:
    """Returns the rows with numbers of JSON."""
    return [
        {name: round(float(value), 6) if isinstance(value, Decimal) else value for name, value in row.items()}
        for row in rows
    ]


def texts(rows: Iterable[Row], usd_decimals: int) -> Sequence[Row]:
    """Returns the rows with texts, those of numbers to the right."""
    told = [{name: _text(name, value, usd_decimals) for name, value in row.items()} for row in rows]
    numeric = {name for row in told for name in row if name not in ("what", "work", "unit")}
    widths = {name: max(len(row[name]) for row in told) for name in numeric}
    return [{name: text.rjust(widths.get(name, 0)) for name, text in row.items()} for row in told]


def _text(name: str, value: Any, usd_decimals: int) -> str:
    if not isinstance(value, Decimal):
        return "" if value is None else str(value)
    if name == "share":
        return f"{value:.0%}"
    if "usd" in name.lower():
        return f"{value:,.{usd_decimals}f}"
    return f"{value:,.0f}" if value >= _WHOLE_FROM or value == value.to_integral_value() else f"{value:.3g}"
