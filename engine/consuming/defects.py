"""Many streams that fail alike are no bad streams: the build has a defect, and parking them would hide it."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Set
from datetime import datetime, timedelta
from typing import Final

MANY: Final = 20
SHARE: Final = 0.2
WITHIN: Final = timedelta(minutes=5)


class RecentFailures:
    """Knows of one consumer in this process what it handled in the last five minutes, and which streams failed how."""

    def __init__(self) -> None:
        self._batches: deque[tuple[datetime, int, Iterable[tuple[str, str]]]] = deque()

    def add(self, at: datetime, handled: int, failed: Iterable[tuple[str, str]]) -> Set[str]:
        """Adds a batch of `handled` streams; `failed` has the kind of each failure, and its stream.

        Returns the kinds of failures that are a defect: at least `MANY` streams, and `SHARE` of all, fail alike. A
        batch that is delivered again counts again, with all of its streams.
        """
        self._batches.append((at, handled, tuple(failed)))
        while self._batches[0][0] <= at - WITHIN:
            self._batches.popleft()
        failures: Counter[str] = Counter()
        streams: defaultdict[str, set[str]] = defaultdict(set)
        for _, _, batch in self._batches:
            for kind, stream_id in batch:
                failures[kind] += 1
                streams[kind].add(stream_id)
        all_handled = sum(count for _, count, _ in self._batches)
        return {kind for kind, its in streams.items() if len(its) >= MANY and failures[kind] >= SHARE * all_handled}
