"""Rules for the tests of the engine: only the contracts of adapters open sockets, and no example has a deadline."""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.engine.sockets import refuse_sockets

# A loaded machine is no finding.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_CONTRACTS = Path(__file__).parent / "contracts"


@pytest.fixture(autouse=True)
def _no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, it takes the place of one for all tests."""
    if not request.path.is_relative_to(_CONTRACTS):
        refuse_sockets(monkeypatch, "engine")
