"""What the account was asked and what it charged, where the account is a local one that counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Self

import aiohttp

from operate.costs.tariff import tariff

USD_PER_MILLION_RU: Final = float(tariff().rates.request_units.usd(Decimal(1_000_000)))
"""List price of serverless accounts."""

_LEASES: Final = "leases"
_IDLE_KINDS: Final = ("feed",)


@dataclass(frozen=True, slots=True)
class Charges:
    """Request units of work, of polling and leases, which run idle too, and appends that another writer had won."""

    work: float = 0.0
    idle: float = 0.0
    conflicts: int = 0

    def since(self, before: Self) -> "Charges":
        return Charges(self.work - before.work, self.idle - before.idle, self.conflicts - before.conflicts)


async def charges(endpoint: str) -> Charges | None:
    """So far, since the account was started; None for an account that does not count."""
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{endpoint.rstrip('/')}/_devstack/requests/totals") as response,
        ):
            if response.status != 200:
                return None
            totals: list[Mapping[str, Any]] = await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return None
    idle = sum(each["charge"] for each in totals if each["container"] == _LEASES or each["kind"] in _IDLE_KINDS)
    conflicts = sum(each["count"] for each in totals if _is_lost_append(each))
    return Charges(sum(each["charge"] for each in totals) - idle, idle, conflicts)


def _is_lost_append(total: Mapping[str, Any]) -> bool:
    """A batch that was to create events and in which an operation failed is answered 207."""
    return bool(total["container"] == "events" and "create" in total["operations"] and total["status"] == 207)
