"""What Cosmos DB charges for the creation of an item, as a model: the service has a formula and publishes none.

Microsoft gives two points for an item without an index: 5 RU for 1 KB, and 50 RU for 100 KB
(https://learn.microsoft.com/azure/cosmos-db/optimize-cost-reads-writes). Answers of the service that were published
give two more, both below 1 KB: 6.29 RU with three indexed values, and 6.67 RU with four. The line through all of them
is the model. The charge of an answer is what counts: it stands in its header `x-ms-request-charge`.
"""

from typing import Final

_FIRST_KIBIBYTE: Final = 5.15
_FURTHER_KIBIBYTE: Final = 0.4545
_INDEXED_VALUE: Final = 0.38


def charge_of_create(size: int, indexed_values: int) -> float:
    """Returns request units for an item of `size` bytes; its id is one of the indexed values."""
    kibibytes = max(1, -(-size // 1024))
    return round(_FIRST_KIBIBYTE + _FURTHER_KIBIBYTE * (kibibytes - 1) + _INDEXED_VALUE * indexed_values, 2)
