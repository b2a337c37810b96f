"""A counter at rest has each sum as two numbers; the conversion needs no SDK.

Numbers of Cosmos DB are doubles, exact up to 2^53. As two numbers, a sum of nine million of any amount is exact.
"""

from collections.abc import Mapping
from typing import Any, Final

from engine.projecting.counting.port import Sums

BILLION: Final = 10**9


def sums_of(counter: Mapping[str, Any]) -> Sums:
    """Returns the sums in the document of a counter."""
    sums = dict[str, int]()
    for part, unit in (("sums", 1), ("billions", BILLION)):
        for key, value in counter[part].items():
            sums[key] = sums.get(key, 0) + int(value) * unit
    return sums
