"""What `operate new` makes is a whole service: it is checked, tested, run and brought up to date as one."""

from pathlib import Path

import pytest

from emulators.cosmos.account import KEY
from operate.copies.rooms import carried, digests, found
from tests.e2e.copies import make_copy, run_in
from tests.e2e.stack import ROOT, client_of, eventually, running

SHIPPED = {
    "api", "composition", "domain", "engine", "function_app.py", "host.json", "projections", "requirements.txt"
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_copy(tmp_path_factory.mktemp("new") / "guests")


def test_the_rooms_are_ours_to_the_byte(project: Path) -> None:
    assert digests(carried(ROOT)) == digests(found(project))


@pytest.mark.timeout(300)
def test_its_checks_pass(project: Path) -> None:
    said = run_in(project, "make", "check")
    assert "All checks passed!" in said
    assert "0 broken" in said


def test_its_own_tests_pass(project: Path) -> None:
    run_in(project, ".venv/bin/python", "-m", "pytest", "tests", "--ignore", "tests/engine")


@pytest.mark.timeout(300)
def test_the_unit_tests_of_its_engine_pass(project: Path) -> None:
    run_in(project, ".venv/bin/python", "-m", "pytest", "tests/engine", "--ignore", "tests/engine/contracts")


async def test_it_runs(project: Path, tmp_path: Path) -> None:
    with running(tmp_path / "data", folder=project) as stack:
        async with client_of(stack) as client:
            arrived = await client.post("/guests/ada/arrival", {"room": 7}, "k-1")
            assert (200, {"guest": "ada", "stream": "guest-ada", "version": 1}) == (arrived.status, arrived.body)
            assert arrived.body == (await client.post("/guests/ada/arrival", {"room": 7}, "k-1")).body
            elsewhere = await client.post("/guests/ada/arrival", {"room": 8}, "k-2")
            assert (409, "The guest is in room 7.") == (elsewhere.status, elsewhere.body["detail"])
            later = await client.post("/guests/ada/departure", {}, "k-3", Prefer="respond-async")
            assert 202 == later.status

            async def outcome() -> object:
                return (await client.get(f"/commands/{later.body['commandId']}")).body

            await eventually({"status": "done", "stream": "guest-ada", "version": 2}, outcome)

            async def page() -> tuple[object, ...]:
                seen = (await client.get("/guests/ada")).body
                return seen.get("room"), seen.get("visits"), seen.get("version")

            await eventually((None, 1, 2), page)
            assert 404 == (await client.get("/guests/bob")).status
        cosmos = f"AccountEndpoint={stack.cosmos}/;AccountKey={KEY};"
        assert [
            f"Cosmos DB {stack.cosmos} database guests (environment)",
            "nothing is parked",
        ] == run_in(project, ".venv/bin/python", "-m", "operate", "parked", "list", COSMOS=cosmos).splitlines()
        assert "guests/guest-book: unchanged" in run_in(
            project, ".venv/bin/python", "-m", "operate", "provision", COSMOS=cosmos
        )


def test_what_is_deployed_is_the_service_and_nothing_else(project: Path) -> None:
    run_in(project, "git", "init", "--quiet")
    run_in(project, "git", "add", ".")
    files = set(run_in(project, "git", "ls-files").splitlines())
    ignored = set(
        run_in(project, "git", "ls-files", "--cached", "--ignored", "--exclude-from=.funcignore").splitlines()
    )
    assert SHIPPED == {name.partition("/")[0] for name in files - ignored}


def test_its_operators_have_the_commands_of_every_service_and_none_of_ours(project: Path) -> None:
    said = run_in(project, ".venv/bin/python", "-m", "operate", "--help")
    assert "dead-letters" in said
    assert "demo" not in said


def test_it_makes_the_next_service_and_brings_it_up_to_date(project: Path, tmp_path: Path) -> None:
    operate = (".venv/bin/python", "-m", "operate", "new")
    run_in(project, *operate, str(tmp_path / "next"), "--name", "motel")
    assert (tmp_path / "next" / "README.md").read_text(encoding="utf-8").startswith("# motel\n")
    said = run_in(project, *operate, "--update", str(tmp_path / "next"))
    assert said.startswith("0 replaced, 0 added, 0 removed")


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_all_of_its_tests_pass_in_an_environment_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "guests"
    run_in(ROOT, ".venv/bin/python", "-m", "operate", "new", str(folder))
    said = run_in(folder, "make", "test", timeout=1500)
    assert " passed" in said
