"""Who follows the change feed: every read model, and the relay."""

from collections.abc import Iterable, Mapping, Sequence

from engine.projecting.query import ReadModel
from engine.reacting.relay import CONSUMER


def followers(read_models: Iterable[ReadModel]) -> Mapping[str, Sequence[str]]:
    """Maps the name of each, as its leases have it, to the names as which its consumers park.

    A read model has a consumer for each generation of this build.
    """
    by_name = {each.name: [projection.consumer for projection in each.projections] for each in read_models}
    return {**by_name, CONSUMER: [CONSUMER]}
