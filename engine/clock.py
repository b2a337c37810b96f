"""`utc_now` is the clock of the running service; tests pass clocks of their own."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    return datetime.now(UTC)
