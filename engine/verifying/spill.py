"""What a verification has read is kept in a file, since it does not fit into memory: events by stream, views, and sums.

The file also has how far each feed was read: a verification that was interrupted goes on from there. It holds what the
events say, so nobody else may read it.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.consuming.feed.port import FeedRange
from engine.verifying.findings import Finding

_TABLES = """
CREATE TABLE IF NOT EXISTS positions (
    feed TEXT, low TEXT, high TEXT, position TEXT, done INTEGER, PRIMARY KEY (feed, low, high)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events (
    stream TEXT, version INTEGER, written INTEGER, item TEXT, PRIMARY KEY (stream, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS views (
    stream TEXT, consumer TEXT, partition TEXT, position INTEGER, document TEXT,
    PRIMARY KEY (stream, consumer, partition)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS markers (
    consumer TEXT, stream TEXT, version INTEGER, bucket TEXT, lsn INTEGER, added TEXT,
    PRIMARY KEY (consumer, stream, version, bucket)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (
    consumer TEXT, bucket TEXT, lsn INTEGER, counter TEXT, PRIMARY KEY (consumer, bucket)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS findings (
    kind TEXT, detail TEXT, stream TEXT, consumer TEXT, PRIMARY KEY (kind, detail, stream)
);
"""

_STREAMS = "SELECT stream FROM events UNION SELECT stream FROM views UNION SELECT stream FROM markers"

_CACHE_KIB = 65_536
"""SQLite keeps this much of the file in memory."""


class Spill:
    """Is not for use by several processes at once. Raises sqlite3.DatabaseError for a file that is none of ours."""

    def __init__(self, file: Path) -> None:
        file.touch(mode=0o600)
        self._database = sqlite3.connect(file)
        try:
            # A crash of the process loses nothing; one of the machine loses the file, which is then made again.
            self._database.execute("PRAGMA synchronous = OFF")
            self._database.executescript(_TABLES)
            self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        except sqlite3.DatabaseError:
            self.close()
            raise

    def close(self) -> None:
        self._database.close()

    def begin(self, feed: str, ranges: Sequence[FeedRange]) -> Sequence[tuple[FeedRange, str | None, int]]:
        """Returns the ranges of a feed with the position and the number of items of each, as an earlier run left them.

        The ranges of the first run are kept: a position follows its range through splits.
        """
        if not self._positions(feed):
            rows = [(feed, each.low, each.high) for each in ranges]
            self._database.executemany("INSERT INTO positions VALUES (?, ?, ?, NULL, 0)", rows)
        return self._positions(feed)

    def _positions(self, feed: str) -> Sequence[tuple[FeedRange, str | None, int]]:
        rows = self._database.execute("SELECT low, high, position, done FROM positions WHERE feed = ?", (feed,))
        return [(FeedRange(low, high), position, done) for low, high, position, done in rows]

    def advance(self, feed: str, where: FeedRange, position: str | None, items: int) -> None:
        """Says that this page was read, and keeps with it, for good, what was kept since the last call."""
        self._database.execute(
            "UPDATE positions SET position = ?, done = done + ? WHERE feed = ? AND low = ? AND high = ?",
            (position, items, feed, where.low, where.high),
        )
        self._database.commit()

    def keep_events(self, events: Iterable[tuple[str, int, int, Mapping[str, Any]]]) -> None:
        """Keeps items as stream, version, time at which they were written, and item; the newest of a version stays."""
        rows = ((stream, version, written, json.dumps(item)) for stream, version, written, item in events)
        self._database.executemany("INSERT OR REPLACE INTO events VALUES (?, ?, ?, ?)", rows)

    def keep_views(self, views: Iterable[tuple[str, str, str, int, Mapping[str, Any]]]) -> None:
        """Keeps documents as stream, consumer, partition, position, and document."""
        rows = ((*where, json.dumps(document)) for *where, document in views)
        self._database.executemany("INSERT OR REPLACE INTO views VALUES (?, ?, ?, ?, ?)", rows)

    def keep_markers(self, markers: Iterable[tuple[str, str, int, str, int]]) -> None:
        """Keeps markers as consumer, stream, version, bucket, and number of their transaction."""
        self._database.executemany("INSERT OR REPLACE INTO markers VALUES (?, ?, ?, ?, ?, NULL)", markers)

    def keep_counters(self, counters: Iterable[tuple[str, str, int, Mapping[str, Any]]]) -> None:
        """Keeps counters as consumer, bucket, number of the transaction that wrote it last, and item."""
        rows = ((*where, json.dumps(counter)) for *where, counter in counters)
        self._database.executemany("INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?)", rows)

    def count_marked(
        self, consumer: str, stream: str, version: int, bucket: str, added: Mapping[str, int] | None
    ) -> bool:
        """Notes what an event adds to its bucket, None if that cannot be told; returns whether it has its marker."""
        noted = self._database.execute(
            "UPDATE markers SET added = ? WHERE consumer = ? AND stream = ? AND version = ? AND bucket = ?",
            (json.dumps(added), consumer, stream, version, bucket),
        )
        return noted.rowcount == 1

    def leave_out(self, consumer: str, stream: str) -> None:
        """Notes that it cannot be told what the other events of a stream add."""
        self._database.execute(
            "UPDATE markers SET added = 'null' WHERE consumer = ? AND stream = ? AND added IS NULL", (consumer, stream)
        )

    def unfounded_markers(self) -> Iterator[tuple[str, str, int, str]]:
        """Yields the markers of which no event was noted: consumer, stream, version, bucket."""
        yield from self._database.execute("SELECT consumer, stream, version, bucket FROM markers WHERE added IS NULL")

    def buckets(self) -> Iterator[tuple[str, str, Mapping[str, Any] | None, Sequence[Mapping[str, int] | None]]]:
        """Yields each bucket: consumer, its name, its counter, and what each event adds that the counter has."""
        for consumer, bucket, lsn, counter in self._database.execute(
            """SELECT consumer, bucket, counters.lsn, counter FROM counters UNION ALL
               SELECT DISTINCT consumer, bucket, NULL, NULL FROM markers
               WHERE (consumer, bucket) NOT IN (SELECT consumer, bucket FROM counters)"""
        ):
            added = self._database.execute(
                "SELECT added FROM markers WHERE consumer = ? AND bucket = ? AND lsn <= ? AND added IS NOT NULL",
                (consumer, bucket, lsn),
            )
            yield consumer, bucket, counter and json.loads(counter), [json.loads(text) for (text,) in added]

    def keep_finding(self, finding: Finding) -> None:
        self._database.execute(
            "INSERT OR IGNORE INTO findings VALUES (?, ?, ?, ?)",
            (finding.kind, finding.detail, finding.stream, finding.consumer),
        )

    def findings(self) -> Iterator[Finding]:
        for row in self._database.execute("SELECT kind, detail, stream, consumer FROM findings"):
            yield Finding(*row)

    def streams(self) -> Iterator[str]:
        """Yields each stream that has an event, a view or a marker."""
        for (stream,) in self._database.execute(_STREAMS):
            yield stream

    def count(self) -> int:
        return sum(1 for _ in self.streams())

    def streams_ahead(self) -> Sequence[tuple[str, int, int]]:
        """Returns the streams of which a read model has seen more than is kept: stream, kept and seen version."""
        return self._database.execute(
            """SELECT stream, known, seen FROM (
                   SELECT stream, MAX(position) AS seen,
                          COALESCE((SELECT MAX(version) FROM events WHERE events.stream = ahead.stream), 0) AS known
                   FROM (SELECT stream, position FROM views UNION ALL SELECT stream, version FROM markers) AS ahead
                   GROUP BY stream
               ) WHERE seen > known"""
        ).fetchall()

    def events(self, stream: str) -> Iterator[tuple[int, int, str]]:
        """Yields the events of a stream in order: version, time at which it was written, and text of the item."""
        yield from self._database.execute(
            "SELECT version, written, item FROM events WHERE stream = ? ORDER BY version", (stream,)
        )

    def views(self, stream: str) -> Sequence[tuple[str, str, Mapping[str, Any]]]:
        """Returns the views of a stream: consumer, partition, document."""
        rows = self._database.execute("SELECT consumer, partition, document FROM views WHERE stream = ?", (stream,))
        return [(consumer, partition, json.loads(document)) for consumer, partition, document in rows]
