"""Open reservations, as a persistent map: a changed copy shares all but one small leaf with the original.

A busy sku has thousands of open reservations and an event for each; copying one dictionary per event would make
folding a stream quadratic. Two levels of `_WIDTH` slots keep a change at two short tuples and one small leaf,
in practice constant up to some hundred thousand entries.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self
from zlib import crc32

_WIDTH: Final = 64
_BYTES_PER_ENTRY: Final = 250

_Leaf = Mapping[str, int]
_EMPTY: Final[tuple[tuple[_Leaf, ...], ...]] = (({},) * _WIDTH,) * _WIDTH


@dataclass(frozen=True, slots=True, eq=False)
class Reservations(Mapping[str, int]):
    """Order id to reserved quantity."""

    _leaves: tuple[tuple[_Leaf, ...], ...] = _EMPTY
    _count: int = 0

    def with_entry(self, order_id: str, quantity: int) -> Self:
        return self._changed(order_id, {**self._leaf(order_id), order_id: quantity})

    def without(self, order_id: str) -> Self:
        return self._changed(order_id, {key: q for key, q in self._leaf(order_id).items() if key != order_id})

    def _leaf(self, order_id: str) -> _Leaf:
        outer, inner = _slot(order_id)
        return self._leaves[outer][inner]

    def _changed(self, order_id: str, leaf: _Leaf) -> Self:
        outer, inner = _slot(order_id)
        row = self._leaves[outer]
        count = self._count + len(leaf) - len(row[inner])
        row = (*row[:inner], leaf, *row[inner + 1 :])
        return type(self)((*self._leaves[:outer], row, *self._leaves[outer + 1 :]), count)

    def __getitem__(self, order_id: str) -> int:
        return self._leaf(order_id)[order_id]

    def __iter__(self) -> Iterator[str]:
        return (order_id for row in self._leaves for leaf in row for order_id in leaf)

    def __len__(self) -> int:
        return self._count

    def __sizeof__(self) -> int:
        """An estimate of the bytes that only this map keeps alive, so that caches can weigh it without a walk."""
        return self._count * _BYTES_PER_ENTRY


def _slot(order_id: str) -> tuple[int, int]:
    return divmod(crc32(order_id.encode("utf-8", "surrogatepass")) % (_WIDTH * _WIDTH), _WIDTH)
