"""The generations of a read model are kept as an item in this format.

{ "id": "guest-details", "serving": 1, "written": [1, 2], "flippedAt": "…",
  "build": { "generation": 2, "buildId": "…", "closing": false,
             "ranges": [{ "from": "", "below": "FF", "head": "…", "position": "…", "documents": 7 }] },
  "dropped": 3 }
"""

from collections.abc import Mapping
from typing import Any

from engine.consuming.feed.port import FeedRange
from engine.projecting.generations.port import Build, Generations, Walked
from engine.storing.events import time_at_rest, time_from_rest


def to_item(read_model: str, generations: Generations) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": read_model,
        "serving": generations.serving,
        "written": list(generations.written),
    }
    if generations.flipped_at is not None:
        item["flippedAt"] = time_at_rest(generations.flipped_at)
    if generations.dropped is not None:
        item["dropped"] = generations.dropped
    if (build := generations.build) is not None:
        item["build"] = {
            "generation": build.generation,
            "buildId": build.build_id,
            "closing": build.closing,
            "ranges": [
                {
                    "from": each.feed_range.low,
                    "below": each.feed_range.high,
                    "head": each.head,
                    "position": each.position,
                    "documents": each.documents,
                }
                for each in build.ranges
            ],
        }
    return item


def from_item(item: Mapping[str, Any]) -> Generations:
    flipped_at, build = item.get("flippedAt"), item.get("build")
    return Generations(
        serving=item["serving"],
        written=tuple(item["written"]),
        build=None if build is None else _build(build),
        dropped=item.get("dropped"),
        flipped_at=None if flipped_at is None else time_from_rest(flipped_at),
    )


def _build(item: Mapping[str, Any]) -> Build:
    ranges = tuple(
        Walked(FeedRange(each["from"], each["below"]), each["head"], each["position"], each["documents"])
        for each in item["ranges"]
    )
    return Build(item["generation"], item["buildId"], ranges, item["closing"])
