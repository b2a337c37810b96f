"""These tests count requests on the wire, and so may open sockets."""

import pytest


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    """In place of the rule of the same name for unit tests."""
