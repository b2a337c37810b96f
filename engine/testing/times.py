"""Tests take place at `NOON`, unless they say otherwise."""

from datetime import UTC, datetime
from typing import Final

NOON: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
