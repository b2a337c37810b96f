"""What a client sends as an item, checked; and what it gets back."""

from __future__ import annotations

from typing import Any, Final

from emulators.cosmos.container import Container
from emulators.cosmos.errors import bad_request, too_large
from emulators.cosmos.items import SYSTEM_PROPERTIES, StoredItem
from emulators.cosmos.json_text import parse_json, stored_value, to_text
from emulators.cosmos.rids import document_rid

MAX_ITEM_BYTES: Final = 2 * 1024 * 1024
MAX_ID_BYTES: Final = 1023
MAX_NESTING: Final = 128
_FORBIDDEN_IN_IDS: Final = frozenset("/\\?#")


def parse_item(data: bytes) -> dict[str, Any]:
    """Raises 413 beyond 2 MB and 400 for what is not a JSON object."""
    if len(data) > MAX_ITEM_BYTES:
        raise too_large()
    body = parse_json(data)
    if not isinstance(body, dict):
        raise bad_request("The input content is invalid: an item is a JSON object.")
    return body


def user_body(body: dict[str, Any]) -> dict[str, Any]:
    """Without the system properties, which are the service's whatever a client sends."""
    if SYSTEM_PROPERTIES.isdisjoint(body):
        return body
    return {name: value for name, value in body.items() if name not in SYSTEM_PROPERTIES}


def checked_id(body: dict[str, Any]) -> str:
    """Raises 400 for an id that is missing, empty, too long or has one of `/ \\ ? #`."""
    identity = body.get("id")
    if identity is None:
        raise bad_request("The input content is invalid because the required properties - 'id; ' - are missing")
    if not isinstance(identity, str) or not identity:
        raise bad_request("The input name is invalid: an id is a non-empty string.")
    if not _FORBIDDEN_IN_IDS.isdisjoint(identity):
        raise bad_request(f"The input name {identity!r} is invalid. Ensure it contains none of / \\ ? #.")
    if len(identity.encode()) > MAX_ID_BYTES:
        raise bad_request(f"The input name is invalid: an id has at most {MAX_ID_BYTES} bytes.")
    return identity


def checked_text(body: dict[str, Any]) -> str:
    """The text that is stored. Raises 413 beyond 2 MB, 400 for numbers beyond doubles and for too many levels."""
    try:
        text = to_text(body)
    except ValueError:
        raise bad_request("The request body contains a number that a double cannot hold.") from None
    if len(text) > MAX_ITEM_BYTES or len(text.encode()) > MAX_ITEM_BYTES:
        raise too_large()
    # Only a text with that many opening brackets can be nested that deeply.
    if text.count("{") + text.count("[") > MAX_NESTING and _deeper(body, MAX_NESTING):
        raise bad_request(f"The item is nested more than {MAX_NESTING} levels deep.")
    return text


def _deeper(value: Any, levels: int) -> bool:
    level = [value]
    for _ in range(levels):
        members = [m for v in level for m in (v.values() if isinstance(v, dict) else v)]
        level = [member for member in members if isinstance(member, (dict, list))]
        if not level:
            return False
    return True


def item_text(container: Container, item: StoredItem, *, with_lsn: bool = False) -> str:
    """The item as clients read it: the stored text, in its order, and the system properties after it."""
    rid = document_rid(container.rid, item.number)
    quoted_etag = item.etag.replace('"', '\\"')
    lsn = f',"_lsn":{item.lsn}' if with_lsn else ""
    return (
        f'{item.body[:-1]},"_rid":"{rid}","_self":"{container.self_link}docs/{rid}/","_etag":"{quoted_etag}",'
        f'"_attachments":"attachments/","_ts":{item.ts}{lsn}}}'
    )


def item_value(container: Container, item: StoredItem) -> dict[str, Any]:
    """The item as SQL sees it."""
    value: dict[str, Any] = stored_value(item.body)
    rid = document_rid(container.rid, item.number)
    value["_rid"] = rid
    value["_self"] = f"{container.self_link}docs/{rid}/"
    value["_etag"] = item.etag
    value["_attachments"] = "attachments/"
    value["_ts"] = item.ts
    return value
