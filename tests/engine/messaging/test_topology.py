"""The entities of the bus, as a broker is told of them."""

import json
from datetime import timedelta

import pytest

from emulators.servicebus.config import QueueSettings, parse_config
from emulators.servicebus.rules import SqlFilter
from engine.messaging.emulator_config import emulator_config
from engine.messaging.topology import topology


class Message:
    """Of any kind: a rule that matches it matches whatever comes."""

    def system(self, name: str) -> object:
        return name

    def application(self) -> dict[str, object]:
        return {}


def test_queues_have_sessions_where_their_messages_come_in_order() -> None:
    settings = parse_config(json.dumps(emulator_config(topology(["GuestLeft"]))))
    window, lock = timedelta(minutes=5), timedelta(seconds=30)
    assert settings.queues == tuple(
        QueueSettings(name, lock, 10, requires_session=sessions, duplicate_detection_window=window)
        for name, sessions in (("commands", True), ("reactions", True), ("notifications", False))
    )


@pytest.mark.parametrize(
    ("notified", "rules"), [(["GuestLeft", "GuestCame"], ["GuestLeft", "GuestCame"]), ([], ["nothing"])]
)
def test_a_subscription_has_a_rule_per_event(notified: list[str], rules: list[str]) -> None:
    (topic,) = parse_config(json.dumps(emulator_config(topology(notified)))).topics
    (subscription,) = topic.subscriptions
    assert rules == [rule.name for rule in subscription.rules]


def test_one_that_is_to_get_nothing_has_a_rule_that_takes_nothing() -> None:
    """Without any rule it would get every message, and everything would be told to whoever is notified."""
    (topic,) = parse_config(json.dumps(emulator_config(topology([])))).topics
    (rule,) = topic.subscriptions[0].rules
    assert isinstance(rule.filter, SqlFilter)
    assert not rule.filter.matches(Message())  # type: ignore[arg-type]  # what a filter asks of one
