"""The file: one SQLite connection, short transactions, and the version of what it holds.

The promise is that a killed process loses no acknowledged write: commits reach the operating system through the
write-ahead log before they are answered. They are not flushed to the disk one by one, so a power loss may take the last
ones (never a part of one).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from emulators.data_folder import DataFolderError, prepare

FORMAT: Final = "1"
_MARKER: Final = "cosmos.format"
_DATABASE: Final = "cosmos.sqlite3"
_BUSY_SECONDS: Final = 0.5

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS account (next_table INTEGER NOT NULL);
INSERT INTO account SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM account);
CREATE TABLE IF NOT EXISTS databases (
    rid TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, etag TEXT NOT NULL, ts INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS containers (
    rid TEXT PRIMARY KEY, database TEXT NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL, definition TEXT NOT NULL,
    etag TEXT NOT NULL, ts INTEGER NOT NULL, lsn INTEGER NOT NULL, ranges TEXT NOT NULL, UNIQUE (database, id));
CREATE TABLE IF NOT EXISTS offers (
    rid TEXT PRIMARY KEY, resource TEXT NOT NULL UNIQUE, etag TEXT NOT NULL, ts INTEGER NOT NULL,
    content TEXT NOT NULL);
"""


class Store:
    """Everything durable of one account, in a folder or, without one, in memory."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.connection = sqlite3.connect(
            prepare(folder, _DATABASE, marker=_MARKER, format_=FORMAT, of="Cosmos") if folder else ":memory:",
            isolation_level=None,
            cached_statements=1024,
            timeout=_BUSY_SECONDS,
        )
        try:
            # Exclusive: a second server on the same folder is refused at once instead of corrupting LSNs.
            self.connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self.connection.execute("PRAGMA journal_mode = WAL")
            self.connection.execute("PRAGMA synchronous = NORMAL")
            self.connection.execute("PRAGMA cache_size = -65536")
            self.connection.executescript(_SCHEMA)
        except sqlite3.OperationalError as error:
            self.connection.close()
            raise DataFolderError(
                f"the data in {folder} is in use by another process ({error}); stop it first"
            ) from error

    def close(self) -> None:
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; durable when the block has ended."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def rows(self, sql: str, *arguments: Any) -> list[Any]:
        return self.connection.execute(sql, arguments).fetchall()
