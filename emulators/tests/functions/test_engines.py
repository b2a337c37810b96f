"""Which engine a host runs an app on, and what is said where it cannot."""

import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from emulators.functions.__main__ import main
from emulators.functions.engines import DISTRIBUTION, OFFICIAL, OWN, VERSION, EngineMissingError, choose
from emulators.functions.own_engine import thread_count
from emulators.tests.sources import PACKAGE


@pytest.fixture
def installed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The version of the runtime that is installed, None for none."""

    def version(distribution: str) -> str:
        assert DISTRIBUTION == distribution
        if request.param is None:
            raise metadata.PackageNotFoundError(distribution)
        return str(request.param)

    monkeypatch.setattr(metadata, "version", version)


@pytest.mark.verified("docs", feature="--engine")
@pytest.mark.parametrize(
    ("installed", "asked", "chosen"),
    [
        (VERSION, None, OFFICIAL),
        (VERSION, OWN, OWN),
        (VERSION, OFFICIAL, OFFICIAL),
        (None, None, OWN),
        ("9", None, OWN),
    ],
    indirect=["installed"],
)
@pytest.mark.usefixtures("installed")
def test_the_official_engine_is_taken_where_it_is_unless_another_is_asked_for(asked: str | None, chosen: str) -> None:
    assert chosen == choose(asked)


@pytest.mark.verified("docs", feature="--engine")
@pytest.mark.parametrize(
    ("installed", "here"), [(None, "it is not installed"), ("9.0", "9.0 is installed")], indirect=["installed"]
)
@pytest.mark.usefixtures("installed")
def test_where_it_is_not_one_line_says_what_to_do_and_the_status_is_2(
    here: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(EngineMissingError):
        choose(OFFICIAL)
    assert 2 == main(["--ephemeral", "--engine", OFFICIAL])
    said = capsys.readouterr().err
    assert said.startswith(f"devstack: --engine official needs azure-functions-runtime {VERSION}, and {here}; under ")
    assert f"`pip install azure-functions-runtime=={VERSION}`, or take --engine own\n" in said
    assert 1 == said.count("\n")


def test_the_version_that_is_asked_for_is_the_one_that_the_distribution_names() -> None:
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {
        extra: [str(each) for each in map(Requirement, lines) if each.name == DISTRIBUTION]
        for extra, lines in project["optional-dependencies"].items()
    }
    line = f'{DISTRIBUTION}=={VERSION}; python_version >= "3.13"'
    assert {"official": [line], "test": [line]} == named


@pytest.mark.verified("docs", feature="Thread pool")
@pytest.mark.parametrize(("said", "threads"), [("7", 7), ("0", None), ("-1", None), ("many", None), ("", None)])
def test_a_number_of_threads_that_is_none_is_pythons_own(said: str, threads: int | None) -> None:
    assert threads == thread_count({"PYTHON_THREADPOOL_THREAD_COUNT": said})
    assert thread_count({}) is None
