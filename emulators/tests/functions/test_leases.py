"""Lease documents against the executed traces of the .NET SDK, and who takes which lease."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from emulators.cosmos.server import CosmosServer
from emulators.functions.cosmos_account import account_of
from emulators.functions.cosmos_wire import Container, ContainerId, CosmosClient, Range
from emulators.functions.leases import (
    Lease,
    LeaseLostError,
    LeaseStore,
    format_timestamp,
    lease_prefix,
    leases_to_take,
    parse_timestamp,
)

_GOLDEN = Path(__file__).parent / "golden"
_PREFIX = "fn1-127.0.0.1_TQAQAQ==_TQAQAYAAAAI="
NOW = datetime(2026, 11, 23, 6, 25, 0, tzinfo=UTC)


def golden(name: str) -> str:
    return (_GOLDEN / f"{name}.json").read_text(encoding="utf-8").strip()


def compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))


def lease(token: str, owner: str | None = None, seconds_ago: float = 0) -> Lease:
    """A lease that its owner renewed so many seconds ago."""
    return Lease(token, token, "", "FF", owner=owner, timestamp=format_timestamp(NOW - timedelta(seconds=seconds_ago)))


class TestDocuments:
    @pytest.mark.verified("trace", feature="Lease documents")
    def test_a_new_lease_is_the_document_of_the_trace_to_the_byte(self) -> None:
        created = Lease(f"{_PREFIX}..0", "0", "", "FF")
        assert golden("lease-created") == compact(created.to_document())

    @pytest.mark.verified("trace", feature="Lease documents")
    @pytest.mark.parametrize("name", ["lease-created", "lease-held", "lease-of-keys"])
    def test_a_document_of_the_trace_survives_being_read_and_written(self, name: str) -> None:
        assert golden(name) == compact(Lease.from_document(json.loads(golden(name))).to_document())

    @pytest.mark.verified("trace", feature="Lease documents")
    def test_the_prefix_is_made_of_the_setting_the_host_name_and_both_resource_ids(self) -> None:
        monitored = ContainerId("TQAQAQ==", "TQAQAYAAAAI=", ("/pk",))
        assert _PREFIX == lease_prefix("fn1-", "127.0.0.1", monitored)

    @pytest.mark.verified("trace", feature="Lease documents")
    def test_timestamps_of_dotnet_are_read_and_ours_have_its_form(self) -> None:
        assert datetime(2026, 11, 23, 6, 24, 15, 722410, tzinfo=UTC) == parse_timestamp("2026-11-23T06:24:15.7224104Z")
        assert "2026-11-23T06:25:00.12Z" == format_timestamp(NOW.replace(microsecond=120_000))
        assert "2026-11-23T06:25:00Z" == format_timestamp(NOW)


class TestBalancing:
    def take(self, *leases: Lease, me: str = "me") -> list[str]:
        return [each.token for each in leases_to_take(leases, me, expiration=60, now=NOW)]

    @pytest.mark.verified("docs", feature="Lease balancing")
    def test_a_lonely_host_takes_every_free_lease(self) -> None:
        assert ["0", "1", "2"] == self.take(lease("0"), lease("1"), lease("2"))

    @pytest.mark.verified("trace", feature="Lease balancing")
    def test_a_lease_is_free_once_its_owner_has_not_renewed_it_for_the_expiration_interval(self) -> None:
        assert [] == self.take(lease("0", "other", seconds_ago=59))
        assert ["0"] == self.take(lease("0", "other", seconds_ago=61))

    @pytest.mark.verified("docs", feature="Lease balancing")
    def test_a_newcomer_steals_one_lease_from_the_host_that_holds_the_most(self) -> None:
        held = [lease(str(number), "other") for number in range(4)]
        assert ["0"] == self.take(*held)
        assert ["1"] == self.take(lease("0", "me"), *held[1:])
        assert [] == self.take(lease("0", "me"), lease("1", "me"), *held[2:])

    @pytest.mark.verified("docs", feature="Lease balancing")
    def test_the_only_lease_of_another_host_is_not_stolen(self) -> None:
        assert [] == self.take(lease("0", "other"))

    @pytest.mark.verified("docs", feature="Lease balancing")
    def test_a_free_lease_is_taken_even_beyond_the_fair_share(self) -> None:
        assert ["2"] == self.take(lease("0", "me"), lease("1", "me"), lease("2"), lease("3", "other"))

    @pytest.mark.verified("docs", feature="Lease balancing")
    def test_a_host_takes_free_leases_up_to_its_share(self) -> None:
        leases = [lease("0", "other"), *(lease(str(number)) for number in range(1, 6))]
        assert 3 == len(self.take(*leases))


@pytest.fixture
async def container() -> AsyncIterator[Container]:
    """An empty lease container on a real wire."""
    async with CosmosServer.start() as server, aiohttp.ClientSession() as session:
        account = account_of("C", {"C": server.connection_string})
        leases = CosmosClient(account, session).container("db", "leases")
        definition = {"id": "leases", "defaultTtl": -1, "partitionKey": {"paths": ["/id"], "kind": "Hash"}}
        await leases.create_if_missing(definition)
        yield leases


def store(container: Container, owner: str) -> LeaseStore:
    return LeaseStore(container, _PREFIX, owner, key_is_id=True)


class TestStore:
    @pytest.fixture
    async def held(self, container: Container) -> Lease:
        """A lease that `me` has acquired."""
        await store(container, "me").create_for_partition(Range("0", "", "FF"))
        (free,) = await store(container, "me").all()
        return await store(container, "me").acquire(free)

    @pytest.mark.verified("trace", feature="Lease traffic")
    async def test_the_lock_excludes_others_until_it_is_given_back(self, container: Container) -> None:
        mine, other = store(container, "me"), store(container, "other")
        etag = await mine.lock_initialization()
        assert etag is not None
        assert await other.lock_initialization() is None
        await mine.unlock_initialization(etag)
        assert await other.lock_initialization() is not None

    @pytest.mark.verified("trace", feature="Lease traffic")
    async def test_initialization_is_remembered(self, container: Container) -> None:
        assert not await store(container, "me").is_initialized()
        await store(container, "me").mark_initialized()
        assert await store(container, "other").is_initialized()

    @pytest.mark.verified("docs", feature="Lease traffic")
    async def test_of_two_hosts_that_acquire_a_lease_one_loses(self, container: Container) -> None:
        await store(container, "me").create_for_partition(Range("0", "", "FF"))
        (free,) = await store(container, "me").all()
        await store(container, "me").acquire(free)
        with pytest.raises(LeaseLostError, match="taken over by me"):
            await store(container, "other").acquire(free)

    @pytest.mark.verified("trace", feature="Lease traffic")
    async def test_a_checkpoint_based_on_an_old_etag_reads_the_lease_again(
        self, container: Container, held: Lease
    ) -> None:
        mine = store(container, "me")
        await mine.renew(held)
        recorded = await mine.checkpoint(held, '"3"')
        (read,) = await mine.all()
        assert ('"3"', recorded.etag) == (read.continuation, read.etag)

    @pytest.mark.verified("docs", feature="Lease traffic")
    async def test_a_stolen_lease_can_be_neither_recorded_nor_renewed_nor_released(
        self, container: Container, held: Lease
    ) -> None:
        mine, thief = store(container, "me"), store(container, "thief")
        await thief.acquire(held)
        for attempt in (mine.checkpoint(held, '"3"'), mine.renew(held), mine.release(held)):
            with pytest.raises(LeaseLostError):
                await attempt
        (read,) = await thief.all()
        assert ("thief", None) == (read.owner, read.continuation)

    @pytest.mark.verified("trace", feature="Lease traffic")
    async def test_a_released_lease_keeps_its_position(self, container: Container, held: Lease) -> None:
        mine = store(container, "me")
        await mine.release(await mine.checkpoint(held, '"3"'))
        (read,) = await mine.all()
        assert (None, '"3"') == (read.owner, read.continuation)

    @pytest.mark.verified("docs", feature="Lease traffic")
    async def test_leases_of_another_prefix_are_not_seen(self, container: Container, held: Lease) -> None:
        assert [] == await LeaseStore(container, "fn2", "me", key_is_id=True).all()
