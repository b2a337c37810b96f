"""The triggers as the host sees them: a misspelt keyword of a decorator passes in silence."""

import json
from typing import Any

import pytest

import function_app
from engine.messaging.topology import COMMAND_QUEUE, EVENT_TOPIC, NOTIFICATION_QUEUE, REACTION_QUEUE
from tests.registered import PROJECTIONS

HTTP = {
    "arrive": ("POST", "guests/{guest}/arrival", "FUNCTION"),
    "leave": ("POST", "guests/{guest}/departure", "FUNCTION"),
    "get_command": ("GET", "commands/{commandId}", "FUNCTION"),
    "get_guest": ("GET", "guests/{guest}", "FUNCTION"),
    "get_guest_events": ("GET", "guests/{guest}/events", "FUNCTION"),
    "health": ("GET", "health", "ANONYMOUS"),
    "health_details": ("GET", "health/details", "FUNCTION"),
    "get_openapi": ("GET", "openapi.json", "ANONYMOUS"),
    "get_docs": ("GET", "docs", "ANONYMOUS"),
}
FEED = {
    "relay_events": "relay-",
    **{f"project_{each.name.replace('-', '_')}": f"{each.name}-" for each in PROJECTIONS},
}
"""The leases of each: its own, or two functions share the feed and each sees half."""
BUS: dict[str, dict[str, Any]] = {
    "handle_command": {"queueName": COMMAND_QUEUE, "isSessionsEnabled": True},
    "react": {"queueName": REACTION_QUEUE, "isSessionsEnabled": True},
    "notify": {"topicName": EVENT_TOPIC, "subscriptionName": "notifications"},
    "notify_again": {"queueName": NOTIFICATION_QUEUE},
}


@pytest.fixture(scope="module")
def functions() -> dict[str, Any]:
    return {str(function.get_function_name()): function for function in function_app.app.get_functions()}


def trigger_of(function: Any) -> dict[str, Any]:
    bindings = json.loads(function.get_function_json())["bindings"]
    return dict(next(each for each in bindings if each["type"].endswith("Trigger")))


def test_every_function_is_in_this_table(functions: dict[str, Any]) -> None:
    assert {*HTTP, *FEED, *BUS, "every_minute"} == set(functions)


def test_one_function_does_all_that_is_done_every_minute(functions: dict[str, Any]) -> None:
    assert "0 * * * * *" == trigger_of(functions["every_minute"])["schedule"]


@pytest.mark.parametrize("name", HTTP)
def test_the_routes(functions: dict[str, Any], name: str) -> None:
    trigger = trigger_of(functions[name])
    assert HTTP[name] == (*trigger["methods"], trigger["route"], trigger["authLevel"])


@pytest.mark.parametrize("name", FEED)
def test_a_function_of_the_feed_begins_at_the_beginning_and_never_gives_up(
    functions: dict[str, Any], name: str
) -> None:
    trigger = trigger_of(functions[name])
    assert (FEED[name], True) == (trigger["leaseContainerPrefix"], trigger["startFromBeginning"])
    assert "-1" == functions[name].get_settings_dict("retry_policy")["max_retry_count"]


@pytest.mark.parametrize("name", BUS)
def test_a_function_of_the_bus_takes_one_message_at_a_time_as_bytes(functions: dict[str, Any], name: str) -> None:
    expected = {**BUS[name], "cardinality": "ONE", "dataType": "BINARY"}
    trigger = trigger_of(functions[name])
    assert expected == {key: trigger[key] for key in expected}
