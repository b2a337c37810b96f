"""A namespace without a server, for the rules alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.devstack.servicebus.pure import Broker


@pytest.fixture
def broker() -> Iterator[Broker]:
    made = Broker()
    yield made
    made.close()
