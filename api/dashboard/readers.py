"""The table of everything that the page can ask for."""

from collections.abc import Iterable

from api.dashboard.orders import ORDER_STATE, ORDER_STORY
from api.dashboard.overview import overview
from api.dashboard.reader import Reader
from api.dashboard.search import SEARCH
from api.dashboard.waiting import PAYLOAD, WAITING
from engine.projecting.query import ReadModel


def readers(read_models: Iterable[ReadModel]) -> tuple[Reader, ...]:
    """Returns the readers of one process: what they share between those that look is theirs."""
    return (overview(read_models), ORDER_STORY, ORDER_STATE, SEARCH, WAITING, PAYLOAD)
