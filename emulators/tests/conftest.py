"""Tests of a service say how what they hold is known, so that a page of compatibility can be generated."""

import pytest
from hypothesis import settings

# A loaded machine is no finding.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "verified(how, feature): how is 'sdk' (an official SDK is the judge), 'trace' (executed against the real "
        "service or host) or 'docs' (documentation, or source that was read)",
    )
    config.addinivalue_line(
        "markers",
        "differs(what, own, official, why): what the two engines of the Functions host do otherwise than each other, "
        "and which of them is right",
    )
