"""What the tests of the Functions host share."""

import logging
from collections.abc import Iterator

import pytest

from emulators.tests.functions import engines


@pytest.fixture(scope="module", params=engines.HERE)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of the engine that functions run on, each in its turn."""
    engines.use(request.param)
    # A log of the worker's own. The host drops its records unread, and pytest would write them out, whatever they hold.
    workers_log = logging.getLogger("azure.functions")
    workers_log.addFilter(_drop)
    yield request.param
    workers_log.removeFilter(_drop)
    engines.stop_using()


def _drop(record: logging.LogRecord) -> bool:
    return False
