"""`overview` shows how orders go now: sales, open orders, the flow, and how well the service is."""

from collections.abc import Mapping
from typing import Any, Literal, TypedDict

import azure.functions as func

from api.dashboard.reader import Reader
from engine.services import Services


class Overview(TypedDict):
    window: Literal["hour", "day"]


async def read(_services: Services, _req: func.HttpRequest) -> Mapping[str, Any]:
    return {"window": "hour"}


def overview() -> Reader:
    return Reader("overview", Overview, read)
