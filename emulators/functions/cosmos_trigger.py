"""The Cosmos DB trigger: a change feed processor whose batches go to a function."""

import asyncio
import itertools
import random
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
from azure.functions.meta import Datum

from emulators.functions.bindings import Binding, BindingError, flag, number, text
from emulators.functions.console import Console
from emulators.functions.cosmos_account import Account, ConnectionStringError, account_of
from emulators.functions.cosmos_wire import CosmosClient, CosmosError
from emulators.functions.engine import Call
from emulators.functions.feed_processor import Delivery, Documents, FeedOptions, FeedProcessor
from emulators.functions.indexing import Function
from emulators.functions.invocation import Failure, Invoker
from emulators.functions.leases import LeaseStore, lease_prefix
from emulators.functions.retrying import invoke_with_retries
from emulators.functions.rewriting import rewrite_documents

_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 60.0

_HURRIED_POLL_S = 0.025
"""`--hurry` makes no poll of the feed shorter: beyond that, polls take the processor from what they wait for."""


class ListenerError(Exception):
    """The containers are not such that the trigger can start; the message is the extension's."""


@dataclass(frozen=True)
class CosmosTriggerOptions:
    """A `cosmosDBTrigger` binding with the extension's defaults; times are seconds."""

    account: Account
    database: str
    container: str
    lease_account: Account
    lease_database: str
    lease_container: str
    lease_prefix: str
    create_leases: bool
    leases_throughput: int | None
    feed: FeedOptions

    @staticmethod
    def from_binding(
        binding: Binding, environment: Mapping[str, str], hurry: float, now: datetime
    ) -> "CosmosTriggerOptions":
        """Raises BindingError for settings that the extension refuses or this host does not support."""
        mode = text(binding, "changeFeedMode", "LatestVersion")
        if mode.lower() != "latestversion":
            raise BindingError(f"cosmosDBTrigger '{binding.name}': changeFeedMode {mode} is not supported by devstack")
        try:
            account = account_of(text(binding, "connection", "CosmosDB"), environment)
            lease_account = account_of(
                text(binding, "leaseConnection", text(binding, "connection", "CosmosDB")), environment
            )
        except ConnectionStringError as error:
            raise BindingError(str(error)) from error
        database, container = text(binding, "databaseName"), text(binding, "containerName")
        options = CosmosTriggerOptions(
            account=account,
            database=database,
            container=container,
            lease_account=lease_account,
            lease_database=text(binding, "leaseDatabaseName", database),
            lease_container=text(binding, "leaseContainerName", "leases"),
            lease_prefix=text(binding, "leaseContainerPrefix", ""),
            create_leases=flag(binding, "createLeaseContainerIfNotExists"),
            leases_throughput=(
                number(binding, "leasesContainerThroughput", 400)
                if "leasesContainerThroughput" in binding.fields
                else None
            ),
            feed=_feed_options(binding, hurry, now),
        )
        if (options.account, options.database, options.container) == (
            options.lease_account,
            options.lease_database,
            options.lease_container,
        ):
            raise BindingError("The monitored container cannot be the same as the container storing the leases.")
        return options


def _feed_options(binding: Binding, hurry: float, now: datetime) -> FeedOptions:
    def seconds(name: str, default_ms: int) -> float:
        return number(binding, name, default_ms) / 1000 / hurry

    from_beginning = flag(binding, "startFromBeginning")
    # "From now" is from one second before the processor starts (.NET SDK since 3.59).
    start_time = now - timedelta(seconds=1)
    if "startFromTime" in binding.fields:
        if from_beginning:
            raise BindingError("Only one of StartFromBeginning or StartFromTime can be used")
        try:
            start_time = datetime.fromisoformat(text(binding, "startFromTime"))
        except ValueError as error:
            raise BindingError(f"startFromTime: {error}") from error
        start_time = start_time.replace(tzinfo=start_time.tzinfo or UTC).astimezone(UTC)
    poll_delay = number(binding, "feedPollDelay", 5000) / 1000
    return FeedOptions(
        poll_delay=max(min(poll_delay, _HURRIED_POLL_S), poll_delay / hurry),
        acquire_interval=seconds("leaseAcquireInterval", 13000),
        renew_interval=seconds("leaseRenewInterval", 17000),
        expiration=seconds("leaseExpirationInterval", 60000),
        max_items=(
            number(binding, "maxItemsPerInvocation", 100) if "maxItemsPerInvocation" in binding.fields else None
        ),
        from_beginning=from_beginning,
        start_time=start_time,
    )


class CosmosTriggerListener:
    """Drives one function from its container; keeps trying to start while a container is missing."""

    def __init__(
        self,
        function: Function,
        options: CosmosTriggerOptions,
        invoker: Invoker,
        console: Console,
        session: aiohttp.ClientSession,
        *,
        hurry: float,
    ) -> None:
        self._function = function
        self._options = options
        self._invoker = invoker
        self._console = console
        self._session = session
        self._hurry = hurry
        self._processor: FeedProcessor | None = None
        self._retrying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the listener; if that fails, say so and try again in the background."""
        if not await self._try_to_start():
            self._retrying = asyncio.create_task(self._keep_trying())
            self._retrying.add_done_callback(self._console.crash_of)

    async def stop(self) -> None:
        """Finish the running batches and release the leases."""
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.gather(self._retrying, return_exceptions=True)
        if self._processor is not None:
            await self._processor.stop()

    async def _keep_trying(self) -> None:
        """The real listener is retried too, but never succeeds before a restart (extension 4.8.2)."""
        delay = _FIRST_RETRY_S
        for attempt in itertools.count(1):
            await asyncio.sleep(random.uniform(0.8, 1.2) * delay / self._hurry)
            delay = min(2 * delay, _LONGEST_RETRY_S)
            self._console.line(
                f"Retrying to start listener for function 'Functions.{self._function.name}' (Attempt {attempt})"
            )
            if await self._try_to_start():
                self._console.line(f"{self._function.name} listens now (in Azure it would take a restart of the host)")
                return

    async def _try_to_start(self) -> bool:
        try:
            processor = await self._build()
            await processor.start()
        except (CosmosError, aiohttp.ClientError, TimeoutError, ListenerError) as error:
            self._console.line(
                f"The listener for function 'Functions.{self._function.name}' was unable to start: {error}"
            )
            return False
        self._processor = processor
        return True

    async def _build(self) -> FeedProcessor:
        options = self._options
        monitored = CosmosClient(options.account, self._session).container(options.database, options.container)
        leases = CosmosClient(options.lease_account, self._session).container(
            options.lease_database, options.lease_container
        )
        if options.create_leases:
            await leases.create_if_missing(
                {
                    "id": options.lease_container,
                    "defaultTtl": -1,
                    "partitionKey": {"paths": ["/id"], "kind": "Hash"},
                },
                options.leases_throughput,
            )
        try:
            monitored_id = await monitored.read_id()
            leases_id = await leases.read_id()
        except CosmosError as error:
            if error.status != 404:
                raise
            raise ListenerError(
                f"Either the source container '{options.container}' (in database '{options.database}')  or the "
                f"lease container '{options.lease_container}' (in database '{options.lease_database}') does not "
                "exist. Both containers must exist before the listener starts. To automatically create the lease "
                "container, set 'CreateLeaseContainerIfNotExists' to 'true'."
            ) from error
        if leases_id.partition_key_paths not in (("/id",), ("/partitionKey",)):
            raise ListenerError("The lease container must have partition key equal to id or partitionKey.")
        store = LeaseStore(
            leases,
            lease_prefix(options.lease_prefix, options.account.host, monitored_id),
            owner=str(uuid.uuid4()),
            key_is_id=leases_id.partition_key_paths == ("/id",),
        )
        return FeedProcessor(self._function.name, monitored, store, options.feed, self._deliver, self._console)

    async def _deliver(self, documents: Documents, lease: str, halt: asyncio.Event) -> Delivery:
        """Invoke the function until it succeeds or its policy ends; then the batch counts as handled.

        The extension records a batch after a failure, too: without an endless policy it is lost.
        """
        what = f"{len(documents)} document{'' if len(documents) == 1 else 's'}"
        outcome = await invoke_with_retries(
            self._function,
            Call({self._function.trigger.name: Datum(rewrite_documents(documents), "string")}),
            what,
            invoker=self._invoker,
            console=self._console,
            hurry=self._hurry,
            halt=halt,
        )
        if outcome is None:
            return Delivery.INTERRUPTED
        if isinstance(outcome, Failure):
            self._console.outcome(
                self._function.name,
                f"Lease {lease} encountered an unhandled user exception during processing: {what} LOST for this "
                "function, the position moves on",
            )
        return Delivery.DONE
