"""Pages of query results: filled in the order of the scan where that is possible, else from all rows at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Final

from emulators.cosmos.continuation import Position
from emulators.cosmos.documents import item_text, item_value
from emulators.cosmos.items import StoredItem
from emulators.cosmos.json_text import to_text
from emulators.cosmos.scan import Scan
from emulators.cosmos.sql.plan import ROOT, Collector, Plan
from emulators.cosmos.undefined import UNDEFINED

MAX_PAGE_BYTES: Final = 4 * 1024 * 1024
# Candidates read between two turns of the event loop.
_STEP: Final = 256
# Candidates read for one page. A page may end with few results or none then, as the service's do.
MAX_SCANNED: Final = 10_000


@dataclass
class Page:
    """A page in the making, and what its charge depends on. `next` is where the following one begins, if one does."""

    size: int
    last: Position
    offset: int = 0
    limit: int | None = None
    texts: list[str] = field(default_factory=list)
    bytes: int = 0
    matched_bytes: int = 0
    scanned: int = 0
    next: Position | None = None

    @property
    def complete(self) -> bool:
        """Whether TOP or LIMIT admit no further result."""
        return self.limit is not None and self.last.taken >= self.offset + self.limit

    def offer(self, text: str, position: Position) -> bool:
        """Take the result at a position, unless the page is full. Whether more are wanted."""
        if self.complete:
            return False
        if self.last.taken >= self.offset:
            if self.texts and (len(self.texts) >= self.size or self.bytes + len(text) > MAX_PAGE_BYTES):
                self.next = self.last
                return False
            self.texts.append(text)
            self.bytes += len(text)
        self.last = replace(position, taken=self.last.taken + 1)
        return not self.complete


async def fill_in_order_of_scan(page: Page, plan: Plan, scan: Scan, start: Position) -> None:
    """Ends reading when the page is full, or when it took long enough."""
    if start.row and start.key is not None:
        # The last page ended between two rows of one item (JOIN).
        item = scan.container.items.find(start.key)
        if item is not None and not _offer_rows(page, plan, scan, item, start.row):
            return
    resume, step = start.key, min(page.size + 1, _STEP)
    while True:
        items, resume = scan.step(resume, step)
        step = _STEP
        if not all(_offer_rows(page, plan, scan, item, 0) for item in items) or resume is None:
            return
        if page.scanned >= MAX_SCANNED:
            page.next = Position(page.last.taken, resume)
            return
        await asyncio.sleep(0)


def _offer_rows(page: Page, plan: Plan, scan: Scan, item: StoredItem, first: int) -> bool:
    page.scanned += 1
    root = item_value(scan.container, item)
    values = [value for row in plan.rows({ROOT: root}) if (value := plan.project(row)) is not UNDEFINED]
    if values:
        page.matched_bytes += item.size
    for number, value in enumerate(values[first:], first + 1):
        text = item_text(scan.container, item) if value is root else to_text(value)
        if not page.offer(text, Position(0, item.key, number if number < len(values) else 0)):
            return False
    return True


async def fill_from_all(page: Page, plan: Plan, scan: Scan, start: Position) -> None:
    """What is ordered, grouped or distinct is computed anew for every page, which begins where the last one ended.

    Of ordered results, no more are kept than the page can hold.
    """
    by_key = bool(plan.order) and not plan.distinct and not plan.grouped
    after = (start.order, (*start.key, start.row)) if by_key and start.key is not None and start.order else None
    most = max(0, plan.offset - start.taken) + page.size + 1 if by_key else None
    reading = plan.innermost
    collector = Collector(reading, most, after)
    undefined_too = len(plan.order) != 1 or scan.container.indexing.names(plan.order[0].path)
    resume = None
    while True:
        items, resume = scan.step(resume, _STEP)
        for item in items:
            page.scanned += 1
            rows = list(reading.rows({ROOT: item_value(scan.container, item)}))
            if not undefined_too:
                # Without an explicit index path, ORDER BY leaves out the items that lack the property.
                rows = [row for row in rows if plan.order[0].evaluate(row) is not UNDEFINED]
            if rows:
                page.matched_bytes += item.size
                collector.add(rows, item.key)
        if resume is None:
            break
        await asyncio.sleep(0)
    results = plan.finish(collector)
    for result in results if after is not None else results[start.taken :]:
        position = Position(0)
        if by_key:
            epk, partition_key, item_id, row = result.position
            position = Position(0, (epk, partition_key, item_id), row, result.keys)
        if not page.offer(to_text(result.value), position):
            return
