"""What `operate provision` does: the database and containers of these settings, errors in words."""

from collections.abc import Callable

from composition.containers import containers
from composition.cosmos import Provisioned, UnsuitableAccount, open_client, provision
from composition.settings import Settings
from eventstore.errors import StoreUnavailable
from projections.views.catalogue import PROJECTIONS


class ProvisioningFailed(Exception):
    """Says why, and what to do."""


async def provision_database(settings: Settings, report: Callable[[Provisioned], None]) -> None:
    """Reports what was done with each container. Raises ProvisioningFailed."""
    try:
        async with open_client(settings.cosmos) as client:
            await provision(client, settings.cosmos_database, containers(PROJECTIONS), report)
    except (UnsuitableAccount, StoreUnavailable) as error:
        raise ProvisioningFailed(str(error)) from error
