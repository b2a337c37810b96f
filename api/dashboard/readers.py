"""The table of everything that the page can ask for."""

from collections.abc import Iterable

from api.dashboard.overview import overview
from api.dashboard.reader import Reader
from engine.projecting.query import ReadModel


def readers(read_models: Iterable[ReadModel]) -> tuple[Reader, ...]:
    """Returns the readers of one process: what they share between those that look is theirs."""
    return (overview(read_models),)
