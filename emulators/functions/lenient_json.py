"""JSON as Json.NET reads it from files that people write: comments, commas at the end, single quotes, bare names."""

import json
import re
from collections.abc import Iterator
from typing import Any

_TOKEN = re.compile(
    r"""(?P<space>[\s\ufeff]+)
      | (?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<mark>[{}\[\],:])
      | (?P<word>[^\s{}\[\],:"'/]+)""",
    re.VERBOSE | re.DOTALL,
)
_COMMA = ","
_BARE_NAME = re.compile(r"[A-Za-z_$][\w$]*")


def parse_lenient(text: str) -> Any:
    """The value that a text stands for. Raises ValueError for what Json.NET does not read either."""
    tokens = list(_tokens(text))
    strict = []
    for number, token in enumerate(tokens):
        following = tokens[number + 1] if number + 1 < len(tokens) else ""
        if following in ("}", "]") and token == _COMMA:
            continue
        strict.append(_as_name(token) if following == ":" else token)
    try:
        return json.loads(" ".join(strict))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _tokens(text: str) -> Iterator[str]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            line = text.count("\n", 0, position) + 1
            raise ValueError(f"unexpected {text[position : position + 1]!r} in line {line}")
        position = found.end()
        if found.lastgroup not in ("space", "comment"):
            yield _as_text(found[0]) if found.lastgroup == "text" else found[0]


def _as_text(token: str) -> str:
    """A text in double quotes; line breaks in it are kept, as Json.NET keeps them."""
    content = token[1:-1]
    if token[0] == "'":
        content = re.sub(
            r"\\.|\"", lambda found: {"\\'": "'", '"': '\\"'}.get(found[0], found[0]), content, flags=re.DOTALL
        )
    return '"' + re.sub(r"[\x00-\x1f]", lambda found: f"\\u{ord(found[0]):04x}", content) + '"'


def _as_name(token: str) -> str:
    return f'"{token}"' if _BARE_NAME.fullmatch(token) else token
