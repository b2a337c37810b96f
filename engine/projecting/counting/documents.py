"""A counter is an item with the sums of its bucket, in two numbers each; a marker has its name and its bucket alone.

{ "id": "1~2026-11-23T06~3", "bucket": "1~2026-11-23T06~3",
  "sums": { "05.hill.beds": 7 }, "billions": { "05.hill.beds": 0 } }
{ "id": "house-hill~1", "bucket": "1~2026-11-23T06~3" }
"""

from collections.abc import Mapping
from typing import Any, Final

from engine.projecting.counting.port import Sums

_BILLION: Final = 10**9
"""Numbers of Cosmos DB are doubles, exact up to 2^53. As two numbers, a sum of nine million of any amount is exact."""


def parts_of(amount: int) -> Mapping[str, int]:
    """Returns what is added to either number of a sum, by its property."""
    billions, rest = divmod(abs(amount), _BILLION)
    sign = -1 if amount < 0 else 1
    return {"sums": sign * rest, "billions": sign * billions}


def sums_of(counter: Mapping[str, Any]) -> Sums:
    """Returns the sums in a counter."""
    sums = dict[str, int]()
    for part, unit in (("sums", 1), ("billions", _BILLION)):
        for key, value in counter[part].items():
            sums[key] = sums.get(key, 0) + int(value) * unit
    return sums
