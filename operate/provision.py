"""`operate provision` makes the database and its containers."""

import dataclasses
from collections.abc import Mapping

from composition.provisioning import ProvisioningFailed, provision_database
from composition.settings import Settings
from engine.storing.containers import Provisioned
from operate.failure import STAYS_DONE, CommandFailed
from operate.output import print_json
from operate.outside import explained, misunderstood


async def run(environment: Mapping[str, str], *, as_json: bool) -> None:
    """Prints one line per container. Raises CommandFailed, SettingsError."""
    settings = Settings.from_mapping(environment)
    some = False

    def show(done: Provisioned) -> None:
        nonlocal some
        some = True
        if as_json:
            print_json(dataclasses.asdict(done))
        else:
            print(f"{settings.engine.cosmos_database}/{done.container}: {done.outcome}", flush=True)

    try:
        await provision_database(settings, show)
    except ProvisioningFailed as error:
        reason = explained(error.__cause__ or error, settings.engine)
        raise CommandFailed(f"{reason}{f'; {STAYS_DONE}' if some else ''}") from error
    except (TypeError, LookupError, AttributeError, ValueError) as error:
        said = misunderstood(error, settings.engine)
        if said is None:
            raise
        raise CommandFailed(said) from error
