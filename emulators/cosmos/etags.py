"""Entity tags and the two conditions that requests put on them."""

from __future__ import annotations

import itertools
import os
from typing import Final

from emulators.cosmos.errors import precondition_failed

_ANY: Final = "*"
_versions: Final = itertools.count(int.from_bytes(os.urandom(5), "little"))


def new_etag(ts: int) -> str:
    """A tag in the service's format, quotes included: unlike any other, whatever happened to the data folder."""
    number = next(_versions)
    return f'"{number & 0xFFFFFFFF:08x}-{number >> 32 & 0xFFFF:04x}-0000-0000-{ts:08x}0000"'


def check_match(if_match: str | None, etag: str | None) -> None:
    """Raises 412 unless the tag, or for `*` any version, is there. Unquoted tags are understood too."""
    if if_match is None or (if_match == _ANY and etag is not None):
        return
    if etag is None or if_match.strip('"') != etag.strip('"'):
        raise precondition_failed()


def matches(if_none_match: str | None, etag: str) -> bool:
    return if_none_match is not None and if_none_match in {_ANY, etag, etag.strip('"')}
