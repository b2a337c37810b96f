"""`operate topology` takes these arguments."""

from typing import Final

import click

_HELP = """\
Print the queues, topics and subscriptions of the bus.

They are what engine/messaging/topology.py defines, in the config.json format of the official Service Bus emulator. The
local broker is given the same.
"""


@click.command(name="topology", help=_HELP)
def command() -> None:
    from operate import topology

    topology.run()


COMMAND: Final[click.Command] = command
