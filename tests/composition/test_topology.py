"""The local broker has the entities that the service sends to and takes from."""

import json
from pathlib import Path

from composition.domain import TOPOLOGY
from engine.messaging.emulator_config import emulator_config

FILE = Path(__file__).parents[2] / "devstack" / "servicebus.json"


def test_the_entities_of_the_local_broker_are_those_of_the_topology() -> None:
    assert emulator_config(TOPOLOGY) == json.loads(FILE.read_text(encoding="utf-8"))
