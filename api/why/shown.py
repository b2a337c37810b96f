"""An explanation as JSON, for scripts and for assistants."""

from collections.abc import Mapping
from typing import Any

from api.json_types import to_json
from api.why.explanation import Explanation, Situation, Waiting
from engine.storing.events import time_at_rest


def explanation_json(situation: Situation, explanation: Explanation) -> Mapping[str, Any]:
    """Returns what is told of an order, with the obstacles of its situation."""
    return {
        "orderId": situation.order_id,
        "order": explanation.order,
        "payment": explanation.payment,
        "waitsFor": [_waiting_json(each) for each in explanation.waiting],
        "obstacles": [to_json(each) for each in situation.obstacles],
        "text": explanation.text,
        "look": explanation.look,
    }


def _waiting_json(waiting: Waiting) -> Mapping[str, Any]:
    return {
        "what": waiting.wait.what,
        "by": waiting.wait.by,
        "stream": waiting.wait.stream_id,
        "since": time_at_rest(waiting.since),
        "until": None if waiting.until is None else time_at_rest(waiting.until),
        "overdue": waiting.overdue,
    }
