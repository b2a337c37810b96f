"""Rules for every test: only the tiers that are about processes and wires may open sockets.

The tests of the engine bring a rule of their own, which takes the place of this one.
"""

from pathlib import Path

import pytest
from hypothesis import settings

from tests.engine.contracts.cases import pytest_terminal_summary
from tests.engine.sockets import refuse_sockets

__all__ = ["pytest_terminal_summary"]

# A loaded machine is no finding.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

_HERE = Path(__file__).parent
_MAY_OPEN_SOCKETS = {"browser", "contracts", "devstack", "e2e", "operate"}


@pytest.fixture(autouse=True)
def _no_sockets(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    tier = request.path.relative_to(_HERE).parts[0]
    if tier not in _MAY_OPEN_SOCKETS:
        refuse_sockets(monkeypatch, tier)
