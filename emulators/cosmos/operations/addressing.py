"""Which items a request addresses: by partition key, by range id, by EPK range; and as of which LSN it reads them."""

from __future__ import annotations

from emulators.cosmos.container import Container, KeyRange
from emulators.cosmos.errors import bad_request
from emulators.cosmos.partition_keys import END_EPK as WHOLE_END
from emulators.cosmos.partition_keys import FIRST_EPK, PartitionKey
from emulators.cosmos.requests import END_EPK, PARTITION_KEY, PARTITION_KEY_RANGE, SESSION_TOKEN, START_EPK, Request
from emulators.cosmos.rids import document_number
from emulators.cosmos.scan import Reach
from emulators.cosmos.session import session_lsn


def container_of(request: Request) -> Container:
    assert request.container is not None
    return request.container


def item_id_of(request: Request) -> str:
    """The id of the item that is addressed: by it, or by resource ids all the way, as its `_self` has them."""
    container, item_id = container_of(request), request.segments[5]
    if request.segments[3] == container.rid:
        number = document_number(container.rid, item_id)
        item = container.items.find_number(number) if number is not None else None
        return item_id if item is None else item.id
    return item_id


def key_of(request: Request) -> PartitionKey:
    """The partition key of a request that must have one. Raises 400."""
    container = container_of(request)
    header = request.header(PARTITION_KEY)
    if header is None:
        raise bad_request("PartitionKey value must be supplied for this operation.")
    key = container.partition_key.of_header(header)
    request.partition_key = key
    request.ranges = (container.range_of(key.epk).id,)
    return key


def reach_of(request: Request) -> Reach:
    """What a query or a feed may see. Raises 400, and 410/1002 for a range that is gone."""
    container = container_of(request)
    header = request.header(PARTITION_KEY)
    if header is not None:
        key = container.partition_key.of_header(header, prefix_allowed=True)
        request.partition_key = key
        if len(key.components) < len(container.partition_key.paths):
            reach = Reach(key.epk, key.epk + WHOLE_END)
        else:
            reach = Reach(key.epk, key.epk + WHOLE_END, key)
    else:
        reach = Reach((request.header(START_EPK) or FIRST_EPK).upper(), (request.header(END_EPK) or WHOLE_END).upper())
    key_range = _range_of(request, container)
    if key_range is not None:
        if key_range.high <= reach.low or reach.high <= key_range.low:
            raise bad_request("The partition key or EPK range lies outside of the partition key range.")
        reach = Reach(max(reach.low, key_range.low), min(reach.high, key_range.high), reach.key)
    request.ranges = tuple(r.id for r in container.ranges if r.low < reach.high and reach.low < r.high)
    return reach


def _range_of(request: Request, container: Container) -> KeyRange | None:
    range_id = request.header(PARTITION_KEY_RANGE)
    if not range_id:
        return None
    # .NET writes it as "{container rid},{range id}", too.
    return container.range_by_id(range_id.rpartition(",")[2])


def snapshot_of(request: Request) -> int:
    """The LSN as of which a read is answered; it becomes the session token of the answer. Raises 404/1002."""
    container = container_of(request)
    lsn = container.history.snapshot(container.lsn, session_lsn(request.header(SESSION_TOKEN)))
    request.served_lsn = lsn
    return lsn
