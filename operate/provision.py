"""`operate provision` makes the database and its containers."""

import dataclasses
from collections.abc import Mapping

from composition.provisioning import ProvisioningFailed, provision_database, provision_throughput
from composition.settings import Settings
from engine.storing.containers import Provisioned
from engine.storing.throughput import Throughput
from operate.failure import STAYS_DONE, CommandFailed
from operate.output import print_json
from operate.outside import explained, misunderstood


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """Throughput is asked for; None: of a serverless account, which has none."""

    throughput: Throughput | None


async def run(environment: Mapping[str, str], asked: Asked | None, *, as_json: bool) -> None:
    """Prints one line per container, and one on the throughput if it is asked for.

    Raises CommandFailed, SettingsError.
    """
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
        # First, since a database gets its kind of throughput when it is created.
        if asked is not None:
            found = await provision_throughput(settings, asked.throughput)
            told = "none of the database's own" if found is None else str(found)
            if as_json:
                print_json({"throughput": None if found is None else told})
            else:
                print(f"{settings.engine.cosmos_database}: throughput {told}", flush=True)
        await provision_database(settings, show)
    except ProvisioningFailed as error:
        reason = explained(error.__cause__ or error, settings.engine)
        raise CommandFailed(f"{reason}{f'; {STAYS_DONE}' if some else ''}") from error
    except (TypeError, LookupError, AttributeError, ValueError) as error:
        said = misunderstood(error, settings.engine)
        if said is None:
            raise
        raise CommandFailed(said) from error
