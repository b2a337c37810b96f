"""`operate topology` prints the entities of the bus, for the local broker and for the official emulator."""

import json

from composition.domain import TOPOLOGY
from engine.messaging.emulator_config import emulator_config


def run() -> None:
    """Prints the config file of the emulator."""
    print(json.dumps(emulator_config(TOPOLOGY), indent=2))
