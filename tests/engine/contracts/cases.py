"""How many cases of the contracts ran over which adapter.

Tests may run in several processes, and the one that prints the summary loads `tests/conftest.py` alone, which takes the
hook from here. The reports bring what is counted.
"""

from collections import Counter
from typing import Final

import pytest

ADAPTERS: Final = ("memory", "devstack", "azure")
ADAPTER: Final = "adapter"
"""Names what the report of a case says."""
AZURE: Final = "AZURE_COSMOS_CONNECTION"
"""A connection string of a real account, whose database `contract-tests` the suite may fill."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [each for outcome in ("passed", "failed") for each in terminalreporter.getreports(outcome)]
    cases = Counter(value for each in reports for name, value in each.user_properties if name == ADAPTER)
    if cases:
        counts = [f"{name} {cases[name]}" if cases[name] else f"{name} not run" for name in ADAPTERS]
        terminalreporter.write_line(f"contracts, cases by adapter: {', '.join(counts)} (azure needs {AZURE})")
