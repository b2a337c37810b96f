"""What happens to a running stack, as its threads report it to the supervisor."""

from queue import SimpleQueue
from typing import NamedTuple, Union


class Ready(NamedTuple):
    """A service said that it serves at `url`."""

    name: str
    url: str


class Ended(NamedTuple):
    """A child ended, with the status that `subprocess` gives: negative is the number of a signal."""

    name: str
    status: int


class StopRequested(NamedTuple):
    """Ctrl-C, a signal to end, or an output that nobody reads any more."""


Event = Union[Ready, Ended, StopRequested]
Events = SimpleQueue
