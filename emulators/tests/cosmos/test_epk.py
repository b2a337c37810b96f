"""Effective partition keys against the vectors and the hashing of the Python SDK."""

from __future__ import annotations

import random
from typing import Any

import pytest
from azure.cosmos import PartitionKey

from emulators.cosmos.partition_keys import PartitionKeyDefinition
from emulators.cosmos.undefined import UNDEFINED

pytestmark = pytest.mark.verified("sdk", feature="Effective partition keys, version 1 and 2 and hierarchical")


def definition(kind: str = "Hash", version: int = 2, paths: tuple[str, ...] = ("/a",)) -> PartitionKeyDefinition:
    return PartitionKeyDefinition.parse({"paths": list(paths), "kind": kind, "version": version})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("p1", "062B23DEC15212F01B9A85F4E93A940C"),
        ("", "32E9366E637A71B4E710384B2F4970A0"),
        ("é", "007199F104E04116EE25AF912CA4889B"),
        (0, "155B95BEDAC4B1E9EC1CDC9BB0DDDE58"),
        (1.5, "35C5DDEB6C795D16A9963C73C54E97BC"),
        (True, "0E711127C5B5A8E4726AC6DD306A3E59"),
        (None, "378867E4430E67857ACE5C908374FE16"),
        (UNDEFINED, "11622DAA78F835834610ABE56EFF5CB5"),
    ],
)
def test_a_value_has_the_effective_key_of_the_service(value: Any, expected: str) -> None:
    assert expected == definition().of_value(value).epk


def test_a_hierarchical_key_joins_the_hashes_of_its_levels() -> None:
    tree = definition("MultiHash", 2, ("/a", "/b"))

    whole, prefix = tree.of_value("a", "b").epk, tree.of_header('["a"]', prefix_allowed=True).epk

    assert "3A5381E1114EB8D3FCC90795045B49B7195644569A78B1E22D200348AF9416CE" == whole
    assert whole[:32] == prefix


def test_random_values_have_the_effective_keys_that_the_sdk_computes() -> None:
    chooser = random.Random(1)

    def value() -> Any:
        text = "".join(chr(chooser.randrange(32, 2000)) for _ in range(chooser.randrange(0, 140)))
        return chooser.choice([text, chooser.randrange(10**6), chooser.uniform(-1e9, 1e9), True, False])

    for _ in range(300):
        one, two = value(), value()
        assert PartitionKey("/a")._get_effective_partition_key_string([one]) == definition().of_value(one).epk
        old = PartitionKey("/a", version=1)._get_effective_partition_key_string([one])
        assert str(old).upper() == definition(version=1).of_value(one).epk
        tree = PartitionKey(["/a", "/b"])._get_effective_partition_key_string([one, two])
        assert tree == definition("MultiHash", 2, ("/a", "/b")).of_value(one, two).epk
