"""The help of a command teaches: behind what it is for come examples, what it costs, and how it may end."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import click

from operate.exit_status import EVERYWHERE, MEANINGS, ExitStatus


class Example(NamedTuple):
    """Holds the arguments of a command that can be run as it stands, and what that is good for.

    In the arguments, `{stream}`, `{category}` and `{read_model}` are names that this service has.
    """

    arguments: str
    shows: str

    @property
    def real(self) -> str:
        """Returns the arguments with names of this service."""
        return self.arguments.format_map(_Names()) if "{" in self.arguments else self.arguments


class Command(click.Command):
    """Has examples, `costs` where it reads much, and the exit statuses that it has beside those of every command."""

    def __init__(
        self,
        *arguments: Any,
        examples: Sequence[Example],
        ends: Collection[ExitStatus] = (),
        costs: str | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(*arguments, **attributes)
        self.examples = examples
        self.ends = EVERYWHERE | {*ends}
        self.costs = costs

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, ctx, formatter)
        if self.costs is not None:
            with formatter.section("Costs"):
                formatter.write_text(self.costs)
        write_exit_statuses(self.ends, formatter)


class Group(click.Group):
    """Has the first example of each of its commands, behind those of its own, and all their exit statuses."""

    command_class = Command

    def __init__(self, *arguments: Any, own: Sequence[Example] = (), **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.own = own

    @property
    def taught(self) -> Iterator[Command]:
        return (each for each in self.commands.values() if isinstance(each, Command))

    @property
    def examples(self) -> Sequence[Example]:
        return [*self.own, *(each.examples[0] for each in self.taught)]

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's name
        """Returns them as they were added: the first is the one to begin with."""
        return list(self.commands)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(self.examples, ctx, formatter)
        write_exit_statuses(frozenset[ExitStatus]().union(*(each.ends for each in self.taught)), formatter)


def write_examples(examples: Sequence[Example], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Writes each as a line that can be copied, and below it what it is good for."""
    program = ctx.find_root().info_name
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{'':{formatter.current_indent}}{program} {example.real}\n")
            with formatter.indentation():
                formatter.write_text(example.shows)


def write_exit_statuses(ends: Collection[ExitStatus], formatter: click.HelpFormatter) -> None:
    with formatter.section("Exit status"):
        formatter.write_dl([(str(int(status)), MEANINGS[status]) for status in sorted(ends)])


class _Names(dict[str, str]):
    """Looks a name up when an example has it: a help that has none pays for no import of the domain."""

    def __missing__(self, name: str) -> str:
        if name == "read_model":
            from composition.domain import READ_MODELS

            return READ_MODELS[0].name
        from domain.registry import AGGREGATES

        return {"category": AGGREGATES[0].category, "stream": AGGREGATES[0].stream_id("7")}[name]
