"""Open reservations, as a persistent map: a changed copy shares all but one small leaf with the original.

A busy sku has thousands of open reservations and an event for each; copying one dictionary per event would make
folding a stream quadratic. Two levels of `_WIDTH` slots keep a change at two short tuples and one small leaf,
in practice constant up to some hundred thousand entries.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Self
from zlib import crc32

_WIDTH: Final = 64
_BYTES_PER_ENTRY: Final = 250

_Leaf = dict[str, int]
_Rows = list[list[_Leaf]]
_EMPTY: Final[_Rows] = [[{}] * _WIDTH] * _WIDTH


class Reservations(Mapping[str, int]):
    """Order id to reserved quantity."""

    # No dataclass: a frozen one takes twice as long to make, and one is made per event of a fold.
    __slots__ = ("_count", "_rows")

    def __init__(self, rows: _Rows = _EMPTY, count: int = 0) -> None:
        self._rows = rows  # never changed, only copied
        self._count = count

    def with_entry(self, order_id: str, quantity: int) -> Self:
        outer, inner = _slot(order_id)
        leaf = self._rows[outer][inner]
        return self._changed(outer, inner, {**leaf, order_id: quantity}, self._count + (order_id not in leaf))

    def without(self, order_id: str) -> Self:
        outer, inner = _slot(order_id)
        leaf = self._rows[outer][inner]
        if order_id not in leaf:
            return self
        rest = {key: quantity for key, quantity in leaf.items() if key != order_id}
        return self._changed(outer, inner, rest, self._count - 1)

    def _changed(self, outer: int, inner: int, leaf: _Leaf, count: int) -> Self:
        rows = self._rows.copy()
        row = rows[outer] = rows[outer].copy()
        row[inner] = leaf
        return type(self)(rows, count)

    def _leaf(self, order_id: str) -> _Leaf:
        outer, inner = _slot(order_id)
        return self._rows[outer][inner]

    def __getitem__(self, order_id: str) -> int:
        return self._leaf(order_id)[order_id]

    def __iter__(self) -> Iterator[str]:
        return (order_id for row in self._rows for leaf in row for order_id in leaf)

    def __len__(self) -> int:
        return self._count

    def __sizeof__(self) -> int:
        """An estimate of the bytes that only this map keeps alive, so that caches can weigh it without a walk."""
        return self._count * _BYTES_PER_ENTRY


def _slot(order_id: str) -> tuple[int, int]:
    return divmod(crc32(order_id.encode("utf-8", "surrogatepass")) % (_WIDTH * _WIDTH), _WIDTH)
