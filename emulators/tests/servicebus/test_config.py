"""Configurations: what the official emulator takes, and clear words for what it does not."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulators.servicebus.config import ConfigError, QueueSettings, parse_config, read_config
from emulators.servicebus.durations import parse_duration
from emulators.servicebus.rules import DEFAULT_RULE, CorrelationFilter, SqlFilter

# The sample that the official emulator publishes, shortened, with its comments and empty fields.
SAMPLE = """
{"UserConfig": {
  "Namespaces": [{ "Name": "sbemulatorns",
    "Queues": [{ "Name": "queue.1", "Properties": {
       "DeadLetteringOnMessageExpiration": false, "DefaultMessageTimeToLive": "PT1H", // PT5M..PT1H
       "DuplicateDetectionHistoryTimeWindow": "PT20S", "ForwardDeadLetteredMessagesTo": "", "ForwardTo": "",
       "LockDuration": "PT1M", "MaxDeliveryCount": 3, /* 1..10 */
       "RequiresDuplicateDetection": false, "RequiresSession": false }}],
    "Topics": [{ "Name": "topic.1", "Properties": {
       "DefaultMessageTimeToLive": "PT1H", "DuplicateDetectionHistoryTimeWindow": "PT20S",
       "RequiresDuplicateDetection": false },
      "Subscriptions": [{ "Name": "subscription.1", "Properties": {
         "DeadLetteringOnMessageExpiration": false, "DefaultMessageTimeToLive": "PT1H", "LockDuration": "PT1M",
         "MaxDeliveryCount": 3, "ForwardDeadLetteredMessagesTo": "", "ForwardTo": "", "RequiresSession": false },
        "Rules": [
         { "Name": "app-prop-filter-1", "Properties": { "FilterType": "Correlation", "CorrelationFilter": {
             "ContentType": "application/text", "CorrelationId": "id1", "Label": "subject1", "MessageId": "msgid1",
             "ReplyTo": "someQueue", "ReplyToSessionId": "sessionId", "SessionId": "session1", "To": "xyz" } } },
         { "Name": "sql", "Properties": { "FilterType": "Sql",
             "SqlFilter": { "SqlExpression": "sys.Label = 'http://x' AND prop1 = 1" } } }]},
        { "Name": "subscription.2", "Properties": {} }]}]}],
  "Logging": { "Type": "File" } }}
"""


def config(**entities: Any) -> str:
    return json.dumps({"UserConfig": {"Namespaces": [{"Name": "ns", **entities}]}})


def queue(name: str = "q", **properties: Any) -> dict[str, Any]:
    return {"Name": name, "Properties": properties}


@pytest.mark.verified("docs", feature="Configuration: the config.json of the official emulator")
def test_the_published_sample_is_read() -> None:
    settings = parse_config(SAMPLE)
    assert settings.queues == (
        QueueSettings("queue.1", timedelta(minutes=1), 3, default_time_to_live=timedelta(hours=1)),
    )
    (topic,) = settings.topics
    first, second = topic.subscriptions
    assert first.queue.name == "topic.1/Subscriptions/subscription.1"
    correlation, sql = first.rules
    assert isinstance(correlation.filter, CorrelationFilter)
    assert len(correlation.filter.system) == 8
    assert sql.filter == SqlFilter("sys.Label = 'http://x' AND prop1 = 1")
    assert second.rules == (DEFAULT_RULE,)


@pytest.mark.verified("docs", feature="Configuration: the limits of the official emulator")
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "no JSON"),
        ("[]", "the document: an object"),
        ("{}", "UserConfig: an object, not null"),
        ('{"UserConfig": {"Namespaces": []}}', "one namespace, not 0"),
        ('{"UserConfig": {"Namespaces": [{"Name": "a"}, {"Name": "b"}]}}', "one namespace, not 2"),
        (config(Queues=[queue("-")]), r"Queues\[0\].Name: '-' is no name"),
        (config(Queues=[{}]), r"Queues\[0\].Name: '' is no name"),
        (config(Queues="q"), "Queues: a list"),
        (config(Queues=[queue("Q"), queue("q")]), "two of one name"),
        (config(Queues=[queue()], Topics=[{"Name": "Q"}]), "two of one name"),
        (config(Queues=[queue(f"q{n}") for n in range(51)]), "51 queues and topics; the emulator allows 50"),
        (config(Queues=[queue(LockDuration="PT6M")]), "LockDuration: 0:00:05 to 0:05:00"),
        (config(Queues=[queue(LockDuration="soon")]), "'soon' is no ISO 8601 duration"),
        (config(Queues=[queue(LockDuration=30)]), "LockDuration: a text, not 30"),
        (config(Queues=[queue(MaxDeliveryCount=11)]), "MaxDeliveryCount: 1 to 10, not 11"),
        (config(Queues=[queue(MaxDeliveryCount=True)]), "MaxDeliveryCount: 1 to 10, not true"),
        (config(Queues=[queue(RequiresSession="yes")]), "RequiresSession: true or false"),
        (config(Queues=[queue(DefaultMessageTimeToLive="P1D")]), "DefaultMessageTimeToLive"),
        (config(Queues=[queue(DuplicateDetectionHistoryTimeWindow="PT6M")]), "DuplicateDetectionHistoryTimeWindow"),
        (config(Queues=[queue(ForwardTo="other")]), "ForwardTo: devstack does not support forwarding"),
        (config(Topics=[{"Name": "t", "Subscriptions": [{"Name": f"s{n}"} for n in range(51)]}]), "51 subscriptions"),
    ],
)
def test_what_no_emulator_takes_is_refused_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint) as refusal:
        parse_config(text)
    assert "\n" not in str(refusal.value)


def rule(**properties: Any) -> str:
    return config(
        Topics=[{"Name": "t", "Subscriptions": [{"Name": "s", "Rules": [{"Name": "r", "Properties": properties}]}]}]
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (rule(FilterType="Regex"), "FilterType: 'Correlation' or 'Sql', not 'Regex'"),
        (rule(FilterType="Correlation"), "CorrelationFilter: an object"),
        (rule(FilterType="Sql", SqlFilter={"SqlExpression": "a ="}), "SqlExpression: a syntax error"),
        (
            rule(FilterType="Sql", SqlFilter={"SqlExpression": "1=1"}, Action={"SqlExpression": "SET a = 1"}),
            "devstack does not support actions of rules",
        ),
    ],
)
def test_rules_that_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        parse_config(text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.json cannot be read"):
        read_config(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT30S", 30), ("PT5M", 300), ("PT1H30M", 5400), ("P1DT0.5S", 86400.5), ("P2D", 172800)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "30", "P1Y", "PT-5S", "P1DT"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is no ISO 8601 duration"):
        parse_duration(text)
