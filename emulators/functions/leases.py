"""Lease documents of a change feed processor: their form, and who may hold one.

Forms, names and order of the calls are those of the change feed processor of the .NET SDK 3.64, so that another
processor can share the container.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from emulators.functions.cosmos_wire import Container, ContainerId, CosmosError, Range

_LOCK_TTL_S = 30
_UPDATE_ATTEMPTS = 5


class LeaseLostError(Exception):
    """Another processor holds the lease, or it is gone."""


@dataclass(frozen=True)
class Lease:
    """The right to read one range of a feed, and how far it has been read.

    `version` 0 is a lease of a physical partition, 1 one of a range of effective partition keys.
    """

    id: str
    token: str
    minimum: str
    maximum: str
    owner: str | None = None
    continuation: str | None = None
    timestamp: str | None = None
    properties: Mapping[str, Any] | None = None
    version: int = 0
    etag: str | None = None
    ts: int = 0

    @staticmethod
    def from_document(document: Mapping[str, Any], etag: str | None = None) -> "Lease":
        """Read a lease that any processor of the .NET SDK wrote."""
        key_range = (document.get("FeedRange") or {}).get("Range") or {"min": "", "max": "FF"}
        return Lease(
            id=document["id"],
            token=str(document.get("LeaseToken") or document.get("PartitionId")),
            minimum=key_range["min"],
            maximum=key_range["max"],
            owner=document.get("Owner"),
            continuation=document.get("ContinuationToken"),
            timestamp=document.get("timestamp"),
            properties=document.get("properties"),
            version=document.get("version") or 0,
            etag=etag or document.get("_etag"),
            ts=document.get("_ts") or 0,
        )

    def to_document(self) -> dict[str, Any]:
        """The document, its properties in the order in which the .NET SDK writes them."""
        return {
            "id": self.id,
            "version": self.version,
            "_etag": self.etag,
            "LeaseToken": self.token,
            "FeedRange": {"Range": {"min": self.minimum, "max": self.maximum}},
            "Owner": self.owner,
            "ContinuationToken": self.continuation,
            "properties": dict(self.properties or {}),
            "timestamp": self.timestamp,
            "_ts": self.ts,
            "Mode": "Incremental Feed",
        }

    def is_free(self, expiration: float, now: datetime) -> bool:
        """Nobody holds it, or its holder has not renewed it for `expiration` seconds.

        The clock is the holder's own `timestamp`, not `_ts`.
        """
        if not self.owner or self.timestamp is None:
            return True
        return parse_timestamp(self.timestamp) + timedelta(seconds=expiration) < now


def format_timestamp(moment: datetime) -> str:
    """As Json.NET writes a DateTime in UTC: no zeros at the end of the fraction."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    return text.rstrip("0").rstrip(".") + "Z"


def parse_timestamp(text: str) -> datetime:
    """The moment of a lease's timestamp, which has up to seven digits of fraction."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)


def leases_to_take(leases: Sequence[Lease], me: str, expiration: float, now: datetime) -> list[Lease]:
    """Which leases a host should acquire now: free ones first, else one of the host that holds the most.

    EqualPartitionsBalancingStrategy of the .NET SDK: the target is an equal share; a free lease is taken even
    beyond the share; at most one lease is stolen at a time.
    """
    free = [lease for lease in leases if lease.is_free(expiration, now)]
    held = [lease for lease in leases if not lease.is_free(expiration, now)]
    counts = Counter(lease.owner for lease in held)
    counts.setdefault(me, 0)
    target = max(1, -(-len(leases) // len(counts)))
    needed = target - counts[me]
    if free:
        wanted = max(needed, 1)
        return random.sample(free, 1) if wanted == 1 else free[:wanted]
    if needed <= 0:
        return []
    richest, most = counts.most_common(1)[0]
    if most <= target - (1 if needed > 1 else 0):
        return []
    return [next(lease for lease in held if lease.owner == richest)]


class LeaseStore:
    """The leases of one processor: `prefix` is the part of their ids that they share.

    Every change of a lease states the etag that it is based on; a lease that somebody else changed is read
    again, and given up if it has another owner.
    """

    def __init__(self, container: Container, prefix: str, owner: str, *, key_is_id: bool) -> None:
        self._container = container
        self.prefix = prefix
        self.owner = owner
        self._key_is_id = key_is_id

    async def all(self) -> list[Lease]:
        """Every lease, in the order of their ids."""
        rows = await self._container.query(
            "SELECT * FROM c WHERE STARTSWITH(c.id, @prefix)", {"@prefix": f"{self.prefix}.."}
        )
        return sorted((Lease.from_document(row) for row in rows), key=lambda lease: lease.id)

    async def is_initialized(self) -> bool:
        """Whether some processor has created the leases."""
        try:
            await self._container.read(f"{self.prefix}.info", (f"{self.prefix}.info",))
        except CosmosError as error:
            if error.status != 404:
                raise
            return False
        return True

    async def mark_initialized(self) -> None:
        """From now on no processor creates leases for the ranges of the feed again."""
        await self._create({"id": f"{self.prefix}.info"})

    async def lock_initialization(self) -> str | None:
        """The etag of the lock, or None if another processor holds it. It vanishes after 30 s by itself."""
        return await self._create({"id": f"{self.prefix}.lock", "ttl": _LOCK_TTL_S})

    async def unlock_initialization(self, etag: str) -> None:
        """Give the lock back."""
        try:
            await self._container.delete(f"{self.prefix}.lock", (f"{self.prefix}.lock",), etag)
        except CosmosError as error:
            if error.status not in (404, 412):
                raise

    async def create_for_partition(self, partition: Range, continuation: str | None = None) -> None:
        """A new lease of a physical partition that nobody owns, unless there is one already."""
        await self._create(
            Lease(
                id=f"{self.prefix}..{partition.id}",
                token=partition.id,
                minimum=partition.minimum,
                maximum=partition.maximum,
                continuation=continuation,
            ).to_document()
        )

    async def create_for_keys(self, minimum: str, maximum: str, continuation: str | None) -> None:
        """A new lease of a range of effective partition keys that nobody owns, unless there is one already."""
        token = f"{minimum}-{maximum}"
        await self._create(
            Lease(
                f"{self.prefix}..{token}", token, minimum, maximum, continuation=continuation, version=1
            ).to_document()
        )

    async def acquire(self, lease: Lease) -> Lease:
        """Take a lease as `all` showed it. Raises LeaseLostError if another processor was faster."""
        seen_owner = lease.owner

        def take(current: Lease) -> Lease:
            if current.owner != seen_owner:
                raise LeaseLostError(f"lease {lease.token} was taken over by {current.owner}")
            return replace(current, owner=self.owner)

        return await self._update(lease, take)

    async def renew(self, lease: Lease) -> Lease:
        """Show that this processor is alive. Raises LeaseLostError."""
        return await self._update(await self._read(lease), self._if_mine(lambda current: current))

    async def checkpoint(self, lease: Lease, continuation: str) -> Lease:
        """Record how far the feed has been handled. Raises LeaseLostError."""
        return await self._update(lease, self._if_mine(lambda current: replace(current, continuation=continuation)))

    async def release(self, lease: Lease) -> None:
        """Let another processor have the lease at once. Raises LeaseLostError."""
        await self._update(await self._read(lease), self._if_mine(lambda current: replace(current, owner=None)))

    async def delete(self, lease: Lease) -> None:
        """Remove a lease whose range is gone."""
        try:
            await self._container.delete(lease.id, (lease.id,))
        except CosmosError as error:
            if error.status != 404:
                raise

    def _if_mine(self, change: Callable[[Lease], Lease]) -> Callable[[Lease], Lease]:
        def checked(current: Lease) -> Lease:
            if current.owner != self.owner:
                raise LeaseLostError(f"lease {current.token} was taken over by {current.owner}")
            return change(current)

        return checked

    async def _update(self, lease: Lease, change: Callable[[Lease], Lease]) -> Lease:
        for _ in range(_UPDATE_ATTEMPTS):
            changed = replace(change(lease), timestamp=format_timestamp(datetime.now(UTC)))
            document = self._with_key(changed.to_document())
            try:
                etag = await self._container.replace(document, (lease.id,), lease.etag or "")
            except CosmosError as error:
                if error.status in (404, 409):
                    raise LeaseLostError(f"lease {lease.token} is gone: {error}") from error
                if error.status != 412:
                    raise
                lease = await self._read(lease)
                continue
            return replace(changed, etag=etag)
        raise LeaseLostError(f"lease {lease.token} was changed by others {_UPDATE_ATTEMPTS} times in a row")

    async def _read(self, lease: Lease) -> Lease:
        try:
            document, etag = await self._container.read(lease.id, (lease.id,))
        except CosmosError as error:
            if error.status == 404:
                raise LeaseLostError(f"lease {lease.token} is gone: {error}") from error
            raise
        return Lease.from_document(document, etag)

    async def _create(self, document: dict[str, Any]) -> str | None:
        try:
            return await self._container.create(self._with_key(document), (document["id"],))
        except CosmosError as error:
            if error.status == 409:
                return None
            raise

    def _with_key(self, document: dict[str, Any]) -> dict[str, Any]:
        """Lease containers of Gremlin accounts are partitioned by `/partitionKey`, which then equals the id."""
        return document if self._key_is_id else {**document, "partitionKey": document["id"]}


def lease_prefix(configured: str, host: str, monitored: ContainerId) -> str:
    """What the ids of one function's leases begin with."""
    return f"{configured}{host}_{monitored.database_rid}_{monitored.rid}"
