"""The command line knows its commands, runs one of them, and says how it ended."""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from engine.settings import SettingsError
from operate.completion import VARIABLE
from operate.failure import CommandFailed
from operate.session import Session

_INTERRUPTED: Final = 130
_OWN: Final[Mapping[str, str]] = {
    "new": "operate.commands.new",
    "provision": "operate.commands.provision",
    "topology": "operate.commands.topology",
    "infra": "operate.commands.infra",
    "package": "operate.commands.package",
    "audit": "operate.commands.audit",
    "parked": "operate.commands.parked",
    "dead-letters": "operate.commands.dead_letters",
    "views": "operate.commands.views",
    "projections": "operate.commands.projections",
    "verify": "operate.commands.verify",
    "trace": "operate.commands.trace",
    "cost": "operate.commands.cost",
    "completion": "operate.commands.completion",
}
"""Every service has these commands; each is the `COMMAND` of its module."""


class _Commands(click.Group):
    """Imports a command when it is asked for: none pays for what another needs."""

    def list_commands(self, _: click.Context) -> list[str]:
        return [*_OWN, *_of_the_domain()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's names
        if cmd_name in _OWN:
            return _command_of(_OWN[cmd_name])
        return _of_the_domain().get(cmd_name)


COMMANDS: Final = _Commands(
    "operate",
    help="Operate the service.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def run(arguments: Sequence[str], root: Path) -> int:
    """Runs one command of the project in `root`; gives the exit status, and says in one line why it failed."""
    session = Session(root)
    try:
        ended = COMMANDS.main(
            list(arguments), prog_name="python -m operate", complete_var=VARIABLE, standalone_mode=False, obj=session
        )
        # What click ends early, such as help, it gives the status of.
        return ended if isinstance(ended, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _ended(session.with_what_is_done("interrupted"), _INTERRUPTED)
    except BrokenPipeError:
        # Whoever read the output has gone. Nothing is flushed into the pipe at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (CommandFailed, SettingsError, OSError) as error:
        return _ended(str(error) or type(error).__name__, 1)


def _ended(reason: str, status: int) -> int:
    print(f"operate: {reason}", file=sys.stderr)
    return status


def _of_the_domain() -> Mapping[str, click.Command]:
    from composition import tools

    commands = (_command_of(module) for module in tools.COMMANDS)
    return {str(command.name): command for command in commands}


def _command_of(module: str) -> click.Command:
    command = importlib.import_module(module).COMMAND
    assert isinstance(command, click.Command)
    return command
