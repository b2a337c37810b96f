"""The trigger keeps its leases as documents of this form; the conversion needs no SDK.

    { "id": "relay-localhost_TQAQAQ==_TQAQAYAAAAI=..0", "version": 0, "LeaseToken": "0",
      "FeedRange": { "Range": { "min": "", "max": "FF" } }, "Owner": "…", "ContinuationToken": "\"5\"",
      "timestamp": "2026-11-23T06:24:15.7224104Z" }

It is the form of the change feed processor of the .NET SDK (3.64), which the Functions extension uses. An id has the
function's prefix, the host of the account, and the ids of database and container: two apps that share a container of
leases, and follow different containers, do not see each other's.
"""

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.consuming.feed.port import WHOLE, FeedRange, Lease


def monitored(host: str, container_rid: str) -> str:
    """Returns the part of the ids of leases that names the container whose feed is followed.

    The first four bytes of the resource id of a container are that of its database.
    """
    database_rid = base64.b64encode(base64.b64decode(container_rid.replace("-", "/"))[:4]).decode().replace("/", "-")
    return f"{host}_{database_rid}_{container_rid}.."


def lease_of(document: Mapping[str, Any], of: str) -> Lease:
    """Returns the lease in a document whose id has the part `of`."""
    key_range = (document.get("FeedRange") or {}).get("Range")
    return Lease(
        prefix=document["id"].partition(of)[0],
        range=WHOLE if key_range is None else FeedRange(key_range["min"], key_range["max"]),
        owner=document.get("Owner"),
        renewed_at=_moment(document.get("timestamp")),
        continuation=document.get("ContinuationToken"),
    )


def _moment(text: str | None) -> datetime | None:
    """Returns the moment of a timestamp of .NET, which has up to seven digits of fraction."""
    return None if text is None else datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)
