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
                   FROM views GROUP BY stream
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
