"""`operate completion` takes these arguments."""

from typing import Final

import click

from operate import completion
from operate.help import Command, Example
from operate.session import Session

_HELP = """\
Print a script that makes a shell complete `operate`.

For when you use it more than once: the script defines `operate`, which runs the operate of this project from any
folder. For bash, in ~/.bashrc:

\b
  eval "$(.venv/bin/python -m operate completion bash)"

with the path of this project before it. zsh the same in ~/.zshrc, behind `compinit`; for fish, in its config.fish, pipe
what this prints to `source`.
"""


@click.command(
    name="completion",
    cls=Command,
    help=_HELP,
    examples=(
        Example("completion bash", "the script for bash"),
        Example("completion fish | source", "for this session of fish"),
    ),
)
@click.argument("shell", type=click.Choice(list(completion.SCRIPTS)))
@click.pass_obj
def command(session: Session, shell: str) -> None:
    print(completion.script(shell, session.root), end="")


COMMAND: Final[click.Command] = command
