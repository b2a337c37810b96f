"""The change feed (latest version): every item once, in its newest version, in the order of commits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC
from email.utils import parsedate_to_datetime
from itertools import groupby
from typing import Any, Final

from emulators.cosmos import charges
from emulators.cosmos.account import Account
from emulators.cosmos.answers import Answer, feed_answer
from emulators.cosmos.container import Container
from emulators.cosmos.documents import item_text
from emulators.cosmos.errors import bad_request, not_supported, read_session_not_available
from emulators.cosmos.items import StoredItem
from emulators.cosmos.operations.addressing import container_of, reach_of
from emulators.cosmos.partition_keys import END_EPK, FIRST_EPK
from emulators.cosmos.requests import (
    A_IM,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    ITEM_COUNT,
    SESSION_TOKEN,
    Request,
)
from emulators.cosmos.scan import Reach
from emulators.cosmos.session import session_lsn

_DEFAULT_PAGE: Final = 100
_LARGEST_COMMIT: Final = 100
_MAX_PAGE_BYTES: Final = 4 * 1024 * 1024


async def read_changes(account: Account, request: Request) -> Answer:
    """A page of changes with the position after it as etag, or 304 with the position to ask from next time."""
    if (request.header(A_IM) or "").lower() != "incremental feed":
        raise not_supported("the change feed of all versions and deletes (A-IM: Full-Fidelity Feed)")
    container, reach = container_of(request), reach_of(request)
    if (session_lsn(request.header(SESSION_TOKEN)) or 0) > container.lsn:
        raise read_session_not_available()
    position, since = _start(request, container)
    size = request.page_size(_DEFAULT_PAGE)
    items = _changes(container, reach, position, since, account.clock.now(), size + _LARGEST_COMMIT)
    page = _whole_commits(items, size)
    if not page:
        return Answer(304, headers={"etag": f'"{container.lsn}"', ITEM_COUNT: "0"})
    texts = [item_text(container, item, with_lsn=True) for item in _shuffled(account, container, page)]
    charge = charges.feed(sum(map(len, texts)))
    return feed_answer("Documents", container.rid, texts, charge=charge, etag=f'"{page[-1].lsn}"')


def _start(request: Request, container: Container) -> tuple[int, int | None]:
    """The LSN to go on after, and the time before which changes are left out. The former wins."""
    etag = request.header(IF_NONE_MATCH)
    if etag == "*":
        return container.lsn, None
    if etag is not None:
        text = etag.strip('"')
        if not text.isascii() or not text.isdigit() or int(text) > container.lsn:
            raise bad_request(f"The change feed continuation {etag} is not one of this container.")
        return int(text), None
    since = request.header(IF_MODIFIED_SINCE)
    if since is None:
        return 0, None
    try:
        return 0, int(parsedate_to_datetime(since).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise bad_request(f"The header If-Modified-Since is not a date: {since!r}.") from None


def _changes(
    container: Container, reach: Reach, position: int, since: int | None, now: float, limit: int
) -> list[StoredItem]:
    # A unary plus keeps SQLite from an index: a partition key is found by its own, all else by that of the LSNs.
    if reach.key is not None:
        conditions = ["+lsn > ?", "epk = ?", "partition_key = ?"]
        arguments: list[Any] = [position, reach.key.epk, reach.key.text]
        order = "+lsn, number"
    elif _of_one_key(reach):
        conditions = ["+lsn > ?", "epk >= ?", "epk < ?"]
        arguments = [position, reach.low, reach.high]
        order = "+lsn, number"
    else:
        conditions = ["lsn > ?"]
        arguments = [position]
        order = "lsn, number"
        if (reach.low, reach.high) != (Reach.low, Reach.high):
            conditions += ["+epk >= ?", "+epk < ?"]
            arguments += [reach.low, reach.high]
    if since is not None:
        conditions.append("ts >= ?")
        arguments.append(since)
    if container.default_ttl is not None:
        conditions.append("(expires IS NULL OR expires > ?)")
        arguments.append(now)
    return container.items.select(" AND ".join(conditions), arguments, order, limit)


def _of_one_key(reach: Reach) -> bool:
    """Whether an EPK range is that of a partition key, or of the prefix of one, as the Python SDK asks for them."""
    return reach.low != FIRST_EPK and (
        reach.high == reach.low + END_EPK or int(reach.high, 16) == int(reach.low, 16) + 1
    )


def _whole_commits(items: list[StoredItem], size: int) -> list[StoredItem]:
    """As many commits as fit. One commit is never split, as the position between pages is an LSN."""
    end = start = total = 0
    for number, item in enumerate(items):
        if item.lsn != items[start].lsn:
            end = start = number
        total += len(item.body)
        if end and (number >= size or total > _MAX_PAGE_BYTES):
            return items[:end]
    return items


def _shuffled(account: Account, container: Container, page: list[StoredItem]) -> Iterator[StoredItem]:
    # Azure promises the order of commits within a partition key, and none within a commit.
    for commit in _commits(page):
        if len(commit) > 1:
            random.Random(f"{account.seed}/{container.number}/{commit[0].lsn}").shuffle(commit)
        yield from commit


def _commits(items: list[StoredItem]) -> Iterator[list[Any]]:
    for _, commit in groupby(items, key=lambda item: item.lsn):
        yield list(commit)
