"""Throughput: one offer per database or container, provisioned or autoscale. It is stored and echoed."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any, Final

from emulators.clock import Clock
from emulators.cosmos.errors import bad_request, resource_not_found
from emulators.cosmos.etags import new_etag
from emulators.cosmos.rids import new_offer_rid
from emulators.cosmos.store import Store

DEFAULT_THROUGHPUT: Final = 400
_LEAST_AUTOSCALE: Final = 1000


@dataclass(frozen=True)
class Offer:
    rid: str
    resource: str
    etag: str
    ts: int
    content: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return {
            "offerVersion": "V2",
            "offerType": "Invalid",
            "resource": self.resource,
            "offerResourceId": self.resource.rstrip("/").rpartition("/")[2],
            "id": self.rid,
            "_rid": self.rid,
            "_self": f"offers/{self.rid}/",
            "_etag": self.etag,
            "_ts": self.ts,
            "content": self.content,
        }


class Offers:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def insert(self, connection: sqlite3.Connection, resource: str, content: dict[str, Any]) -> None:
        """As a part of the transaction that makes the resource."""
        ts = self._clock.seconds()
        connection.execute(
            "INSERT INTO offers VALUES (?, ?, ?, ?, ?)",
            (new_offer_rid(), resource, new_etag(ts), ts, json.dumps(content)),
        )

    def all(self) -> list[Offer]:
        return [
            Offer(rid, resource, etag, ts, json.loads(content))
            for rid, resource, etag, ts, content in self._store.rows(
                "SELECT rid, resource, etag, ts, content FROM offers ORDER BY rowid"
            )
        ]

    def find(self, rid: str) -> Offer:
        """Raises 404."""
        for offer in self.all():
            if offer.rid == rid:
                return offer
        raise resource_not_found()

    def replace(self, rid: str, body: dict[str, Any]) -> Offer:
        """Raises 400 and 404."""
        self.find(rid)
        given = body.get("content")
        if not isinstance(given, dict):
            raise bad_request("The offer has no content.")
        autoscale = given.get("offerAutopilotSettings")
        maximum = autoscale.get("maxThroughput") if isinstance(autoscale, dict) else None
        content = offer_content(given.get("offerThroughput"), maximum)
        ts = self._clock.seconds()
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE offers SET etag = ?, ts = ?, content = ? WHERE rid = ?",
                (new_etag(ts), ts, json.dumps(content), rid),
            )
        return self.find(rid)


def offer_content(throughput: int | None, autoscale_maximum: int | None) -> dict[str, Any]:
    """Raises 400 for a throughput that the service does not sell."""
    if any(value is not None and type(value) is not int for value in (throughput, autoscale_maximum)):
        raise bad_request("Throughput is a number of request units.")
    if autoscale_maximum is not None:
        if autoscale_maximum < _LEAST_AUTOSCALE or autoscale_maximum % 1000:
            raise bad_request(f"The autoscale maximum is a multiple of 1000 from {_LEAST_AUTOSCALE}.")
        throughput = autoscale_maximum // 10
    throughput = DEFAULT_THROUGHPUT if throughput is None else throughput
    if autoscale_maximum is None and (throughput < DEFAULT_THROUGHPUT or throughput % 100):
        raise bad_request(f"The offer throughput is a multiple of 100 from {DEFAULT_THROUGHPUT}.")
    content: dict[str, Any] = {
        "offerThroughput": throughput,
        "offerIsRUPerMinuteThroughputEnabled": False,
        "offerMinimumThroughputParameters": {
            "maxThroughputEverProvisioned": throughput,
            "maxConsumedStorageEverInKB": 0,
        },
    }
    if autoscale_maximum is not None:
        content["offerAutopilotSettings"] = {"maxThroughput": autoscale_maximum}
    return content
