"""Signatures."""

from __future__ import annotations

import base64

import pytest

from emulators.tests.cosmos.raw import RawClient

OTHER_KEY = base64.b64encode(b"another key").decode()


@pytest.mark.verified("trace", feature="Authorization: a wrong key is refused")
async def test_a_wrong_key_is_refused_with_the_text_to_sign(raw: RawClient) -> None:
    answer = await raw.send("GET", "/dbs/shop", key=OTHER_KEY)

    assert (401, "Unauthorized") == (answer.status, answer.json["code"])
    assert r"'get\ndbs\ndbs/shop\n" in answer.json["message"]


@pytest.mark.verified("docs", feature="Authorization: no signature, no answer")
async def test_a_request_without_a_signature_is_refused(raw: RawClient) -> None:
    assert 401 == (await raw.send("GET", "/dbs", headers={"Authorization": ""})).status


@pytest.mark.verified("docs", feature="Authorization: the signature covers verb and resource")
async def test_a_signature_of_another_resource_is_refused(raw: RawClient) -> None:
    assert 200 == (await raw.send("GET", "/dbs", signed=("dbs", ""))).status
    assert 401 == (await raw.send("GET", "/dbs", signed=("dbs", "dbs/shop"))).status
    assert 401 == (await raw.send("GET", "/dbs", signed=("colls", ""))).status


@pytest.mark.verified("docs", feature="Authorization: Microsoft Entra ID is refused by name")
async def test_a_token_of_another_kind_is_refused_by_name(raw: RawClient) -> None:
    answer = await raw.send("GET", "/dbs", headers={"Authorization": "type%3Daad%26ver%3D1.0%26sig%3Dabc"})

    assert 501 == answer.status
    assert "aad" in answer.json["message"]
