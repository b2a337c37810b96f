"""A how-to page, walked by somebody who has nothing but its text.

A page has these kinds of blocks, each told by the line above it:

- "Write `PATH`:", "In `PATH`, below `LINE`:" and "In `PATH`, instead of `LINE`:" stand above what goes there;
- `sh` is run in a shell; `make run` is left running once it is ready;
- "It answers, among others:" stands above JSON that the shell block before it prints, at once or a moment later;
- "It says, among others:" stands above lines that it prints, at once or a moment later, whatever the space between
  their columns; `…` stands for anything;
- "In the project" and "In the service" say where a shell stands from there on.
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from tests.e2e.stack import POLL_SECONDS, Stack, launch

ROOT: Final = Path(__file__).resolve().parent.parent.parent
_WRITE: Final = re.compile(r".*\bWrite `(?P<path>[^`]+)`:")
_INSERT: Final = re.compile(r".*\bIn `(?P<path>[^`]+)`, (?P<how>below|instead of) `(?P<line>[^`]+)`:")
_READY: Final = re.compile(
    r"devstack: ready — http://localhost:(?P<port>\d+)/api \(functions\), (?P<cosmos>http://\S+) "
)
_PLACE: Final = re.compile(r"In the (?P<place>project|service)\b")
_HEADING: Final = re.compile(r"#+ (?P<text>.+)")
_ANSWERS: Final = "It answers, among others:"
_SAYS: Final = "It says, among others:"
_WITHIN: Final = 60.0
_NOBODY_LISTENS: Final = 7
"""The exit status of curl."""


@dataclass(frozen=True)
class Block:
    """`above` is the line before it, `section` the heading that it stands under, `place` where a shell stands."""

    above: str
    section: str
    place: str
    language: str
    text: str


def blocks_of(page: Path, place: str) -> Iterator[Block]:
    """Every block of the page in its order; it begins at `place`."""
    above = section = ""
    lines = iter(page.read_text(encoding="utf-8").splitlines(keepends=True))
    for line in lines:
        if said := _PLACE.search(line):
            place = said["place"]
        if heading := _HEADING.match(line):
            section = heading["text"]
        if line.startswith("```"):
            text = "".join(takewhile(lambda each: each != "```\n", lines))
            yield Block(above, section, place, line.removeprefix("```").strip(), text)
        above = line.strip() or above


@dataclass
class Walk:
    """`folders` are those of the project and of the service; `said` and `beside` are stdout and stderr of a shell."""

    folders: Mapping[str, Path]
    environment: dict[str, str]
    said: str = ""
    beside: str = ""
    again: Block | None = None
    stacks: list[Stack] = field(default_factory=list)
    port: str = "7071"

    def take(self, block: Block) -> None:
        """One step of the page. Raises AssertionError where it does not go as the page says."""
        match block.language:
            case "sh" if block.text == "make run\n":
                self._start(block)
            case "sh":
                self._run(block)
            case "json" if block.above == _ANSWERS:
                expected = json.loads(block.text)
                self._wait(block, lambda: _holds(expected, _answer(self.said)))
            case "text" if block.above == _SAYS:
                lines = [_pattern(line) for line in block.text.splitlines()]
                self._wait(block, lambda: all(any(map(line.fullmatch, self._lines())) for line in lines))
            case _:
                self._edit(block)

    def end(self) -> None:
        for stack in self.stacks:
            stack.kill()

    def _start(self, block: Block) -> None:
        # A port of their own that the functions come back to, as they do to 7071, when a change restarts them.
        ports = {"DEVSTACK_FUNCTIONS_PORT": str(_two_free_ports())}
        ports |= {"DEVSTACK_COSMOS_PORT": "0", "DEVSTACK_SERVICEBUS_PORT": "0"}
        stack = Stack(launch(["make", "run"], self.folders[block.place], {**self.environment, **ports}))
        self.stacks.append(stack)
        ready = stack.wait_for(_READY)
        self.port = ready["port"]
        # What local.settings.json says, for the ports of this stack.
        settings = json.loads((self.folders[block.place] / "local.settings.json").read_text(encoding="utf-8"))
        self.environment["COSMOS"] = settings["Values"]["COSMOS"].replace("http://localhost:8081", ready["cosmos"])

    def _run(self, block: Block) -> None:
        """Runs it again while nobody listens: a change of a file restarts the functions, which takes a moment."""
        deadline = time.monotonic() + _WITHIN
        while (done := self._shell(block)).returncode == _NOBODY_LISTENS and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        assert 0 == done.returncode, f"{block.text}\n{done.stdout}{done.stderr}"
        self.said, self.beside, self.again = done.stdout, done.stderr, block

    def _shell(self, block: Block) -> subprocess.CompletedProcess[str]:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block.text.replace("localhost:7071", f"localhost:{self.port}")],
            cwd=self.folders[block.place], env={**inherited, **self.environment}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def _lines(self) -> list[str]:
        return [" ".join(line.split()) for line in f"{self.said}\n{self.beside}".splitlines()]

    def _wait(self, block: Block, holds: Callable[[], bool]) -> None:
        """Read models follow a moment later, in a process that nothing else is heard of."""
        assert self.again is not None
        deadline = time.monotonic() + _WITHIN
        while not holds():
            assert time.monotonic() < deadline, f"expected\n{block.text}got\n{self.said}{self.beside}"
            time.sleep(POLL_SECONDS)
            self._run(self.again)

    def _edit(self, block: Block) -> None:
        folder = self.folders["service"]
        if write := _WRITE.fullmatch(block.above):
            (folder / write["path"]).write_text(block.text, encoding="utf-8")
            return
        insert = _INSERT.fullmatch(block.above)
        assert insert is not None, f"nothing says what to do with\n{block.text}"
        file = folder / insert["path"]
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        (place,) = (number for number, line in enumerate(lines) if line.strip() == insert["line"].strip())
        lines[place + (insert["how"] == "below") : place + 1] = [block.text]
        file.write_text("".join(lines), encoding="utf-8")


def _two_free_ports() -> int:
    """The first of two neighbours: for the front of the functions, and its one host."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("localhost", 0))
            port = int(first.getsockname()[1])
            with contextlib.suppress(OSError, OverflowError):
                second.bind(("localhost", port + 1))
                return port


def _answer(said: str) -> Any:
    """The last JSON object of the output, None if there is none."""
    try:
        return json.loads(said[said.rfind("\n{") + 1 :])
    except ValueError:
        return None


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in " ".join(line.split()).split("…")))


def _holds(expected: Any, answer: Any) -> bool:
    """Whether the answer says what is expected, whatever else its objects say."""
    match expected, answer:
        case dict(), dict():
            return all(name in answer and _holds(value, answer[name]) for name, value in expected.items())
        case list(), list():
            return len(expected) == len(answer) and all(map(_holds, expected, answer))
        case _:
            return bool(expected == answer)
