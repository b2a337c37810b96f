"""The table of everything that the page can ask for."""

from api.dashboard.orders import ORDER_STATE, ORDER_STORY
from api.dashboard.overview import overview
from api.dashboard.reader import Reader
from api.dashboard.search import SEARCH
from api.dashboard.waiting import PAYLOAD, WAITING


def readers() -> tuple[Reader, ...]:
    """Returns the readers of one process: what they share between those that look is theirs."""
    return (overview(), ORDER_STORY, ORDER_STATE, SEARCH, WAITING, PAYLOAD)
