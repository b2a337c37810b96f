"""A project per test."""

from pathlib import Path

import pytest

from tests.devstack.up.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")
