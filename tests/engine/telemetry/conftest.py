"""What is traced and measured while a test runs, kept in memory."""

from collections.abc import Iterator

import pytest

from tests.engine.telemetry.kept import Kept, keeping


@pytest.fixture
def kept() -> Iterator[Kept]:
    with keeping() as kept:
        yield kept
