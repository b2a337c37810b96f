"""Answers as JSON: camelCase, money as decimal strings, times in UTC."""

import json
from collections.abc import Mapping
from typing import Any

import azure.functions as func

from domain.money import Money
from eventstore.codec import strict_converter

_converter = strict_converter()
_converter.register_unstructure_hook(Money, lambda money: {"amount": str(money), "currency": money.currency})


def to_json(value: object) -> Any:
    """Domain events and views as clients see them."""
    return _converter.unstructure(value)


def answer(
    body: Mapping[str, Any], *, status: int = 200, version: int | None = None, headers: Mapping[str, str] | None = None
) -> func.HttpResponse:
    """`version` is that of the stream, and the ETag."""
    etag = {} if version is None else {"ETag": f'"{version}"'}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return func.HttpResponse(
        text.encode("utf-8", "surrogatepass"),
        status_code=status,
        mimetype="application/json",
        headers={**etag, **(headers or {})},
    )
