"""Which texts the Functions host may have re-written."""

from typing import Any

import pytest

from engine.consuming.host_rewrites import may_be_rewritten


@pytest.mark.parametrize(
    "data",
    ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.12+00:00", "2026-01-02T01:04:05+00:00", "2023-11-14T22:13:20Z",
     {"a": [{"b": "2026-01-02T03:04:05.1234567Z"}]}],
)  # fmt: skip
def test_what_the_host_writes_looks_like_a_date_time(data: Any) -> None:
    assert may_be_rewritten(data)


@pytest.mark.parametrize(
    "data",
    ["", "2026-01-02", "at 2026-01-02T03:04:05Z", "2026-01-02 03:04:05", 5, None, True, {"2026-01-02T03:04:05Z": 1}],
)
def test_other_data_is_taken_at_its_word(data: Any) -> None:
    assert not may_be_rewritten(data)
