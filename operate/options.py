"""Commands share these options and arguments."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import click

from engine.messaging.topology import COMMAND_QUEUE, NOTIFICATION_QUEUE, NOTIFICATIONS_OF_EVENTS, REACTION_QUEUE

F = TypeVar("F", bound=Callable[..., Any])

POSITIVE: Final = click.IntRange(min=1)


def json_option(function: F) -> F:
    """Adds `--json`, for the parameter `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object per line instead of text.")(function)


def yes_option(function: F) -> F:
    """Adds `--yes`, for the parameter `yes`."""
    return click.option(
        "--yes", is_flag=True, help="Go on without asking, also where the account is not on this machine."
    )(function)


def category_option(function: F) -> F:
    """Adds `--category`, which a shell completes."""

    def candidates(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
        # A completion alone pays for this import.
        from domain.registry import AGGREGATES

        return [each.category for each in AGGREGATES if each.category.startswith(incomplete)]

    return click.option("--category", shell_complete=candidates, help="Of this kind: what their ids begin with.")(
        function
    )


def moment_options(function: F) -> F:
    """Adds `--at-version` and `--as-of`, for the parameters `at_version` and `as_of`."""
    at_version = click.option("--at-version", type=POSITIVE, metavar="N", help="As it was at this version.")
    as_of = click.option(
        "--as-of",
        callback=_time,
        metavar="TIME",
        help="As it was then: a time with a zone, such as 2026-11-23T12:00:00Z.",
    )
    return at_version(as_of(function))


def _time(_: click.Context, __: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise click.BadParameter(f"{text!r} is no time with a zone, such as 2026-11-23T12:00:00Z")
    return time


def consumer_argument(function: F, *, required: bool = True) -> F:
    """Adds CONSUMER, which a shell completes; the command itself says which there are."""
    return _completed(function, "consumer", _consumers, required=required)


def entity_argument(function: F, *, required: bool = True) -> F:
    """Adds ENTITY, which a shell completes; the command itself says which there are."""
    names = (COMMAND_QUEUE, REACTION_QUEUE, NOTIFICATION_QUEUE, NOTIFICATIONS_OF_EVENTS)
    return _completed(function, "entity", lambda: names, required=required)


def _consumers() -> Sequence[str]:
    # A completion alone pays for this import.
    from composition.domain import PROJECTIONS

    return COMMAND_QUEUE, REACTION_QUEUE, NOTIFICATION_QUEUE, "relay", *(each.consumer for each in PROJECTIONS)


def _completed(function: F, argument: str, names: Callable[[], Sequence[str]], *, required: bool) -> F:
    def candidates(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return click.argument(argument, required=required, shell_complete=candidates)(function)
