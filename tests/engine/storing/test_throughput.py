"""The throughput of a database, as it is written on a command line."""

import pytest

from engine.storing.throughput import Throughput, parse_throughput


@pytest.mark.parametrize("text", ["manual:400", "manual:10000", "autoscale:1000", "autoscale:4000"])
def test_it_reads_as_it_is_written(text: str) -> None:
    assert text == str(parse_throughput(text))


def test_serverless_has_none() -> None:
    assert parse_throughput("serverless") is None
    assert Throughput(400, autoscale=False) == parse_throughput("manual:400")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is no throughput"),
        ("400", "give serverless, autoscale:4000 or manual:400"),
        ("manual:0400", "is no throughput"),
        ("manual:300", "manual throughput is 400 RU/s at least"),
        ("autoscale:500", "autoscale throughput is 1000 RU/s at least"),
        ("manual:450", "in steps of 100"),
        ("autoscale:1500", "in steps of 1000"),
    ],
)
def test_what_cosmos_db_would_refuse_is_told(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_throughput(text)
