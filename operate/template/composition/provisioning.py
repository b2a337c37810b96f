"""`operate provision` creates the database and its containers by this module."""

from collections.abc import Callable

from composition.domain import CONTAINERS
from composition.settings import Settings
from engine.errors import AdapterError
from engine.storing.containers import Provisioned
from engine.storing.cosmos_account import open_client, provision, set_throughput
from engine.storing.throughput import Throughput


class ProvisioningFailed(Exception):
    """Is raised when provisioning fails; the message says why, and what to do."""


async def provision_database(settings: Settings, report: Callable[[Provisioned], None]) -> None:
    """Creates or updates the database and its containers; `report` gets the result for each container.

    Raises ProvisioningFailed.
    """
    try:
        async with open_client(settings.engine.cosmos) as client:
            await provision(client, settings.engine.cosmos_database, CONTAINERS, report)
    except AdapterError as error:
        raise ProvisioningFailed(str(error)) from error


async def provision_throughput(settings: Settings, wanted: Throughput | None) -> Throughput | None:
    """Makes `wanted` the throughput of the database, or only looks; returns the one that there is then.

    Raises ProvisioningFailed.
    """
    try:
        async with open_client(settings.engine.cosmos) as client:
            found = await set_throughput(client, settings.engine.cosmos_database, wanted)
    except AdapterError as error:
        raise ProvisioningFailed(str(error)) from error
    return found if wanted is None else wanted
