"""Who follows the change feed: every read model, and the relay."""

from collections.abc import Iterable, Mapping

from engine.projecting.query import ReadModel
from engine.reacting.relay import CONSUMER


def followers(read_models: Iterable[ReadModel]) -> Mapping[str, str]:
    """Maps the name of each, as the prefix of its leases has it, to the name of the consumer as which it parks."""
    return {**{each.name: each.projection.consumer for each in read_models}, CONSUMER: CONSUMER}
