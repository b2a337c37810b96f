"""provision: the database and its containers."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from composition.provisioning import ProvisioningFailed, provision_database
from composition.settings import Settings
from engine.storing.containers import Provisioned
from operate.failure import CommandFailed


async def run(environment: Mapping[str, str], *, as_json: bool) -> None:
    """Prints one line per container. Raises CommandFailed, SettingsError."""
    settings = Settings.from_mapping(environment)

    def show(done: Provisioned) -> None:
        text = f"{settings.engine.cosmos_database}/{done.container}: {done.outcome}"
        print(json.dumps(asdict(done)) if as_json else text, flush=True)

    try:
        await provision_database(settings, show)
    except ProvisioningFailed as error:
        raise CommandFailed(str(error)) from error
