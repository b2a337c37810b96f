"""A change feed processor: takes leases, reads their ranges, hands on batches, records how far it came.

Modelled on the change feed processor of the .NET SDK 3.64 as the Functions extension configures it; the calls
and their order are those of its executed traces.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import Enum
from typing import Any

import aiohttp

from emulators.functions.console import Console
from emulators.functions.cosmos_wire import Container, CosmosError, Range
from emulators.functions.failures import message_of
from emulators.functions.leases import Lease, LeaseLostError, LeaseStore, leases_to_take

# How soon to look again while another host creates the leases; the .NET SDK waits 15 s here.
_BOOTSTRAP_POLL_S = 0.5

Documents = list[dict[str, Any]]


class Delivery(Enum):
    """What became of a batch."""

    DONE = "done"  # handled, or failed for good: the position moves on
    INTERRUPTED = "interrupted"  # given up because the lease ends: the batch comes again


# Called with a batch, the lease's token and an event that tells to give up waiting for another attempt.
Deliver = Callable[[Documents, str, asyncio.Event], Awaitable[Delivery]]


@dataclass(frozen=True)
class FeedOptions:
    """How a processor reads; times are seconds."""

    poll_delay: float
    acquire_interval: float
    renew_interval: float
    expiration: float
    max_items: int | None
    from_beginning: bool
    start_time: datetime


class _RangeGoneError(Exception):
    """The physical partition of a lease was split or merged (410)."""


# What ends the work on a lease in the ordinary course of things.
_EXPECTED = (CosmosError, aiohttp.ClientError, TimeoutError, LeaseLostError, _RangeGoneError)


class FeedProcessor:
    """Processes the leases of one function that this host holds, each strictly in order."""

    def __init__(
        self,
        name: str,
        monitored: Container,
        store: LeaseStore,
        options: FeedOptions,
        deliver: Deliver,
        console: Console,
    ) -> None:
        self._name = name
        self._monitored = monitored
        self._store = store
        self._options = options
        self._deliver = deliver
        self._console = console
        self._stopping = asyncio.Event()
        self._look_again = asyncio.Event()
        self._balancer: asyncio.Task[None] | None = None
        self._held: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Create the leases if nobody has, and begin to take them. Raises CosmosError or aiohttp.ClientError."""
        while not await self._store.is_initialized():
            lock = await self._store.lock_initialization()
            if lock is None:
                await asyncio.sleep(_BOOTSTRAP_POLL_S)
                continue
            try:
                await self._create_missing_leases()
                await self._store.mark_initialized()
            finally:
                await self._store.unlock_initialization(lock)
        self._balancer = asyncio.create_task(self._balance())
        self._balancer.add_done_callback(self._console.crash_of)

    async def stop(self) -> None:
        """Let running batches end, record them, and release every lease."""
        self._stopping.set()
        self._look_again.set()
        if self._balancer is not None:
            # Not cancelled: a lease that is being acquired must not stay without a processor.
            await asyncio.gather(self._balancer, return_exceptions=True)
        await asyncio.gather(*self._held.values(), return_exceptions=True)

    async def _create_missing_leases(self) -> None:
        existing = {lease.token for lease in await self._store.all()}
        for each in await self._monitored.ranges():
            if each.id not in existing:
                await self._store.create_for_partition(each)

    async def _balance(self) -> None:
        while not self._stopping.is_set():
            self._look_again.clear()
            try:
                leases = await self._store.all()
                wanted = leases_to_take(leases, self._store.owner, self._options.expiration, datetime.now(UTC))
                for lease in wanted:
                    if lease.token not in self._held:
                        await self._take(lease)
            except (CosmosError, aiohttp.ClientError, TimeoutError) as error:
                self._console.line(f"{self._name} cannot take leases: {error}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_again.wait(), self._options.acquire_interval)

    async def _take(self, lease: Lease) -> None:
        with suppress(LeaseLostError):
            acquired = await self._store.acquire(lease)
            task = asyncio.create_task(self._supervise(acquired))
            self._held[lease.token] = task
            task.add_done_callback(lambda _: self._held.pop(lease.token, None))
            task.add_done_callback(self._console.crash_of)
            self._console.line(f"{self._name} takes lease {lease.token}")

    async def _supervise(self, lease: Lease) -> None:
        """Process and renew side by side until one of them ends; then give the lease up."""
        halt = asyncio.Event()
        processing = asyncio.create_task(self._process(lease, halt))
        renewing = asyncio.create_task(self._renew(lease))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([processing, renewing, stopping], return_when=asyncio.FIRST_COMPLETED)
            # A handler cannot be stopped: its batch ends first. If the lease is lost, the checkpoint is refused.
            halt.set()
            await asyncio.wait([processing])
        finally:
            for task in (renewing, stopping):
                task.cancel()
            await asyncio.gather(renewing, stopping, return_exceptions=True)
        await self._give_up(lease, processing)
        for task in (processing, renewing):
            error = None if task.cancelled() else task.exception()
            if error is not None and not isinstance(error, _EXPECTED):
                # Whoever takes the lease next would fail in the same way, for ever and without a word.
                raise error

    async def _give_up(self, lease: Lease, processing: "asyncio.Task[None]") -> None:
        error = processing.exception()
        try:
            if isinstance(error, LeaseLostError):
                self._console.line(f"{self._name} lost its lease: {error}")
                return
            if isinstance(error, _RangeGoneError):
                await self._follow_partitions(lease)
                return
            if error is not None:
                self._console.line(f"{self._name} lease {lease.token} is released: {message_of(error)}")
            await self._store.release(lease)
        except LeaseLostError:
            return
        except (CosmosError, aiohttp.ClientError, TimeoutError) as failure:
            self._console.line(f"{self._name} lease {lease.token} stays until it expires: {failure}")

    async def _renew(self, lease: Lease) -> None:
        """Ends when the lease is lost."""
        await asyncio.sleep(self._options.renew_interval / 2)
        while True:
            try:
                await self._store.renew(lease)
            except LeaseLostError:
                return
            except (CosmosError, aiohttp.ClientError, TimeoutError) as error:
                self._console.line(f"{self._name} cannot renew lease {lease.token}: {error}")
            await asyncio.sleep(self._options.renew_interval)

    async def _process(self, lease: Lease, halt: asyncio.Event) -> None:
        where = await self._range_headers(lease)
        position = lease.continuation
        while not halt.is_set():
            try:
                page = await self._monitored.change_feed(
                    where | self._position_headers(position), self._options.max_items
                )
            except CosmosError as error:
                if error.status == 410:
                    raise _RangeGoneError from error
                raise
            # The etag of a 304 is where to read on, but only delivered batches are recorded in the lease.
            position = page.etag or position
            if page.status == 304 or not page.content["Documents"]:
                with suppress(TimeoutError):
                    await asyncio.wait_for(halt.wait(), self._options.poll_delay)
                continue
            delivery = await self._deliver(page.content["Documents"], lease.token, halt)
            if delivery is Delivery.INTERRUPTED:
                return
            lease = await self._store.checkpoint(lease, page.etag)

    async def _range_headers(self, lease: Lease) -> dict[str, str]:
        if lease.version == 0:
            return {"x-ms-documentdb-partitionkeyrangeid": lease.token}
        partitions = await self._partitions_of(lease)
        if len(partitions) != 1:
            raise _RangeGoneError
        headers = {"x-ms-documentdb-partitionkeyrangeid": partitions[0].id}
        if (partitions[0].minimum, partitions[0].maximum) != (lease.minimum, lease.maximum):
            headers |= {
                "x-ms-read-key-type": "EffectivePartitionKeyRange",
                "x-ms-start-epk": lease.minimum,
                "x-ms-end-epk": lease.maximum,
            }
        return headers

    def _position_headers(self, position: str | None) -> dict[str, str]:
        if position is not None:
            return {"If-None-Match": position}
        if self._options.from_beginning:
            return {}
        return {"If-Modified-Since": format_datetime(self._options.start_time, usegmt=True)}

    async def _follow_partitions(self, lease: Lease) -> None:
        """After a 410: leases for what took the place of this lease's range, each from where it was.

        As the .NET SDK does: a split gives one lease per new partition; where one partition holds the whole
        range (a merge, or no change), a lease of the range of keys takes over.
        """
        lease = next((each for each in await self._store.all() if each.id == lease.id), lease)
        partitions = await self._partitions_of(lease)
        if len(partitions) == 1 and lease.version == 1:
            await self._store.release(lease)
        elif len(partitions) == 1:
            await self._store.create_for_keys(lease.minimum, lease.maximum, lease.continuation)
            await self._store.delete(lease)
        else:
            for each in partitions:
                if lease.version == 0:
                    await self._store.create_for_partition(each, lease.continuation)
                else:
                    minimum, maximum = max(each.minimum, lease.minimum), min(each.maximum, lease.maximum)
                    await self._store.create_for_keys(minimum, maximum, lease.continuation)
            await self._store.delete(lease)
        names = ", ".join(each.id for each in partitions)
        self._console.line(f"{self._name} lease {lease.token}: its range is in partition {names} now")
        self._look_again.set()

    async def _partitions_of(self, lease: Lease) -> list[Range]:
        return [
            each
            for each in await self._monitored.ranges()
            if each.minimum < lease.maximum and each.maximum > lease.minimum
        ]
