"""The triggers as the host sees them, whole: a misspelt keyword of a decorator passes in silence."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import function_app
from composition.domain import CONTAINERS, READ_MODELS, TOPOLOGY
from engine.consuming.lag import OWNER_IS_GONE_AFTER
from engine.consuming.retry_policy import LONGEST
from engine.messaging.topology import LOCK_DURATION
from engine.storing.containers import EVENTS, GENERATIONS, LEASES, OUTCOMES, PARKED, SNAPSHOTS

ROOT = Path(__file__).resolve().parent.parent.parent

HTTP = {
    "place_order": ("POST", "orders", "FUNCTION"),
    "cancel_order": ("POST", "orders/{orderId}/cancellation", "FUNCTION"),
    "report_payment": ("POST", "orders/{orderId}/payment", "FUNCTION"),
    "ship_order": ("POST", "orders/{orderId}/shipment", "FUNCTION"),
    "receive_stock": ("POST", "stock/{sku}/receipts", "FUNCTION"),
    "get_command": ("GET", "commands/{commandId}", "FUNCTION"),
    "get_order": ("GET", "orders/{orderId}", "FUNCTION"),
    "get_order_events": ("GET", "orders/{orderId}/events", "FUNCTION"),
    "get_payment": ("GET", "orders/{orderId}/payment", "FUNCTION"),
    "get_customer_orders": ("GET", "customers/{customerId}/orders", "FUNCTION"),
    "get_stock": ("GET", "stock/{sku}", "FUNCTION"),
    "get_sales": ("GET", "sales", "FUNCTION"),
    "get_stock_events": ("GET", "stock/{sku}/events", "FUNCTION"),
    "health": ("GET", "health", "ANONYMOUS"),
    "health_details": ("GET", "health/details", "FUNCTION"),
    "get_openapi": ("GET", "openapi.json", "ANONYMOUS"),
    "get_docs": ("GET", "docs", "ANONYMOUS"),
    "get_dashboard": ("GET", "dashboard", "ANONYMOUS"),
    "get_dashboard_file": ("GET", "dashboard/files/{file}", "ANONYMOUS"),
    "read_dashboard": ("GET", "dashboard/data/{what}", "FUNCTION"),
    "release_parked": ("POST", "dashboard/releases", "FUNCTION"),
}

BUS: dict[str, dict[str, Any]] = {
    "handle_command": {"queueName": "commands", "isSessionsEnabled": True},
    "react": {"queueName": "reactions", "isSessionsEnabled": True},
    "notify": {"topicName": "events", "subscriptionName": "notifications"},
    "notify_again": {"queueName": "notifications"},
}
"""What each takes from. Without a session, messages are in no order."""


@pytest.fixture(scope="module")
def functions() -> dict[str, Any]:
    return {str(function.get_function_name()): function for function in function_app.app.get_functions()}


def trigger_of(function: Any) -> dict[str, Any]:
    bindings = json.loads(function.get_function_json())["bindings"]
    return dict(next(each for each in bindings if each["type"].endswith("Trigger")))


def test_the_table_of_functions(functions: dict[str, Any]) -> None:
    views = {f"project_{each.name.replace('-', '_')}" for each in READ_MODELS}
    assert {*HTTP, *views, "relay_events", *BUS, "every_minute"} == set(functions)


def test_one_function_does_all_that_is_done_every_minute(functions: dict[str, Any]) -> None:
    expected = {"direction": "IN", "type": "timerTrigger", "name": "timer", "schedule": "0 * * * * *"}
    assert expected == trigger_of(functions["every_minute"])


def test_the_routes(functions: dict[str, Any]) -> None:
    for name, (method, route, level) in HTTP.items():
        trigger = trigger_of(functions[name])
        expected = {"direction": "IN", "type": "httpTrigger", "name": "req", "methods": [method],
                    "authLevel": level, "route": route}  # fmt: skip
        assert expected == trigger


LEASES_OF = {
    "relay_events": "relay-",
    **{f"project_{each.name.replace('-', '_')}": f"{each.name}-" for each in READ_MODELS},
}


@pytest.mark.parametrize("name", LEASES_OF)
def test_every_function_of_the_feed_has_leases_of_its_own_and_never_gives_up(
    functions: dict[str, Any], name: str
) -> None:
    assert {
        "direction": "IN",
        "type": "cosmosDBTrigger",
        "name": "documents",
        "connection": "COSMOS",
        "databaseName": "%COSMOS_DATABASE%",
        "containerName": EVENTS.name,
        "leaseContainerName": LEASES.name,
        "leaseContainerPrefix": LEASES_OF[name],
        "leaseExpirationInterval": 20_000,
        "leaseRenewInterval": 6_000,
        "leaseAcquireInterval": 3_000,
        "feedPollDelay": 100 if name == "relay_events" else 200,
        "startFromBeginning": True,
    } == trigger_of(functions[name])
    assert {
        "setting_name": "retry_policy",
        "strategy": "exponential_backoff",
        "max_retry_count": "-1",
        "minimum_interval": "00:00:01",
        "maximum_interval": "00:00:30",
    } == functions[name].get_settings_dict("retry_policy")


@pytest.mark.parametrize("name", BUS)
def test_the_functions_of_the_bus_take_one_message_at_a_time_as_bytes(functions: dict[str, Any], name: str) -> None:
    assert {
        "direction": "IN",
        "type": "serviceBusTrigger",
        "name": "message",
        "connection": "SERVICEBUS",
        **BUS[name],
        "cardinality": "ONE",
        "dataType": "BINARY",
    } == trigger_of(functions[name])


def test_every_entity_of_the_bus_has_a_function_that_takes_from_it(functions: dict[str, Any]) -> None:
    triggers = [trigger_of(functions[name]) for name in BUS]
    taken = {each["queueName"]: each.get("isSessionsEnabled", False) for each in triggers if "queueName" in each}
    assert {queue.name: queue.sessions for queue in TOPOLOGY.queues} == taken
    subscriptions = [f"{each['topicName']}/{each['subscriptionName']}" for each in triggers if "topicName" in each]
    assert [*TOPOLOGY.subscriptions] == subscriptions


def test_the_locks_of_messages_are_renewed_for_longer_than_a_handler_waits() -> None:
    host = json.loads((ROOT / "host.json").read_text(encoding="utf-8"))["extensions"]["serviceBus"]
    hours, minutes, seconds = map(int, host["maxAutoLockRenewalDuration"].split(":"))
    assert timedelta(hours=hours, minutes=minutes, seconds=seconds) > LONGEST > LOCK_DURATION


def test_every_read_model_has_its_container() -> None:
    expected = {EVENTS.name, SNAPSHOTS.name, PARKED.name, GENERATIONS.name, OUTCOMES.name, LEASES.name}
    names = {container.name for container in CONTAINERS}
    assert {*expected, *(each.name for each in READ_MODELS)} == names


def test_an_owner_is_gone_when_another_host_should_have_its_lease() -> None:
    taken_over_within = function_app.LEASE_EXPIRATION_MS + function_app.LEASE_ACQUISITION_MS
    assert timedelta(milliseconds=2 * taken_over_within) < OWNER_IS_GONE_AFTER
