"""The throughput of a database, which all its containers share."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

LEAST_MANUAL: Final = 400
LEAST_AUTOSCALE: Final = 1000
"""Request units per second; Cosmos DB refuses less (learn.microsoft.com/azure/cosmos-db/concepts-limits)."""

_TEXT: Final = re.compile(r"(?P<kind>manual|autoscale):(?P<units>[1-9][0-9]{2,6})")


@dataclass(frozen=True, slots=True)
class Background:
    """Keeps a client behind others: `charged` is told the request units of each answer.

    `throughput_bucket` is one of the account's, where it has them.
    """

    charged: Callable[[float], None]
    throughput_bucket: int | None = None


@dataclass(frozen=True, slots=True)
class Throughput:
    """`units` are request units per second: always, or with `autoscale` the most that it is scaled to."""

    units: int
    autoscale: bool

    def __str__(self) -> str:
        return f"{'autoscale' if self.autoscale else 'manual'}:{self.units}"


def parse_throughput(text: str) -> Throughput | None:
    """Reads `autoscale:4000`, `manual:400` or `serverless`, which has no throughput: None. Raises ValueError."""
    if text == "serverless":
        return None
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no throughput: give serverless, autoscale:4000 or manual:400")
    found = Throughput(int(match["units"]), match["kind"] == "autoscale")
    least, step = (LEAST_AUTOSCALE, 1000) if found.autoscale else (LEAST_MANUAL, 100)
    if found.units < least:
        raise ValueError(f"{match['kind']} throughput is {least} RU/s at least")
    if found.units % step:
        raise ValueError(f"{match['kind']} throughput comes in steps of {step} RU/s")
    return found
