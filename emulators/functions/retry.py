"""Retry policies of functions: how long the host waits, and when it gives up."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

INFINITE = -1


@dataclass(frozen=True)
class RetryPolicy:
    """`@app.retry`; times are seconds. `maximum` is None for the fixed strategy."""

    max_retry_count: int
    minimum: float
    maximum: float | None

    def allows(self, retry_count: int) -> bool:
        """Whether a retry with this number, counted from 1, may still happen."""
        return self.max_retry_count == INFINITE or retry_count <= self.max_retry_count

    def delay(self, retry_count: int) -> float:
        """Seconds to wait before retry `retry_count`.

        RandomizedExponentialBackoffStrategy of the WebJobs SDK: the first wait is the minimum; wait n adds
        2^(n-2) times the minimum, plus or minus 20 %; never more than the maximum.
        """
        if self.maximum is None:
            return self.minimum
        if retry_count == 1:
            return min(self.minimum, self.maximum)
        steps = min(retry_count - 2, 60)
        return min(self.minimum * (1 + random.uniform(0.8, 1.2) * 2.0**steps), self.maximum)

    def hurried(self, factor: float) -> "RetryPolicy":
        """The same policy with its times divided by `factor`."""
        maximum = None if self.maximum is None else self.maximum / factor
        return RetryPolicy(self.max_retry_count, self.minimum / factor, maximum)


def policy_from_settings(settings: Mapping[str, Any] | None) -> RetryPolicy | None:
    """The policy in a function's settings dictionary, read as the worker reads it.

    Raises ValueError or TypeError for intervals that are missing or not `HH:MM:SS`; like every error of
    indexing this makes the whole app vanish.
    """
    if not settings:
        return None
    count = int(settings["max_retry_count"])
    # The worker treats every strategy other than this very spelling as exponential.
    if settings.get("strategy") == "fixed_delay":
        return RetryPolicy(count, _seconds(settings, "delay_interval"), None)
    return RetryPolicy(count, _seconds(settings, "minimum_interval"), _seconds(settings, "maximum_interval"))


def _seconds(settings: Mapping[str, Any], name: str) -> float:
    text = settings.get(name)
    if not isinstance(text, str):
        raise TypeError(f"retry policy: {name} must be a text of the form HH:MM:SS, not {text!r}")
    parsed = time.strptime(text, "%H:%M:%S")
    return float((parsed.tm_hour * 60 + parsed.tm_min) * 60 + parsed.tm_sec)
