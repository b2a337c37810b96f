"""The file: one SQLite connection, and one commit for everything that happened in a turn of the loop.

The promise is that a killed process loses no accepted message: commits reach the operating system through the
write-ahead log before anything is answered. They are not flushed to the disk one by one, so a power loss may take the
last ones.

A message's id is its queue's number and, in the lower bits, its sequence number: the messages of a queue lie together,
in order. Locks are not kept: they end with the process.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final, NamedTuple

from emulators.data_folder import DataFolderError, prepare

FORMAT: Final = "1"
_MARKER: Final = "servicebus.format"
_DATABASE: Final = "servicebus.sqlite3"
_BUSY_SECONDS: Final = 0.5

SEQUENCE_BITS: Final = 40
_SEQUENCE_MASK: Final = (1 << SEQUENCE_BITS) - 1

ACTIVE: Final = 0
DEFERRED: Final = 1
SCHEDULED: Final = 2

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS queues (number INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY, state INTEGER NOT NULL, session TEXT, delivery_count INTEGER NOT NULL,
    enqueued INTEGER NOT NULL, expires INTEGER, due INTEGER,
    header BLOB NOT NULL, annotations BLOB NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS by_session ON messages (session, id) WHERE session IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_expiry ON messages (expires) WHERE expires IS NOT NULL;
CREATE INDEX IF NOT EXISTS by_due ON messages (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS seen (
    queue INTEGER, message_id TEXT, until INTEGER NOT NULL, PRIMARY KEY (queue, message_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_until ON seen (until);
CREATE TABLE IF NOT EXISTS session_states (
    queue INTEGER, session TEXT, state BLOB NOT NULL, updated INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (queue, session)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rule_changes (
    queue INTEGER, name TEXT, description BLOB, PRIMARY KEY (queue, name)) WITHOUT ROWID;
"""
_COLUMNS: Final = "id, state, session, delivery_count, enqueued, expires, due, header, annotations, body"


class StoredMessage(NamedTuple):
    """Times are milliseconds since the epoch; header, annotations and body are as `messages` encodes them."""

    id: int
    state: int
    session: str | None
    delivery_count: int
    enqueued: int
    expires: int | None
    due: int | None
    header: bytes
    annotations: bytes
    body: bytes

    @property
    def sequence_number(self) -> int:
        return self.id & _SEQUENCE_MASK


class Store:
    """Everything durable of one namespace, in a folder or, without one, in memory. Durable is what was committed."""

    def __init__(self, folder: Path | None) -> None:
        self._connection = sqlite3.connect(
            prepare(folder, _DATABASE, marker=_MARKER, format_=FORMAT, of="Service Bus") if folder else ":memory:",
            isolation_level=None,
            cached_statements=256,
            timeout=_BUSY_SECONDS,
        )
        self._read = self._connection.execute
        self._in_transaction = False
        try:
            # Exclusive: a second broker on the same folder is refused at once.
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            # A checkpoint flushes to the disk, and everybody waits for it: seldom, then.
            self._connection.execute("PRAGMA wal_autocheckpoint = 8000")
            self._connection.execute("PRAGMA cache_size = -65536")
            self._connection.executescript(_SCHEMA)
            if not self._read("SELECT 1 FROM pragma_table_info('session_states') WHERE name = 'updated'").fetchone():
                # A folder from before: its states are older than whatever a client asks for.
                self._connection.execute("ALTER TABLE session_states ADD COLUMN updated INTEGER NOT NULL DEFAULT 0")
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise DataFolderError(
                f"the data in {folder} is in use by another process ({error}); stop it first"
            ) from error

    def commit(self) -> None:
        """Make durable what was written since the last commit."""
        if self._in_transaction:
            self._connection.execute("COMMIT")
            self._in_transaction = False

    def close(self) -> None:
        """What was not committed is lost, as in a killed process."""
        self._connection.close()

    def _write(self, sql: str, arguments: tuple[Any, ...]) -> sqlite3.Cursor:
        if not self._in_transaction:
            self._connection.execute("BEGIN IMMEDIATE")
            self._in_transaction = True
        return self._connection.execute(sql, arguments)

    # Queues.

    def register(self, address: str) -> tuple[int, int]:
        """The number of a queue, which it keeps, and the last sequence number it gave."""
        key = address.lower()
        self._write("INSERT OR IGNORE INTO queues (address, last) VALUES (?, 0)", (key,))
        number, last = self._read("SELECT number, last FROM queues WHERE address = ?", (key,)).fetchone()
        return int(number), int(last)

    def set_last(self, number: int, last: int) -> None:
        self._write("UPDATE queues SET last = ? WHERE number = ?", (last, number))

    # Messages.

    def insert(self, message: StoredMessage) -> None:
        self._write(f"INSERT INTO messages ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", message)  # noqa: S608

    def delete(self, message: int) -> None:
        self._write("DELETE FROM messages WHERE id = ?", (message,))

    def update(self, message: int, *, delivery_count: int, state: int, body: bytes | None = None) -> None:
        self._write(
            "UPDATE messages SET delivery_count = ?, state = ?, body = coalesce(?, body) WHERE id = ?",
            (delivery_count, state, body, message),
        )

    def find(self, message: int) -> StoredMessage | None:
        row = self._read(f"SELECT {_COLUMNS} FROM messages WHERE id = ?", (message,)).fetchone()  # noqa: S608
        return None if row is None else StoredMessage._make(row)

    def active(self, after: int, number: int, limit: int) -> list[StoredMessage]:
        """The next active messages of a queue behind an id, in order."""
        rows = self._read(
            f"SELECT {_COLUMNS} FROM messages WHERE id > ? AND id < ? AND state = 0 ORDER BY id LIMIT ?",  # noqa: S608
            (after, number + 1 << SEQUENCE_BITS, limit),
        )
        return [StoredMessage._make(row) for row in rows]

    def active_in_session(self, after: int, number: int, session: str, limit: int) -> list[StoredMessage]:
        rows = self._read(
            f"SELECT {_COLUMNS} FROM messages INDEXED BY by_session "  # noqa: S608
            "WHERE session = ? AND id > ? AND id < ? AND state = 0 ORDER BY id LIMIT ?",
            (session, after, number + 1 << SEQUENCE_BITS, limit),
        )
        return [StoredMessage._make(row) for row in rows]

    def first_in_session(self, number: int, session: str) -> int | None:
        """The id of the first active message of a session."""
        return self._value(
            "SELECT min(id) FROM messages INDEXED BY by_session WHERE session = ? AND id > ? AND id < ? AND state = 0",
            session,
            *_range(number),
        )

    def first_of_sessions(self, number: int) -> list[tuple[str, int]]:
        """Each session with active messages, and the id of the first of them."""
        return self._read(
            "SELECT session, min(id) FROM messages WHERE id > ? AND id < ? AND state = 0 AND session IS NOT NULL "
            "GROUP BY session",
            _range(number),
        ).fetchall()

    def peek(self, after: int, number: int, session: str | None, limit: int) -> list[StoredMessage]:
        """Messages in every state behind an id."""
        where, arguments = ("", ()) if session is None else ("session = ? AND ", (session,))
        rows = self._read(
            f"SELECT {_COLUMNS} FROM messages WHERE {where} id > ? AND id < ? ORDER BY id LIMIT ?",  # noqa: S608
            (*arguments, after, number + 1 << SEQUENCE_BITS, limit),
        )
        return [StoredMessage._make(row) for row in rows]

    def count(self, number: int) -> dict[int, int]:
        """How many messages of a queue are in each state."""
        rows = self._read("SELECT state, count(*) FROM messages WHERE id > ? AND id < ? GROUP BY state", _range(number))
        return dict(rows.fetchall())

    def due(self, now: int) -> list[int]:
        """The ids of scheduled messages whose time has come, in the order of their times."""
        return [row[0] for row in self._read("SELECT id FROM messages WHERE due <= ? ORDER BY due, id", (now,))]

    def expired(self, now: int) -> list[int]:
        """The ids of active messages whose time is over."""
        return [row[0] for row in self._read("SELECT id FROM messages WHERE expires <= ? AND state = 0", (now,))]

    def next_due(self, now: int) -> int | None:
        return self._value("SELECT min(due) FROM messages WHERE due > ?", now)

    def next_expiry(self, now: int) -> int | None:
        return self._value("SELECT min(expires) FROM messages WHERE expires > ?", now)

    # Duplicate detection.

    def seen(self, number: int, message_id: str, now: int, until: int) -> bool:
        """Whether the id was seen and is remembered; if not, it is from now on."""
        row = self._read("SELECT until FROM seen WHERE queue = ? AND message_id = ?", (number, message_id)).fetchone()
        if row is not None and row[0] > now:
            return True
        self._write("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", (number, message_id, until))
        return False

    def forget_seen(self, now: int) -> None:
        self._write("DELETE FROM seen WHERE until <= ?", (now,))

    # Session states.

    def session_state(self, number: int, session: str) -> bytes | None:
        row = self._read(
            "SELECT state FROM session_states WHERE queue = ? AND session = ?", (number, session)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def set_session_state(self, number: int, session: str, state: bytes | None, now: int) -> None:
        if state is None:
            self._write("DELETE FROM session_states WHERE queue = ? AND session = ?", (number, session))
        else:
            self._write("INSERT OR REPLACE INTO session_states VALUES (?, ?, ?, ?)", (number, session, state, now))

    def sessions(self, number: int, skip: int, top: int) -> list[str]:
        """Sessions with active messages or a state, in the order of their ids."""
        rows = self._read(
            "SELECT session FROM messages WHERE id > ? AND id < ? AND state = 0 AND session IS NOT NULL "
            "UNION SELECT session FROM session_states WHERE queue = ? ORDER BY session LIMIT ? OFFSET ?",
            (*_range(number), number, top, skip),
        )
        return [row[0] for row in rows]

    def sessions_updated(self, number: int, after: int, skip: int, top: int) -> list[str]:
        """Sessions whose state was set after a time, in the order of their ids."""
        rows = self._read(
            "SELECT session FROM session_states WHERE queue = ? AND updated > ? ORDER BY session LIMIT ? OFFSET ?",
            (number, after, top, skip),
        )
        return [row[0] for row in rows]

    # Rules that clients added (with a description) or removed (without one).

    def rule_changes(self, number: int) -> list[tuple[str, bytes | None]]:
        return self._read("SELECT name, description FROM rule_changes WHERE queue = ?", (number,)).fetchall()

    def set_rule(self, number: int, name: str, description: bytes | None) -> None:
        self._write("INSERT OR REPLACE INTO rule_changes VALUES (?, ?, ?)", (number, name, description))

    def _value(self, sql: str, *arguments: Any) -> int | None:
        value = self._read(sql, arguments).fetchone()[0]
        return None if value is None else int(value)


def message_id(number: int, sequence_number: int) -> int:
    """The id of a message, from its queue's number and its sequence number there."""
    return number << SEQUENCE_BITS | sequence_number


def _range(number: int) -> tuple[int, int]:
    return number << SEQUENCE_BITS, number + 1 << SEQUENCE_BITS
