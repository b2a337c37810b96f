"""A client that somebody generates from the description places an order, and finds it."""

import importlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

from tests.api.conftest import Api
from tests.api.host import Host
from tests.described import DESCRIPTION, OPERATIONS


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of the package of the client."""
    document, package = tmp_path / "openapi.json", tmp_path / "generated_client"
    document.write_text(json.dumps(DESCRIPTION), encoding="utf-8")
    config = Config.from_sources(
        ConfigFile(post_hooks=[]), MetaType.NONE, document, "utf-8", overwrite=False, output_path=package
    )
    assert [] == list(generate(config=config))
    monkeypatch.syspath_prepend(tmp_path)
    return package.name


def test_a_generated_client_places_an_order_and_finds_it(package: str, api: Api) -> None:
    host = Host(api.functions)
    models = importlib.import_module(f"{package}.models")
    client = importlib.import_module(package).AuthenticatedClient(
        base_url="http://the-service",
        token="a-key",
        prefix="",
        auth_header_name="x-functions-key",
        httpx_args={"transport": httpx.WSGITransport(app=host)},
    )

    def call(function: str, *path: str, **arguments: Any) -> Any:
        module = importlib.import_module(f"{package}.api.default.{function}")
        return module.sync(*path, client=client, **arguments)

    example = OPERATIONS["place_order"]["requestBody"]["content"]["application/json"]["example"]
    body = models.PlaceOrderBody.from_dict(example)
    first, again = [call("place_order", body=body, idempotency_key="k-1") for _ in range(2)]
    order = call("get_order", first.order_id, min_version=first.version)
    missing = call("get_order", "no-such-order")
    client.get_httpx_client().close()
    host.close()

    assert isinstance(first, models.OrderAnswer)
    assert first == again
    assert ("ada", "12.50") == (order.customer_id, order.lines[0].unit_price.amount)
    assert isinstance(missing, models.Problem)
    assert "There is no such order." == missing.detail
