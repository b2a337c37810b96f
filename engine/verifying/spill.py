"""What a verification has read is kept in a file, since it does not fit into memory: events by stream, and views.

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
CREATE TABLE IF NOT EXISTS counters (
    consumer TEXT, bucket TEXT, lsn INTEGER, document TEXT, PRIMARY KEY (consumer, bucket)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS markers (
    consumer TEXT, stream TEXT, version INTEGER, bucket TEXT, lsn INTEGER, PRIMARY KEY (consumer, stream, version)
) WITHOUT ROWID;
CREATE TEMPORARY TABLE sums (
    consumer TEXT, bucket TEXT, key TEXT, amount INTEGER, PRIMARY KEY (consumer, bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS findings (kind TEXT, detail TEXT, stream TEXT, PRIMARY KEY (kind, detail, stream));
"""

_CACHE_KIB = 65_536
"""SQLite keeps this much of the file in memory."""


class Spill:
    """Is not for use by several processes at once. Raises sqlite3.DatabaseError for a file that is none of ours."""

    def __init__(self, file: Path) -> None:
        file.touch(mode=0o600)
        self._database = sqlite3.connect(file)
        # A crash of the process loses nothing; one of the machine loses the file, which is then made again.
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(_TABLES)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")

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

    def keep_counters(self, counters: Iterable[tuple[str, str, int, Mapping[str, Any]]]) -> None:
        """Keeps the counters of rollups: consumer, bucket, number of the transaction, and document."""
        rows = ((*where, json.dumps(document)) for *where, document in counters)
        self._database.executemany("INSERT OR REPLACE INTO counters VALUES (?, ?, ?, ?)", rows)

    def keep_markers(self, markers: Iterable[tuple[str, str, str, int]]) -> None:
        """Keeps the markers of rollups: consumer, id, bucket, and number of the transaction."""
        named = ((consumer, *marker.rpartition("~"), *where) for consumer, marker, *where in markers)
        rows = ((consumer, stream, version, *where) for consumer, stream, _, version, *where in named)
        self._database.executemany("INSERT OR REPLACE INTO markers VALUES (?, ?, ?, ?, ?)", rows)

    def markers(self, consumer: str, stream: str) -> Mapping[str, tuple[str, int]]:
        """Returns bucket and number of the transaction of each marker of a stream, by its id."""
        rows = self._database.execute(
            "SELECT version, bucket, lsn FROM markers WHERE consumer = ? AND stream = ?", (consumer, stream)
        )
        return {f"{stream}~{version}": (bucket, lsn) for version, bucket, lsn in rows}

    def add(self, consumer: str, bucket: str, lsn: int, added: Mapping[str, int]) -> None:
        """Adds to the sums of a bucket, unless its counter was written by an earlier transaction than `lsn`."""
        counter = self._database.execute(
            "SELECT lsn FROM counters WHERE consumer = ? AND bucket = ?", (consumer, bucket)
        ).fetchone()
        if counter is None or lsn <= counter[0]:
            self._database.executemany(
                """INSERT INTO sums VALUES (?, ?, ?, ?)
                   ON CONFLICT (consumer, bucket, key) DO UPDATE SET amount = amount + excluded.amount""",
                [(consumer, bucket, key, amount) for key, amount in added.items()],
            )

    def counters(self, consumer: str) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, int]]]:
        """Yields each bucket with its counter, which is empty if there is none, and the sums that were added."""
        buckets = self._database.execute(
            """SELECT bucket FROM counters WHERE consumer = ?1
               UNION SELECT bucket FROM sums WHERE consumer = ?1""",
            (consumer,),
        ).fetchall()
        for (bucket,) in buckets:
            where = (consumer, bucket)
            document = self._database.execute(
                "SELECT document FROM counters WHERE consumer = ? AND bucket = ?", where
            ).fetchone()
            sums = self._database.execute("SELECT key, amount FROM sums WHERE consumer = ? AND bucket = ?", where)
            yield bucket, {"sums": {}, "billions": {}} if document is None else json.loads(document[0]), dict(sums)

    def keep_finding(self, finding: Finding) -> None:
        self._database.execute(
            "INSERT OR IGNORE INTO findings VALUES (?, ?, ?)", (finding.kind, finding.detail, finding.stream)
        )

    def findings(self) -> Iterator[Finding]:
        for kind, detail, stream in self._database.execute("SELECT kind, detail, stream FROM findings"):
            yield Finding(kind, detail, stream)

    def streams(self) -> Iterator[str]:
        """Yields each stream that has an event or a view."""
        for (stream,) in self._database.execute("SELECT stream FROM events UNION SELECT stream FROM views"):
            yield stream

    def count(self) -> int:
        counted: int = self._database.execute(
            "SELECT COUNT(*) FROM (SELECT stream FROM events UNION SELECT stream FROM views)"
        ).fetchone()[0]
        return counted

    def views_ahead(self) -> Sequence[tuple[str, int, int]]:
        """Returns the streams of which a view has seen more than is kept: stream, newest version, newest position."""
        return self._database.execute(
            """SELECT stream, known, seen FROM (
                   SELECT stream, MAX(position) AS seen,
                          COALESCE((SELECT MAX(version) FROM events WHERE events.stream = views.stream), 0) AS known
                   FROM (SELECT stream, position FROM views UNION ALL SELECT stream, version FROM markers) AS views
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
