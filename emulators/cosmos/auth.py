"""The signature of a request: HMAC-SHA256 with the account key over verb, resource and date."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from emulators.cosmos.account import KEY
from emulators.cosmos.errors import CosmosError, not_supported
from emulators.cosmos.requests import Request

_SIGNING: Final = hmac.new(base64.b64decode(KEY), digestmod=hashlib.sha256)


def check(request: Request) -> None:
    """Raises 401, with the text that was to be signed; 501 for tokens that are not signed with the account key."""
    parts = unquote(request.header("Authorization") or "").split("&")
    token = dict(part.split("=", 1) for part in parts if "=" in part)
    kind = token.get("type", "master")
    if kind in {"aad", "resource"}:
        raise not_supported(f"authorization tokens of type {kind}; use the account key")
    date = request.header("x-ms-date")
    plain_date = "" if date is not None else request.header("Date") or ""
    dates = f"{(date or '').lower()}\n{plain_date.lower()}\n"
    given = token.get("sig", "").encode(errors="replace")
    verb = request.method.lower()
    for kind, link in _resources(request.segments):
        if hmac.compare_digest(given, _signature(f"{verb}\n{kind}\n{link}\n{dates}")):
            return
    kind, link = next(_resources(request.segments))
    payload = f"{verb}\n{kind}\n{link}\n{dates}".replace("\n", "\\n")
    raise CosmosError(
        401,
        "The input authorization token can't serve the request. Please check that the expected payload is built as per "
        f"the protocol, and check the key being used. Server used the following payload to sign: '{payload}'",
    )


def _signature(text: str) -> bytes:
    signing = _SIGNING.copy()  # spares the setting up of the key, at every request
    signing.update(text.encode())
    return base64.b64encode(signing.digest())


def _resources(segments: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The resource types and links that clients sign: by name, or the last resource id in lower case."""
    if segments[-1:] == ("partitionkeydelete",):
        segments = segments[:-2]
    if not segments:
        yield "", ""
    elif len(segments) % 2:
        yield segments[-1].lower(), "/".join(segments[:-1])
        yield segments[-1].lower(), segments[-2].lower() if len(segments) > 1 else ""
    else:
        yield segments[-2].lower(), "/".join(segments)
        yield segments[-2].lower(), segments[-1].lower()
