"""Request charges, in request units. A model fitted to published measurements, not the service's own.

Fixed points: a point read of 1 KB costs 1, of 100 KB 10; creating an item with three indexed values costs 6.29, with
four 6.67; writing 100 KB without an index 50; a query that finds nothing 2.8; a page of 4 MiB about 109.
"""

from __future__ import annotations

from typing import Final

MINIMUM: Final = 1.0
_QUERY: Final = 2.8
_PER_MEBIBYTE: Final = 27.0
_PER_SCANNED_ITEM: Final = 0.04


def _kibibytes(size: int) -> int:
    return max(1, -(-size // 1024))


def read(size: int) -> float:
    return round(1 + 0.0909 * (_kibibytes(size) - 1), 2)


def create(size: int, indexed_values: int) -> float:
    return round(5.15 + 0.4545 * (_kibibytes(size) - 1) + 0.38 * indexed_values, 2)


delete = create  # both write every index term of the item


def replace(new_size: int, new_values: int, old_size: int, old_values: int) -> float:
    return round(create(new_size, new_values) + 0.85 * create(old_size, old_values), 2)


def query(bytes_loaded: int, items_scanned_without_index: int) -> float:
    return round(_QUERY + _PER_MEBIBYTE * bytes_loaded / 2**20 + _PER_SCANNED_ITEM * items_scanned_without_index, 2)


def feed(bytes_returned: int) -> float:
    return round(MINIMUM + _PER_MEBIBYTE * bytes_returned / 2**20, 2)
