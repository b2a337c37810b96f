"""What the metrics of the service say of its use, as the receiver of traces shows them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from engine.telemetry.instruments import (
    ATTEMPT_DURATION,
    COMMAND_DURATION,
    HTTP_DURATION,
    MESSAGE_DURATION,
    MESSAGES_SENT,
    REQUEST_CHARGE,
    TIMER_DURATION,
)
from operate.costs.usage import Trigger, Work, Works

Series = Sequence[Mapping[str, Any]]


def works(series: Series) -> Works:
    """Sums what every process has measured since it began. The generations of a read model count together."""
    found: defaultdict[str, Work] = defaultdict(Work)
    for each in series:
        if (read := _of(each)) is not None:
            name, work = read
            found[name.partition("@")[0]] += work
    return dict(found)


def begun(series: Series, command: str) -> int:
    """Returns how many commands of this type were carried out."""
    return sum(
        each["count"]
        for each in series
        if each["name"] == COMMAND_DURATION.name
        and (each["attributes"]["command.type"], each["attributes"]["command.outcome"]) == (command, "done")
    )


def less(after: Works, before: Works) -> Works:
    """Returns what was used between two looks."""
    return {
        name: spent for name, work in after.items() if (spent := work - before.get(name, Work())) != Work(work.trigger)
    }


def _of(series: Mapping[str, Any]) -> tuple[str, Work] | None:
    about = series["attributes"]
    match series["name"]:
        case REQUEST_CHARGE.name:
            return about["work"], Work(requests=series["count"], request_units=_decimal(series["sum"]))
        case MESSAGES_SENT.name:
            return about["work"], Work(messages_sent=int(series["value"]))
        case HTTP_DURATION.name:
            return f"{about['http.request.method']} {about['http.route']}", _ran("http", series)
        case ATTEMPT_DURATION.name:
            return f"consumer {about['consumer.name']}", _ran("feed", series)
        case MESSAGE_DURATION.name:
            return f"consumer {about['messaging.destination.name']}", _ran("bus", series)
        case TIMER_DURATION.name:
            return f"timer {about['timer.name']}", _ran("timer", series)
    return None


def _ran(trigger: Trigger, durations: Mapping[str, Any]) -> Work:
    return Work(trigger, durations["count"], _decimal(durations["sum"]))


def _decimal(value: float) -> Decimal:
    """Drops what adding floats has left behind the sixth digit."""
    return Decimal(str(round(value, 6)))
