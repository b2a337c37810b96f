"""Read models are found by looking into their package."""

import sys
from pathlib import Path

import pytest

from engine.projecting.registry import NotAReadModel, read_models
from tests.engine.toy.read_models import guest_details, house_beds, house_guests, house_visits

PROJECTION = """
from engine.projecting.projection import Projection
BEDS = Projection("{name}", 1, "house", str, lambda view, event: "")
"""
ONE_QUERY = """
from engine.projecting.query import StreamQuery
BY_HOUSE = StreamQuery(BEDS, parameter="houseId", unknown="")
"""
NEXT = """
from dataclasses import replace
NEXT_BEDS = replace(BEDS, generation=2)
"""
A_PAGE = """
import re
from engine.projecting.query import PageQuery
NEXT = PageQuery(NEXT_BEDS, "houseId", "beds", re.compile("x"))
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty package `views_of_a_test`."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in [each for each in sys.modules if each.split(".")[0] == "views_of_a_test"]:
        monkeypatch.delitem(sys.modules, name)
    folder = tmp_path / "views_of_a_test"
    folder.mkdir()
    return folder


def test_every_module_is_one_by_name_with_its_query() -> None:
    found = read_models("tests.engine.toy.read_models")
    assert ["guest-details", "house-beds", "house-guests", "house-visits"] == [each.name for each in found]
    queries = [guest_details.BY_GUEST, house_beds.BY_HOUSE, house_guests.BY_HOUSE, house_visits.BY_TIME]
    assert [(query,) for query in queries] == [each.queries for each in found]


def test_one_need_not_be_asked_and_private_modules_are_left_out(package: Path) -> None:
    (package / "beds.py").write_text(PROJECTION.format(name="beds"))
    (package / "_helper.py").write_text("")
    (found,) = read_models("views_of_a_test")
    assert ("beds", ()) == (found.name, found.queries)


def test_generations_stand_side_by_side_the_lowest_first_and_share_a_container(package: Path) -> None:
    text = PROJECTION.format(name="beds") + NEXT.replace("=2", "=2, indexed=('sortKey',)") + ONE_QUERY
    (package / "beds.py").write_text(f"{text}\nAGAIN = replace(BY_HOUSE, projection=NEXT_BEDS)\n")
    (found,) = read_models("views_of_a_test")
    assert ((1, 2), [1, 2]) == (found.generations, [each.projection.generation for each in found.queries])
    assert ("beds", "/id", ("/sortKey",)) == (
        found.container.name, found.container.partition_key, found.container.indexed
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must hold one Projection or Rollup, named 'all-beds'"),
        (PROJECTION.format(name="beds"), "must hold one Projection or Rollup, named 'all-beds'"),
        (PROJECTION.format(name="all-beds") + ONE_QUERY + "TOO = StreamQuery(BEDS, 'x', '')", "at most one query"),
        (PROJECTION.format(name="all-beds") + NEXT.replace("2", "1"), "one Projection or Rollup of each generation"),
        (PROJECTION.format(name="all-beds") + NEXT + ONE_QUERY, "a query for each generation, or none"),
        (
            PROJECTION.format(name="all-beds") + NEXT.replace("=2", "=2, partition_key='house'"),
            "partition all generations by the same key",
        ),
        (PROJECTION.format(name="all-beds") + NEXT + ONE_QUERY + A_PAGE, "by the same kind of query"),
        (
            PROJECTION.format(name="all-beds")
            + "from tests.engine.toy.read_models.house_beds import BY_HOUSE as QUERY_OF_ANOTHER",
            "of its own projection",
        ),
    ],
    ids=[
        "none",
        "another name",
        "two queries",
        "a generation twice",
        "one query for two",
        "other partitions",
        "other kinds of queries",
        "a query of another",
    ],
)
def test_a_module_that_is_none_is_told(package: Path, text: str, complaint: str) -> None:
    (package / "all_beds.py").write_text(text)
    with pytest.raises(NotAReadModel, match=complaint):
        read_models("views_of_a_test")
