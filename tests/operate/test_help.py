"""The help of every command teaches: examples that can be run, what it costs, and how it may end."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from operate.__main__ import main
from operate.command_line import COMMANDS
from operate.exit_status import EVERYWHERE, MEANINGS, ExitStatus
from operate.help import Command, Example, Group

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
_SENTENCE = re.compile(r"[A-Z][^.]*\.")


def below(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            yield " ".join((*path, name)), command
            if isinstance(command, click.Group):
                yield from below(command, *path, name)


ALL = dict(below(COMMANDS))
EXAMPLES = {f"{name}: {example.arguments}": example for name, each in ALL.items() for example in each.examples}  # type: ignore[attr-defined]
EXAMPLES |= {example.arguments: example for example in COMMANDS.examples}


def parse(arguments: list[str]) -> str:
    """Parses them as click does, and returns the command that they name, which does not run."""
    command: click.Command = COMMANDS
    context, path = click.Context(command, info_name="operate"), list[str]()
    while True:
        context = command.make_context(path[-1] if path else "operate", arguments, parent=context)
        rest = [*context._protected_args, *context.args]
        if not isinstance(command, click.Group) or not rest:
            return " ".join(path)
        name, following, arguments = command.resolve_command(context, rest)
        assert name is not None
        assert following is not None
        command, path = following, [*path, name]


@pytest.mark.parametrize("name", ALL)
def test_a_command_says_in_a_short_sentence_what_it_is_for_and_then_when(name: str) -> None:
    purpose, _, when = (ALL[name].help or "").strip().partition("\n\n")
    assert _SENTENCE.fullmatch(purpose), purpose
    assert ALL[name].get_short_help_str(100) == purpose
    assert isinstance(ALL[name], Group) or when.startswith("For "), when


@pytest.mark.parametrize("name", ALL)
def test_a_command_has_examples_and_those_of_a_group_are_of_each_of_its_commands(name: str) -> None:
    command = ALL[name]
    assert isinstance(command, Command | Group)
    if isinstance(command, Command):
        assert 2 <= len(command.examples) <= 3
        assert {parse(_arguments(each)) for each in command.examples} == {name}
    else:
        assert len(command.examples) >= len(command.commands)


def _arguments(example: Example) -> list[str]:
    """What a shell would pass: it ends where the output goes elsewhere."""
    words = shlex.split(example.real)
    return words[: next((number for number, word in enumerate(words) if word in ("|", ">", ">>")), len(words))]


@pytest.mark.parametrize("arguments", EXAMPLES)
def test_every_example_parses(arguments: str) -> None:
    example = EXAMPLES[arguments]
    assert "{" not in "".join(_arguments(example))
    assert _arguments(example)[0] in (parse(_arguments(example)) + " ").split(" ")


def test_an_example_that_does_not_parse_is_found() -> None:
    with pytest.raises(click.UsageError):
        parse(_arguments(Example("streams list --categroy {category}", "")))
    with pytest.raises(click.UsageError):
        parse(_arguments(Example("streams lst", "")))


@pytest.mark.parametrize("name", ["", *ALL])
def test_its_help_has_all_of_that_and_cuts_nothing(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ExitStatus.DONE == main([*name.split(), "--help"])
    told = capsys.readouterr().out
    assert "..." not in re.sub(r"\[ARGS\]\.\.\.", "", told)
    assert "\nExamples:\n  python -m operate " in told
    statuses = told.partition("\nExit status:\n")[2]
    assert [str(int(each)) for each in sorted(EVERYWHERE)] == [
        each for each in re.findall(r"^  (\d+) ", statuses, re.MULTILINE) if int(each) in EVERYWHERE
    ]


def test_every_status_has_a_meaning_and_the_help_of_all_has_them_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(ExitStatus) == MEANINGS.keys()
    assert ExitStatus.DONE == main(["--help"])
    statuses = capsys.readouterr().out.partition("\nExit status:\n")[2]
    assert [str(int(each)) for each in ExitStatus] == re.findall(r"^  (\d+) ", statuses, re.MULTILINE)


def test_whoever_asks_for_help_pays_for_nothing_else() -> None:
    code = (
        "import sys; from operate.__main__ import main; main(['--help']); main(['parked', '--help'])\n"
        "print(sorted({'aiohttp', 'asyncio', 'azure', 'msgspec', 'pydantic', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    # Names of the read models stand in the examples of their own command alone.
    assert "[]" == done.stdout.splitlines()[-1]


def test_names_of_this_service_stand_in_the_examples_of_every_service() -> None:
    assert "streams show order-7" == Example("streams show {stream}", "").real
    assert "projections flip order-details" == Example("projections flip {read_model}", "").real
    assert "topology | jq '.{}'" == Example("topology | jq '.{{}}'", "").real


def row(name: str, command: click.Command) -> str:
    """Returns the row of a command in the table of docs/operations.md."""
    changes = "yes" if any(each.name == "yes" for each in command.params) else ""
    own = sorted(command.ends - EVERYWHERE) if isinstance(command, Command) else []
    cells = (
        f"`operate {name}`",
        command.get_short_help_str(100)[:-1],
        changes,
        ", ".join(str(int(each)) for each in own),
    )
    return "".join(f"| {cell} ".replace("  ", " ") for cell in cells) + "|"


def test_docs_have_a_row_for_every_command_as_its_help_says() -> None:
    runs = {name: each for name, each in ALL.items() if not isinstance(each, Group) or each.invoke_without_command}
    expected = [row(*each) for each in runs.items()]
    table = OPERATIONS.partition("| command |")[2].partition("\n\n")[0].splitlines()[2:]
    assert expected == table, "\n".join(expected)


def test_docs_have_every_exit_status_with_its_meaning() -> None:
    for status, meaning in MEANINGS.items():
        assert f"| {int(status)} | {meaning} |" in OPERATIONS.splitlines()
