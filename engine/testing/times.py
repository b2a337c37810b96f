"""The time at which everything happens in tests, unless they say otherwise."""

from datetime import UTC, datetime
from typing import Final

NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
