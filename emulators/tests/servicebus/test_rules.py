"""Topics, their rules, and the SQL of filters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emulators.amqp.values import Symbol
from emulators.servicebus.errors import ServiceBusError
from emulators.servicebus.rules import ConstantFilter, CorrelationFilter, Rule, SqlFilter, correlation_rule, sql_rule
from emulators.servicebus.sql.errors import SqlError
from emulators.servicebus.sql.parse import parse
from emulators.tests.servicebus.pure import Broker, delivered, message, text

ALL = "events/Subscriptions/all"
SOME = "events/Subscriptions/some"


def waiting(broker: Broker, name: str) -> list[str]:
    return [text(each) for each in broker.queue(name).peek(0, 100)]


@pytest.mark.verified("docs", feature="Topics: every subscription gets a copy with a number of its own")
def test_a_copy_for_everybody_who_wants_it(broker: Broker) -> None:
    topic = broker.topic("events")
    assert [topic.send(message(each, label=each)) for each in ("x", "a", "y")] == [1, 2, 3]
    assert waiting(broker, ALL) == ["x", "a", "y"]
    assert waiting(broker, SOME) == ["a"]
    (copy,) = broker.queue(SOME).peek(0, 10)
    annotations = delivered(copy).annotations
    assert annotations["x-opt-sequence-number"] == 1
    assert annotations["x-opt-enqueue-sequence-number"] == 2


@pytest.mark.verified("docs", feature="Topics: several rules that match make one copy")
def test_two_rules_that_match_make_one_copy(broker: Broker) -> None:
    broker.topic("events").send(message("1", label="a", kind="b", size=11))
    assert waiting(broker, SOME) == ["1"]


@pytest.mark.verified("docs", feature="Topics: scheduled messages reach the subscriptions when they are due")
def test_scheduled_messages_of_a_topic(broker: Broker) -> None:
    topic = broker.topic("events")
    kept, cancelled = (topic.send(message(each, label="a", scheduled=100)) for each in ("kept", "cancelled"))
    topic.cancel_scheduled([cancelled])
    assert waiting(broker, SOME) == []
    assert [each.sequence_number for each in topic.peek(0, 10)] == [kept]
    broker.advance(100)
    assert waiting(broker, SOME) == ["kept"]
    assert topic.peek(0, 10) == []


@pytest.mark.verified("docs", feature="Topics: dead letters of a subscription")
def test_dead_letters_of_a_subscription(broker: Broker) -> None:
    broker.topic("events").send(message("1", label="a"))
    receiver = broker.receive(SOME)
    broker.queue(SOME).dead_letter(receiver.token("1"), "r")
    assert [text(each) for each in broker.dead_letters(SOME)] == ["1"]
    assert waiting(broker, ALL) == ["1"]


@pytest.mark.verified("docs", feature="Rules: added and removed while messages come")
def test_rules_change(broker: Broker, tmp_path: Path) -> None:
    first = Broker(data=tmp_path)
    subscription = first.namespace.subscriptions[SOME.lower()]
    subscription.remove_rule("ONE")
    added = [
        correlation_rule("color", {"Properties": {"color": "red"}}),
        sql_rule("sql", "color = 'blue'"),
        Rule("none", ConstantFilter(False)),
    ]
    for rule in added:
        subscription.add_rule(rule)
    with pytest.raises(ServiceBusError, match="The rule 'SQL'"):
        subscription.add_rule(sql_rule("SQL", "1=1"))
    with pytest.raises(ServiceBusError, match="There is no rule 'one'"):
        subscription.remove_rule("one")
    first.turn()
    first.close()

    second = Broker(data=tmp_path)
    topic = second.topic("events")
    topic.send(message("by the rule that was removed", label="a"))
    topic.send(message("red", color="red"))
    topic.send(message("blue", color="blue"))
    assert waiting(second, SOME) == ["red", "blue"]
    rules = {rule.name: rule for rule in second.namespace.subscriptions[SOME.lower()].rules}
    assert set(rules) == {"two", "three", "color", "sql", "none"}
    assert [rules[rule.name] for rule in added] == added
    second.close()


@pytest.mark.verified("docs", feature="Rules: correlation filters")
@pytest.mark.parametrize(
    ("filter_", "matches"),
    [
        (CorrelationFilter({"label": "Paid"}), True),
        (CorrelationFilter({"label": "paid"}), False),
        (CorrelationFilter({"label": "Paid", "to": "x"}), False),
        (CorrelationFilter({"label": "Paid", "sessionid": "s", "messageid": "m"}, {"n": 5}), True),
        (CorrelationFilter({}, {"n": 6}), False),
        (CorrelationFilter({}, {"N": 5}), False),
        (CorrelationFilter({}, {"missing": 5}), False),
        (CorrelationFilter({}, {"yes": True}), True),
        (CorrelationFilter({}, {"yes": 1}), False),
        (CorrelationFilter(), True),
    ],
)
def test_correlation_filters(filter_: CorrelationFilter, matches: bool) -> None:
    sent = message(label="Paid", session="s", message_id="m", n=5, yes=True)
    assert filter_.matches(sent.filterable()) is matches


def test_empty_fields_of_a_configured_filter_are_not_given() -> None:
    rule = correlation_rule("r", {"Label": "a", "To": "", "CorrelationId": "", "Properties": {"p": "v"}})
    assert rule.filter == CorrelationFilter({"label": "a"}, {"p": "v"})


SENT: dict[str, Any] = {"n": 5, "f": 1.5, "s": "it's", "Flag": True, "symbol": Symbol("red"), "my prop": "q"}


@pytest.mark.verified("docs", feature="Rules: SQL filters")
@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("sys.Label = 'Paid' AND n = 5", True),
        ("SYS.LABEL = 'paid'", False),
        ("sys.MessageId = 'm' and sys.SessionId = 's' and sys.Subject = 'Paid'", True),
        ('N = 5 and user.n = 5 and [n] = 5 and "n" = 5', True),
        ("[my prop] = 'q'", True),
        ("n <> 5 OR n != 5", False),
        ("n > 4 AND n >= 5 AND n < 6 AND n <= 5", True),
        ("f = 1.5 and f > 1 and n = 5.0", True),
        ("s = 'it''s'", True),
        ("flag = TRUE", True),
        ("flag", True),
        ("symbol = 'red'", True),
        ("n = '5'", None),
        ("n = true", None),
        ("missing = 5", None),
        ("NOT missing = 5", None),
        ("missing = 5 OR n = 5", True),
        ("missing = 5 AND n = 6", False),
        ("missing = 5 AND n = 5", None),
        ("missing IS NULL AND n IS NOT NULL", True),
        ("missing IS NOT NULL", False),
        ("EXISTS(n) AND NOT EXISTS(missing)", True),
        ("n IN (1, 5)", True),
        ("n NOT IN (1, 2)", True),
        ("n IN (1, missing)", None),
        ("sys.Label LIKE 'P%' AND s LIKE 'it_s'", True),
        ("sys.Label NOT LIKE '%x%'", True),
        ("s LIKE 'it!_s' ESCAPE '!'", False),
        ("n LIKE '5'", None),
        ("n + 2 * 3 = 11 AND (n + 2) * 3 = 21", True),
        ("n / 2 = 2 AND -n / 2 = -2 AND n / 2.0 = 2.5 AND n % 3 = 2", True),
        ("n / 0 = 1", None),
        ("s + '!' = 'it''s!'", True),
        ("-n = -5 AND +n = 5", True),
        ("property('n') = 5 AND p('N') = 5", True),
        ("newid() = newid()", False),
        ("1=1", True),
        ("1=0", False),
        ("NULL = NULL", None),
        ("n = 5 AND NOT (n = 6 OR n = 7)", True),
        ("not n = 6", True),
    ],
)
def test_sql_filters(expression: str, value: bool | None) -> None:
    sent = message(label="Paid", session="s", message_id="m", **SENT)
    assert parse(expression)(sent.filterable()) is value
    assert SqlFilter(expression).matches(sent.filterable()) is (value is True)


@pytest.mark.verified("docs", feature="Rules: SQL that is not supported is refused by name")
@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("sys.Nothing = 1", "no system property sys.Nothing"),
        ("other.n = 1", "no scope 'other'"),
        ("floor(n) = 1", "the function floor with 1 arguments is not supported"),
        ("n = ", "a syntax error at character"),
        ("n = 'open", "a syntax error at character 5"),
        ("a b", "a syntax error at character 3"),
        ("n = 99999999999999999999", "larger than a 64-bit integer"),
        (" OR ".join(["n = 1"] * 200), "the limit is 1024"),
    ],
)
def test_sql_that_is_refused(expression: str, complaint: str) -> None:
    with pytest.raises(SqlError, match=complaint):
        parse(expression)
