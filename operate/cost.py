"""`operate cost` says what was used, for whom, and what a month of it costs."""

import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from engine.clock import utc_now
from operate.costs import measured
from operate.costs.months import MB_OF_A_GB, Plan, month
from operate.costs.shown import figures, instead_rows, line_rows, texts, works_rows
from operate.costs.tariff import Tariff, tariff
from operate.costs.triggers import triggers
from operate.costs.usage import Usage, write_usage
from operate.failure import CommandFailed
from operate.output import print_json, print_rows
from operate.target import Place
from operate.traces import connected

PER: Final = 1000
"""Usage is told for so many."""

_SAMPLED_TRACES: Final = 100
_USD_DECIMALS_OF_USAGE: Final = 4
_USD_DECIMALS_OF_A_MONTH: Final = 2


class Counted(NamedTuple):
    """Costs are told for each `name`, which a command of this type begins."""

    name: str
    command: str


def counted() -> Counted:
    """Returns what the domain counts. Raises CommandFailed where it does not say."""
    from composition import tools

    named = getattr(tools, "COUNTED", None)
    if named is None:
        raise CommandFailed(
            'composition/tools.py does not say what is counted: add COUNTED = ("guest", "Arrive"), with a name for it '
            "and the command that begins one"
        )
    return Counted(*named)


async def measure(place: Place, what: Counted) -> Usage:
    """Returns what the functions have used since the receiver of traces and metrics began.

    Raises CommandFailed where it has none, or cannot be asked.
    """
    async with connected(place) as receiver:
        series = await receiver.metrics()
        traces = await receiver.summaries()
        newest = [await receiver.trace(each["traceId"]) for each in traces[:_SAMPLED_TRACES]]
    works = measured.works(series)
    if not works:
        raise CommandFailed(
            f"{place.name} has no metrics of the functions yet: send the service something, and run this again some "
            "seconds later"
        )
    spans = sum(each["spans"] for each in traces)
    sampled = [span for trace in newest for span in trace]
    bytes_of_one = len(json.dumps(sampled)) / len(sampled) if sampled else 0
    return Usage(
        counted=what.name,
        count=measured.begun(series, what.command),
        date=utc_now().date().isoformat(),
        how="the metrics of a stack",
        works=works,
        spans=spans,
        span_bytes=round(spans * bytes_of_one),
    )


async def run(place: Place, save: Path | None, memory_mb: int, *, as_json: bool) -> None:
    """Prints what the functions have used, and keeps it in the file. Raises CommandFailed."""
    usage = await measure(place, counted())
    if save is not None:
        write_usage(save, usage)
    show_usage(usage, memory_mb, as_json=as_json)


def show_usage(usage: Usage, memory_mb: int, *, as_json: bool) -> None:
    """Prints what 1,000 of what is counted use, by work; what was used in all where none was begun."""
    known = tariff()
    each = Decimal(PER) / usage.count if usage.count else Decimal(1)
    rows = [*works_rows(usage.works, each, known.rates, Decimal(memory_mb) / MB_OF_A_GB)]
    if as_json:
        print_json({**_head(usage), "per": PER if usage.count else None, "works": figures(rows)})
        return
    if usage.count:
        print(f"per {PER:,} {usage.counted}s, as {usage.count:,} of {usage.date} have used ({usage.how})")
    else:
        print(f"no {usage.counted} was begun: what was used in all ({usage.how})")
    print(f"usd at the list rates of {_dates(known)}, nothing included; time as if each execution were alone\n")
    print_rows(texts(rows, _USD_DECIMALS_OF_USAGE), as_json=False)


def show_month(usage: Usage, plan: Plan, *, as_json: bool) -> None:
    """Prints what a month costs, by line, and between which bounds.

    Raises CommandFailed for usage of nothing, and for a read model that is not there.
    """
    if not usage.count:
        raise CommandFailed(f"the usage is that of no {usage.counted}: measure some")
    _require_read_models(plan.without)
    known = tariff()
    found = month(usage, triggers(), known.rates, plan)
    lines, instead = [*line_rows(found)], [*instead_rows(found)]
    if as_json:
        print_json({**_head(usage), "perMonth": plan.count, "lines": figures(lines), "instead": figures(instead)})
        return
    print(
        f"{plan.count:,} {usage.counted}s a month, {plan.per_second:.3g} a second on the average, "
        f"{plan.peak:.3g} at the peak; {known.region}, list rates of {_dates(known)}"
    )
    print(f"each as {usage.count:,} of {usage.date} were measured ({usage.how})\n")
    print_rows(texts(lines, _USD_DECIMALS_OF_A_MONTH), as_json=False)
    print()
    print_rows(texts(instead, _USD_DECIMALS_OF_A_MONTH), as_json=False)


def _require_read_models(names: Iterable[str]) -> None:
    from composition.domain import READ_MODELS

    known = {each.name for each in READ_MODELS}
    for name in names:
        if name not in known:
            raise CommandFailed(f"there is no read model {name} to leave out, only {', '.join(sorted(known))}")


def _head(usage: Usage) -> dict[str, object]:
    return {"counted": usage.counted, "count": usage.count, "date": usage.date, "how": usage.how}


def _dates(known: Tariff) -> str:
    dates = [rate.date for rate in known.rates.all()]
    return f"{min(dates)} to {max(dates)}"
