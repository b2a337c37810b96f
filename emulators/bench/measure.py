"""Timing on a machine that does other things too: sides take turns, and ratios are taken within a turn."""

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds per operation of each side, round by round."""

    rounds: Mapping[str, Sequence[float]]

    def median(self, side: str) -> float:
        return statistics.median(self.rounds[side])

    def ratio(self, side: str, over: str) -> float:
        """The median over the rounds of `side` over `over`: both were measured within one round, noise and all."""
        return statistics.median(a / b for a, b in zip(self.rounds[side], self.rounds[over], strict=True))


def interleaved(sides: Mapping[str, Callable[[], object]], rounds: int, operations: int = 1) -> Timings:
    """Runs every side once per round, the next round in the opposite order; a run does `operations` of them.

    One run of each is thrown away: it fills caches and compiles converters. What counts is the processor's time.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    with _material_frozen():
        for work in sides.values():
            work()
        for number in range(rounds):
            for name in _in_turn(list(sides), number):
                gc.collect()
                begun = time.process_time()
                sides[name]()
                seconds[name].append((time.process_time() - begun) / operations)
    return Timings(seconds)


async def interleaved_async(
    sides: Mapping[str, Callable[[int], Awaitable[object]]],
    rounds: int,
    operations: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> Timings:
    """The same for coroutines, which are told the number of their round; round 0 is thrown away.

    They wait for others, so the wall clock counts, unless `clock` is that of the processor.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    with _material_frozen():
        for work in sides.values():
            await work(0)
        for number in range(1, rounds + 1):
            for name in _in_turn(list(sides), number):
                gc.collect()
                begun = clock()
                await sides[name](number)
                seconds[name].append((clock() - begun) / operations)
    return Timings(seconds)


@contextmanager
def _material_frozen() -> Iterator[None]:
    """What was prepared for a measurement is not walked by the collector during it, as it would not be there."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def percentile(seconds: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all do not exceed (nearest rank)."""
    ordered = sorted(seconds)
    rank = max(1, -(-len(ordered) * percent // 100))
    return ordered[int(rank) - 1]


def _in_turn(names: list[str], number: int) -> list[str]:
    return names if number % 2 == 0 else names[::-1]
