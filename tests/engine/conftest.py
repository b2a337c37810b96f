"""A rule for the tests of the engine: only the contracts of adapters may open sockets."""

from pathlib import Path

import pytest

from tests.engine.sockets import refuse_sockets

_CONTRACTS = Path(__file__).parent / "contracts"


@pytest.fixture(autouse=True)
def _no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, it takes the place of one for all tests."""
    if not request.path.is_relative_to(_CONTRACTS):
        refuse_sockets(monkeypatch, "engine")
