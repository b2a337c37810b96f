"""`operate topology` takes these arguments."""

from typing import Final

import click

from operate.help import Command, Example

_HELP = """\
Print the queues, topics and subscriptions of the bus.

For when you set up a broker of your own. They are what engine/messaging/topology.py defines, in the config.json format
of the official Service Bus emulator. The local broker is given the same.
"""


@click.command(
    name="topology",
    cls=Command,
    help=_HELP,
    examples=(
        Example("topology > config.json", "what the official emulator reads at its start"),
        Example("topology | jq '.UserConfig.Namespaces[].Queues[].Name'", "the names of the queues"),
    ),
)
def command() -> None:
    from operate import topology

    topology.run()


COMMAND: Final[click.Command] = command
