"""`operate cost` takes these arguments."""

from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

import click

from operate.help import Command, Example
from operate.options import POSITIVE, json_option
from operate.output import say
from operate.session import Session
from operate.target import told

_USAGE: Final = "usage.json"

_HELP = """\
Say what the service uses, for whom, and what that costs.

For when a bill surprises you, or before there is one. Without --per-month: what 1,000 of what is counted have used, by
command, read model, consumer and route, as the functions of the stack that runs here have measured it since it was
started, at the list rates of Azure. With --usage, what a file says instead.

With --per-month: what so many cost in a month, by line, and with 0 what is billed where nothing comes. Each uses what
the usage file says; polls of the change feed and timers are those of function_app.py.

Request units are those of the local Cosmos DB, which models them. docs/cost.md says what is measured, what is modelled,
and what is left out; operate/costs/tariff.json has the rates and their sources.
"""


@click.command(
    name="cost",
    cls=Command,
    help=_HELP,
    examples=(
        Example("cost --per-month 1000000", "what a month with a million costs"),
        Example("cost --per-month 1000000 --always-ready all --memory-mb 512", "with small instances that wait"),
        Example("cost --save usage.json", "what the stack that runs here has used, and keep it"),
    ),
)
@click.option("--per-month", type=click.IntRange(min=0), help="So many come in a month.")
@click.option(
    "--usage",
    "usage_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Take what each uses from this file. With --per-month, {_USAGE} of the project unless another is named.",
)
@click.option(
    "--save",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also keep what the stack that runs here has measured in this file, for --usage.",
)
@click.option(
    "--peak-per-second",
    type=click.FloatRange(min=0),
    help="So many come in a second at the most, for autoscale (default: ten times the average of the month).",
)
@click.option(
    "--always-ready",
    type=click.Choice(["none", "http", "all"]),
    default="http",
    show_default=True,
    help="Of these groups of functions, one instance always runs.",
)
@click.option(
    "--memory-mb", type=click.Choice(["512", "2048", "4096"]), default="2048", show_default=True, help="Of an instance."
)
@click.option(
    "--sampled", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="Share of the traces that is kept."
)
@click.option(
    "--poll-ms",
    type=POSITIVE,
    help="As if every function of the change feed polled so often (default: as function_app.py has it).",
)
@click.option("--without", multiple=True, metavar="READ_MODEL", help="Leave a read model out; may be repeated.")
@json_option
@click.pass_obj
def command(
    session: Session,
    per_month: int | None,
    usage_file: Path | None,
    save: Path | None,
    peak_per_second: float | None,
    always_ready: Literal["none", "http", "all"],
    memory_mb: str,
    sampled: float,
    poll_ms: int | None,
    without: tuple[str, ...],
    as_json: bool,
) -> None:
    from operate import cost, traces
    from operate.costs.months import Plan
    from operate.costs.usage import read_usage

    if save is not None and (usage_file is not None or per_month is not None):
        raise click.UsageError("--save keeps what a stack has measured: give it without --usage and --per-month")
    if per_month is not None:
        plan = Plan(
            per_month,
            None if peak_per_second is None else Decimal(str(peak_per_second)),
            always_ready,
            int(memory_mb),
            Decimal(str(sampled)),
            poll_ms,
            frozenset(without),
        )
        cost.show_month(read_usage(usage_file or session.root / _USAGE), plan, as_json=as_json)
    elif usage_file is not None:
        cost.show_usage(read_usage(usage_file), int(memory_mb), as_json=as_json)
    else:
        place = traces.receiver(session.root)
        say(told([place]))
        session.run(cost.run(place, save, int(memory_mb), as_json=as_json))


COMMAND: Final[click.Command] = command
