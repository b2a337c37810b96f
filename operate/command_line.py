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
from operate.exit_status import MEANINGS, ExitStatus
from operate.failure import CommandFailed
from operate.help import Example, write_examples, write_exit_statuses
from operate.session import Session

_SECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "Look": {
        "projections": "operate.commands.projections",
        "streams": "operate.commands.streams",
        "trace": "operate.commands.trace",
        "verify": "operate.commands.verify",
        "cost": "operate.commands.cost",
    },
    "Mend": {
        "parked": "operate.commands.parked",
        "dead-letters": "operate.commands.dead_letters",
        "views": "operate.commands.views",
    },
    "Set up": {
        "provision": "operate.commands.provision",
        "topology": "operate.commands.topology",
        "infra": "operate.commands.infra",
        "package": "operate.commands.package",
        "audit": "operate.commands.audit",
    },
    "Begin": {
        "new": "operate.commands.new",
        "completion": "operate.commands.completion",
    },
}
"""Every service has these commands; each is the `COMMAND` of its module."""

_OWN: Final = {name: module for commands in _SECTIONS.values() for name, module in commands.items()}
_OF_THE_DOMAIN: Final = "Of this service"

_HELP: Final = """\
Look after the service: see what it holds and what is stuck, and mend it.

It works on what the environment names, else on the stack that runs here (`make run`), else on what local.settings.json
names, and first says which. Nothing that is not on this machine is changed before it has asked.

Each command explains itself with --help, and takes --json for scripts. docs/operations.md says what to do about what
they find.
"""

_EXAMPLES: Final = (
    Example("projections status", "first of all: is anybody behind, or without a lease?"),
    Example("parked list", "what could not be handled, and why"),
    Example("dead-letters list", "what the bus gave up"),
    Example("verify --ru-per-second 400", "is all in the store as it must be?"),
)


class _Commands(click.Group):
    """Imports a command when it is asked for: none pays for what another needs."""

    examples = _EXAMPLES

    def list_commands(self, _: click.Context) -> list[str]:
        return [*_OWN, *_of_the_domain()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's names
        if cmd_name in _OWN:
            return _command_of(_OWN[cmd_name])
        return _of_the_domain().get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Works as click's, which would not know what one that is misspelt may be."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=self.list_commands(ctx), ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for title, names in {**_SECTIONS, _OF_THE_DOMAIN: _of_the_domain()}.items():
            if names:
                commands = {name: self.get_command(ctx, name) for name in names}
                rows = [(f"{name:<{width}}", each.get_short_help_str(100)) for name, each in commands.items() if each]
                with formatter.section(title):
                    formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, ctx, formatter)
        write_exit_statuses(MEANINGS, formatter)


COMMANDS: Final = _Commands(
    "operate",
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def run(arguments: Sequence[str], root: Path) -> ExitStatus:
    """Runs one command of the project in `root`; gives the exit status, and says in one line why it failed."""
    session = Session(root)
    try:
        given = COMMANDS.main(
            list(arguments), prog_name="python -m operate", complete_var=VARIABLE, standalone_mode=False, obj=session
        )
        sys.stdout.flush()
        # What click ends early, such as help, it gives the status of.
        return ExitStatus(given) if isinstance(given, int) else ExitStatus.DONE
    except click.ClickException as error:
        error.show()
        return ExitStatus(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _ended(session.with_what_is_done("interrupted"), ExitStatus.INTERRUPTED)
    except (BrokenPipeError, SystemExit) as ended:
        if isinstance(ended, SystemExit) and not ended.code:
            # So a completion ends. With another code, it is click's word for a pipe that nobody reads.
            raise
        # Nothing is flushed into the pipe at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.UNREAD
    except CommandFailed as error:
        return _ended(str(error), error.status)
    except (SettingsError, OSError) as error:
        return _ended(str(error) or type(error).__name__, ExitStatus.FAILED)


def _ended(reason: str, status: ExitStatus) -> ExitStatus:
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
