"""The table of everything that the page can ask for."""

from api.dashboard.overview import overview
from api.dashboard.reader import Reader


def readers() -> tuple[Reader, ...]:
    """Returns the readers of one process: what they share between those that look is theirs."""
    return (overview(),)
