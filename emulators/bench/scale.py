"""How much is measured: enough for medians that hold, or just enough to see that everything works."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """`seconds` is what one load of clients lasts; `many` is how many events, or streams, fill the memory."""

    rounds: int
    fresh_processes: int
    seconds: float
    many: int


FULL = Scale(rounds=9, fresh_processes=11, seconds=8.0, many=100_000)
QUICK = Scale(rounds=3, fresh_processes=3, seconds=2.0, many=2_000)


def progress(message: str) -> None:
    print(f"  {message}", file=sys.stderr, flush=True)
