"""Processes over one hostile store."""

import pytest

from tests.engine.commands.desk import Desk
from tests.engine.commands.hostile_store import HostileStore


@pytest.fixture
def store() -> HostileStore:
    return HostileStore()


@pytest.fixture
def desk(store: HostileStore) -> Desk:
    return Desk(store)


@pytest.fixture
def other(store: HostileStore) -> Desk:
    """Another process over the same store: its cache knows nothing of the first one's writes."""
    return Desk(store)
