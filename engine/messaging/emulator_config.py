"""The official Service Bus emulator reads the topology in this `config.json` format, and so does the local broker.

https://learn.microsoft.com/azure/service-bus-messaging/test-locally-with-service-bus-emulator
"""

from datetime import timedelta
from typing import Any, Final

from engine.messaging.topology import DETECTION_WINDOW, LOCK_DURATION, MAX_DELIVERIES, Queue, Subscription, Topology

_NAMESPACE: Final = "sbemulatorns"
"""The emulator accepts this name only."""

_LONGEST_WINDOW: Final = timedelta(minutes=5)
"""The emulator refuses a longer detection window."""

_NOTHING: Final = {"Name": "nothing", "Properties": {"FilterType": "Sql", "SqlFilter": {"SqlExpression": "1 = 0"}}}
"""Without any rule, a subscription would get one that takes every message."""


def emulator_config(topology: Topology) -> dict[str, Any]:
    """Returns the configuration of the emulator for `topology`, ready to be written as JSON."""
    topic = {
        "Name": topology.topic.name,
        "Properties": _detection(),
        "Subscriptions": [_subscription(each) for each in topology.topic.subscriptions],
    }
    namespace = {"Name": _NAMESPACE, "Queues": [_queue(each) for each in topology.queues], "Topics": [topic]}
    return {"UserConfig": {"Namespaces": [namespace], "Logging": {"Type": "File"}}}


def _queue(queue: Queue) -> dict[str, Any]:
    sessions = {"RequiresSession": True} if queue.sessions else {}
    return {"Name": queue.name, "Properties": {**sessions, **_delivery(), **_detection()}}


def _subscription(subscription: Subscription) -> dict[str, Any]:
    rules = [
        {"Name": subject, "Properties": {"FilterType": "Correlation", "CorrelationFilter": {"Label": subject}}}
        for subject in subscription.subjects
    ]
    return {"Name": subscription.name, "Properties": _delivery(), "Rules": rules or [_NOTHING]}


def _delivery() -> dict[str, Any]:
    return {"LockDuration": iso(LOCK_DURATION), "MaxDeliveryCount": MAX_DELIVERIES}


def _detection() -> dict[str, Any]:
    window = min(DETECTION_WINDOW, _LONGEST_WINDOW)
    return {"RequiresDuplicateDetection": True, "DuplicateDetectionHistoryTimeWindow": iso(window)}


def iso(span: timedelta) -> str:
    """Returns the span in ISO 8601 as Azure writes it, in whole hours, minutes or seconds."""
    seconds = int(span.total_seconds())
    for unit, length in (("H", 3600), ("M", 60)):
        if seconds % length == 0:
            return f"PT{seconds // length}{unit}"
    return f"PT{seconds}S"
