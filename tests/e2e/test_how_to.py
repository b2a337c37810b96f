"""The how-tos, walked step by step by somebody who has nothing but their text."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.copies import copied_project, make_copy, set_up
from tests.e2e.walk import ROOT, Walk, blocks_of

PAGES = ROOT / "docs" / "how-to"


@pytest.fixture
def walk(tmp_path: Path) -> Iterator[Walk]:
    walk = Walk({"project": tmp_path / "project", "service": tmp_path / "guests"}, {})
    try:
        yield walk
    finally:
        walk.end()


@pytest.mark.timeout(300)
def test_a_service_is_started(walk: Walk) -> None:
    copied_project(walk.folders["project"])
    set_up(walk.folders["project"])
    made, *others = blocks_of(PAGES / "start-your-own.md", "project")
    walk.take(made)
    set_up(walk.folders["service"])
    for block in others:
        walk.take(block)
    assert walk.said.startswith("0 replaced, 0 added, 0 removed")


def test_the_readme_of_a_new_service_tells_how_to_run_it(walk: Walk) -> None:
    page = make_copy(walk.folders["service"]) / "README.md"
    for block in blocks_of(page, "service"):
        walk.take(block)
    assert '"visits":1' in walk.said


@pytest.mark.timeout(300)
def test_a_read_model_is_added_while_the_service_runs(walk: Walk) -> None:
    make_copy(walk.folders["service"])
    for block in blocks_of(PAGES / "add-a-read-model.md", "service"):
        walk.take(block)
    walk.stacks[0].wait_for(re.compile("project_guest_visits ok"))


@pytest.mark.timeout(300)
def test_a_read_model_is_changed_while_the_service_runs(walk: Walk) -> None:
    make_copy(walk.folders["service"])
    for block in blocks_of(PAGES / "change-a-read-model.md", "service"):
        walk.take(block)


@pytest.mark.timeout(300)
def test_an_event_is_changed_while_the_service_runs(walk: Walk) -> None:
    make_copy(walk.folders["service"])
    for block in blocks_of(PAGES / "change-an-event.md", "service"):
        walk.take(block)


@pytest.mark.timeout(300)
def test_a_command_is_added_while_the_service_runs(walk: Walk) -> None:
    make_copy(walk.folders["service"])
    for block in blocks_of(PAGES / "add-a-command.md", "service"):
        walk.take(block)
