"""What the host does to the strings of a change feed's documents."""

import json
from typing import Any

import pytest

from emulators.functions.rewriting import rewrite, rewrite_documents, rewrite_text
from emulators.tests.functions.corpus import invocation


@pytest.mark.verified("trace", feature="Cosmos DB trigger: date-times in documents are rewritten")
@pytest.mark.parametrize(
    ("stored", "seen"),
    [
        ("2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02T03:04:05.120+00:00", "2026-01-02T03:04:05.12+00:00"),
        ("2026-01-02T03:04:05.123450+00:00", "2026-01-02T03:04:05.12345+00:00"),
        ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05+00:00"),
        ("/Date(1700000000000)/", "2023-11-14T22:13:20Z"),
    ],
)
def test_a_string_that_looks_like_a_date_time_takes_the_form_of_json_net(stored: str, seen: str) -> None:
    assert seen == rewrite_text(stored)


@pytest.mark.verified("trace", feature="Cosmos DB trigger: date-times in documents are rewritten")
@pytest.mark.parametrize(
    "text",
    [
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.1Z",
        "2026-01-02T03:04:05.123456Z",
        "2026-01-02T03:04:05.1234567Z",
        "2026-01-02T03:04:05.123456789Z",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z",
    ],
)
def test_other_strings_and_those_already_in_its_form_stay(text: str) -> None:
    assert text == rewrite_text(text)


@pytest.mark.verified("docs", feature="Cosmos DB trigger: date-times in documents are rewritten")
@pytest.mark.parametrize(
    ("stored", "seen"),
    [
        ("2026-01-02T24:00:00Z", "2026-01-03T00:00:00Z"),
        ("2026-01-02T24:00:01Z", "2026-01-02T24:00:01Z"),
        ("2026-02-30T03:04:05.0Z", "2026-02-30T03:04:05.0Z"),
        ("0000-01-01T00:00:00.0Z", "0000-01-01T00:00:00.0Z"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("2026-01-02T03:04:05.10-0330", "2026-01-02T06:34:05.1+00:00"),
        ("2026-01-02T03:04:05.0Z and more", "2026-01-02T03:04:05.0Z and more"),
        ("/Date(1700000000123+0200)/", "2023-11-14T22:13:20.123+00:00"),
        ("/Date(soon)/", "/Date(soon)/"),
        ("٢٠٢٦-01-02T03:04:05.0Z", "٢٠٢٦-01-02T03:04:05.0Z"),
    ],
)
def test_the_edges_follow_the_parser_of_json_net(stored: str, seen: str) -> None:
    assert seen == rewrite_text(stored)


@pytest.mark.verified("trace", feature="Cosmos DB trigger: date-times in documents are rewritten")
def test_values_at_every_depth_are_rewritten_and_keys_are_not() -> None:
    when = "2026-01-02T03:04:05.000Z"
    assert {when: [{"at": "2026-01-02T03:04:05Z"}, 1.0, None, True]} == rewrite({when: [{"at": when}, 1.0, None, True]})


@pytest.mark.verified("trace", feature="Cosmos DB trigger: whole messages")
@pytest.mark.parametrize("number", [1, 2])
def test_documents_as_the_real_host_sent_them_are_left_as_they_are(number: int) -> None:
    sent = invocation("project_orders", number)["request"]["input_data"][0]["data"]["string"]
    # Only spellings differ that no JSON reader sees: an exponent, and an escaped line separator.
    spelled = sent.replace("3E-07", "3e-07").replace("\\u2028", "\u2028")
    assert spelled == rewrite_documents(json.loads(sent))


@pytest.mark.verified("docs", feature="Cosmos DB trigger: date-times in documents are rewritten")
def test_a_date_is_found_at_any_depth_and_what_was_given_stays() -> None:
    value: Any = "2026-01-02T03:04:05.000Z"
    for number in range(50_000):
        value = [value] if number % 2 else {"a": value}
    found, given = rewrite(value), value
    while not isinstance(found, str):
        found, given = (each["a"] if isinstance(each, dict) else each[0] for each in (found, given))
    assert ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.000Z") == (found, given)
