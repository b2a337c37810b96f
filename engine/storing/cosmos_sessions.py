"""The session tokens that the SDK keeps belong to the container that gave them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from azure.cosmos.aio import CosmosClient


class _ResourceIds(dict[str, str]):
    """Maps the links of containers to their resource ids, and looks where the SDK has read of those that it misses.

    For an answer without an item (`no_response`, a batch), the SDK (4.17) asks this map alone which container a token
    is of. For those that it has only written to, it keeps all tokens as of the id None: the token of one container is
    then sent with the reads of another, which fail with 404/1002 as long as that one has fewer commits.
    """

    def __init__(self, client: CosmosClient) -> None:
        super().__init__()
        self._read: dict[str, dict[str, Any]] = client.client_connection._container_properties_cache  # noqa: SLF001

    def get(self, link: str, default: Any = None) -> Any:
        found = super().get(link)
        return self._read.get(link, {}).get("_rid", default) if found is None else found


def keep_tokens_apart(client: CosmosClient) -> None:
    """Has the client send the session tokens of a container with the requests to that container alone."""
    session = client.client_connection.session
    # None with an account of another consistency than Session, where no tokens are sent.
    if session is not None:
        kept: Any = session.session_container
        kept.collection_name_to_rid = _ResourceIds(client)
        kept.clear_session_token = partial(_drop_all, kept)


def _drop_all(kept: Any, _: Mapping[str, Any]) -> None:
    """Drops the tokens of all containers, when a read is told that its session is ahead of the store.

    The SDK (4.17) would drop that of the container which has answered last, whoever was told, so that the one that is
    ahead may stay; and where two are told side by side, raise KeyError for the second. A store that is behind one of
    its tokens was restored, or has failed over with loss, and is behind the others too.
    """
    with kept.session_lock:
        kept.rid_to_session_token.clear()
        kept.collection_name_to_rid.clear()
