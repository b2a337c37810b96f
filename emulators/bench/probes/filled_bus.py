"""Fills a queue of a broker that does not run: `python -m emulators.bench.probes.filled_bus FOLDER COUNT SESSIONS`.

Through the broker's own rules, as if the messages had been sent, a commit for each thousand.
"""

import sys
from pathlib import Path
from typing import Final

from emulators.amqp.message import Message
from emulators.amqp.performatives import Properties
from emulators.clock import Clock
from emulators.servicebus.config import parse_config
from emulators.servicebus.messages import read_message
from emulators.servicebus.namespace import Namespace
from emulators.servicebus.runtime import Runtime
from emulators.servicebus.store import Store

QUEUE: Final = "waiting"
CONFIG: Final = """
{"UserConfig": {"Namespaces": [{"Name": "bench", "Queues": [
  {"Name": "waiting", "Properties": {"LockDuration": "PT30S", "MaxDeliveryCount": 10, "RequiresSession": true,
    "RequiresDuplicateDetection": true, "DuplicateDetectionHistoryTimeWindow": "PT5M"}}]}]}}
"""
_BODY: Final = b"x" * 500


def main(folder: Path, count: int, sessions: int) -> None:
    store = Store(folder)
    runtime = Runtime(store, Clock())
    queue = Namespace(parse_config(CONFIG), runtime).destination(QUEUE)
    for number in range(count):
        properties = Properties(message_id=f"message-{number:012d}", group_id=f"session-{number % sessions:08d}")
        queue.send(read_message(Message(properties=properties, data=_BODY).encode()))
        if number % 1000 == 999:
            runtime.finish_turn()
    runtime.finish_turn()
    store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
