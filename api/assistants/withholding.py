"""What users wrote is withheld from assistants, since a language model may take a text for an order.

All here is by what is shown, not by what is withheld: a field that comes new is not shown.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from api.dashboard.waiting import ParkedRow
from api.why.explanation import Obstacle, Situation

WITHHELD: Final = "(withheld)"

_NAME: Final = re.compile(r"[A-Za-z0-9._~@/-]{1,200}")
_KIND: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,63}(?=:|\s|$)")

_OF_AN_ORDER: Final = ("orderId", "version", "status", "total", "placedAt", "confirmedAt")
_OF_A_LINE: Final = ("quantity", "unitPrice")


def name_alone(text: str) -> str:
    """Returns a name, which has no spaces and no markup; of another text nothing."""
    return text if _NAME.fullmatch(text) else WITHHELD


def kind_alone(error: str) -> str:
    """Returns the kind of an error, which its text begins with: the rest may repeat what a user wrote."""
    match = _KIND.match(error)
    return match[0] if match else WITHHELD


def situation_without_texts(situation: Situation) -> Situation:
    """Returns a situation whose obstacles, from which an explanation quotes, say no more than names and kinds."""
    unknown = None if situation.no_dead_letters is None else "the bus does not say"
    obstacles = [_obstacle_without_texts(each) for each in situation.obstacles]
    return replace(situation, obstacles=obstacles, no_dead_letters=unknown)


def order_without_texts(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what may be shown of an order in JSON: no customer, no reason, and not by whom it was shipped."""
    return {
        **{name: order[name] for name in _OF_AN_ORDER},
        "lines": [
            {"sku": name_alone(line["sku"]), **{name: line[name] for name in _OF_A_LINE}} for line in order["lines"]
        ],
        "shippedAt": (order["shipment"] or {}).get("shippedAt"),
        "cancelledAt": (order["cancellation"] or {}).get("cancelledAt"),
    }


def parked_without_texts(row: ParkedRow) -> Mapping[str, Any]:
    """Returns what may be shown of what is parked. `reason` is one of ours."""
    return {
        "consumer": row["consumer"],
        "name": name_alone(row["name"]),
        "kind": row["kind"],
        "version": row["version"],
        "type": None if row["type"] is None else name_alone(row["type"]),
        "reason": row["reason"],
        "error": kind_alone(row["error"]),
        "since": row["since"],
        "attempts": row["attempts"],
        "waiting": row["waiting"],
    }


def _obstacle_without_texts(obstacle: Obstacle) -> Obstacle:
    what, _, name = obstacle.name.partition(" ")
    shown = name_alone(name)
    # What is unreadable or behind is said by us.
    says = kind_alone(obstacle.says) if obstacle.kind in ("parked", "dead") else obstacle.says
    return replace(obstacle, name=f"{what} {shown}", says=says, look=obstacle.look.replace(name, shown))
