"""`python -m tests.e2e.verdict`: whether orders ended well, as the build of this folder sees it.

It is told the orders and what was received of each sku as JSON on stdin, and prints how many ended how.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from domain.stock.aggregate import STOCK
from tests.e2e.judge import Judge, judge_over
from tests.e2e.stack import eventually

A_MINUTE_AND_MORE: Final = 75.0
"""Within it, the timer that releases what waits for this build runs once."""


async def judged(asked: Mapping[str, Any]) -> Mapping[str, int]:
    """Raises AssertionError for an order that goes on, stock and views that are not right, and what is parked."""
    async with judge_over(os.environ) as judge:
        stories = await judge.all_are_settled(asked["orderIds"])
        await judge.stock_is_balanced(stories, asked["received"])
        stocks = [await judge.stream(STOCK, sku) for sku in asked["received"]]
        await judge.views_agree([*stocks, *(each.order for each in stories), *(each.payment for each in stories)])
        await judge.sales_agree(stories)
        await eventually(False, lambda: is_anything_parked(judge), within=A_MINUTE_AND_MORE)
    types = Counter(type_ for story in stories for stream in story.streams for type_ in stream.types)
    return {**Counter(str(each.fate) for each in stories), **types}


async def is_anything_parked(judge: Judge) -> bool:
    try:
        await judge.nothing_is_parked()
    except AssertionError:
        return True
    return False


if __name__ == "__main__":
    print(json.dumps(asyncio.run(judged(json.load(sys.stdin)))))
