"""Commands print results on stdout, as a table or as JSON, and all that is beside them on stderr."""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final, TextIO

from operate.environment import own_setting

_LEAST_WIDTH: Final = 20
"""A column that is folded is no narrower than this."""

_BETWEEN: Final = 2


def print_json(line: Mapping[str, Any]) -> None:
    """Prints one object in one line; what the output cannot encode is escaped."""
    text = json.dumps(line, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(line)
    print(text, flush=True)


def print_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Prints every row as an object in a line, or all of them as a table with a column per name.

    A value is never cut. A terminal folds the longest, and has each row as a list of names and values where it is too
    narrow for a table; what is not a terminal gets lines as long as they are.
    """
    if as_json:
        for row in rows:
            print_json(row)
    elif rows:
        names = list(dict.fromkeys(name for row in rows for name in row))
        cells = [[_words(name) for name in names], *([_text(row.get(name)) for name in names] for row in rows)]
        if sys.stdout.isatty():
            _draw(cells)
        else:
            _align(cells)


def print_facts(facts: Mapping[str, Any]) -> None:
    """Prints a name and its value in each line."""
    width = max(len(_words(name)) for name in facts)
    for name, value in facts.items():
        print(f"{_words(name):<{width}}  {_text(value)}".rstrip())


def print_block(title: str, text: str) -> None:
    """Prints a text of many lines, set off under its title."""
    print(f"\n{title}")
    for line in text.rstrip().splitlines():
        print(f"  {visible(line)}".rstrip(), flush=True)


def print_title(text: str, beside: str) -> None:
    """Prints a title, set off by an empty line and bold on a terminal that can, and something beside it."""
    print()
    if not is_drawn(sys.stdout):
        print(f"{text}  {beside}", flush=True)
        return
    # A terminal alone pays for this import.
    from rich.console import Console
    from rich.text import Text

    Console().print(Text.assemble((text, "bold"), f"  {beside}"), soft_wrap=True)


def is_drawn(stream: TextIO) -> bool:
    """Tells whether a stream is a terminal that can draw, and not only print lines."""
    return stream.isatty() and own_setting("TERM") not in ("dumb", "unknown")


def say(text: str) -> None:
    """Tells whoever watches; it is not among the results."""
    print(text, file=sys.stderr, flush=True)


def visible(text: str) -> str:
    """Returns a text that cannot move the cursor, colour a terminal, or break a line, whoever has written it."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case str():
            return visible(value)
        case dict():
            return visible(", ".join(f"{name}={each}" for name, each in value.items()))
        case _:
            return visible(json.dumps(value, ensure_ascii=False))


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _align(cells: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip(), flush=True)


def _draw(cells: Sequence[Sequence[str]]) -> None:
    # A terminal alone pays for this import.
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console, (head, *rows) = Console(), cells
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    widest = widths.index(max(widths))
    least = sum(widths) - max(0, widths[widest] - _LEAST_WIDTH)
    if least + _BETWEEN * len(widths) > console.width:
        # Names that are folded cannot be copied.
        for row in rows:
            _align([*zip(head, row, strict=True)])
            print()
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for number, name in enumerate(head):
        table.add_column(Text(name), overflow="fold", no_wrap=number != widest)
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)
