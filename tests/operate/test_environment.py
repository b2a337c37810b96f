"""What a command works on: the environment, the stack that runs here, or the file, and that it says so first."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from composition.settings import Settings
from operate import stack
from operate.environment import environment
from operate.stack import running_stack
from operate.target import doubt, is_here, places, told
from tests.operate.process import account
from tests.settings import NO_BUS

BUS_OF_THE_STACK = NO_BUS.replace("localhost:1;", "localhost:15672;")
STACK: Mapping[str, object] = {
    "running": True,
    "services": {"functions": {"pid": 1, "url": "http://localhost:17071"}},
    "settings": {"COSMOS": account("http://localhost:18081"), "SERVICEBUS": BUS_OF_THE_STACK},
    "elsewhere": {},
}
FILED = {"COSMOS": account("https://x.documents.azure.com"), "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a settings file, in an environment that names nothing."""
    for name in ("COSMOS", "COSMOS__accountEndpoint", "SERVICEBUS", "SERVICEBUS__fullyQualifiedNamespace"):
        monkeypatch.delenv(name, raising=False)
    for name in ("DEVSTACK_FUNCTIONS_PORT", "COSMOS_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": FILED}), encoding="utf-8")
    return tmp_path


def runs(root: Path, status: object, code: str = "") -> None:
    """Lets `devstack status --json` in this project say that."""
    (root / "devstack").mkdir(exist_ok=True)
    (root / "devstack" / "__main__.py").write_text(f"{code}\nprint({json.dumps(status)!r})\n", encoding="utf-8")


def line(root: Path) -> str:
    """What a command says first."""
    return told(places(environment(root), ["COSMOS", "SERVICEBUS"]))


def test_without_a_stack_it_is_the_file(root: Path) -> None:
    assert line(root) == (
        "Cosmos DB https://x.documents.azure.com database orders, Service Bus localhost:1 (local.settings.json)"
    )
    assert "http://localhost:7071/api" == environment(root).api


def test_the_stack_that_runs_here_wins_over_the_file(root: Path) -> None:
    runs(root, STACK)
    assert line(root) == (
        "Cosmos DB http://localhost:18081 database orders, Service Bus localhost:15672 (the stack that runs here)"
    )
    assert "http://localhost:17071/api" == environment(root).api


def test_the_environment_wins_over_both_and_where_it_says_all_nobody_is_asked(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(root, STACK)
    monkeypatch.setenv("COSMOS", account("http://localhost:9"))
    assert line(root) == (
        "Cosmos DB http://localhost:9 database orders (environment), "
        "Service Bus localhost:15672 (the stack that runs here)"
    )
    monkeypatch.setenv("SERVICEBUS", NO_BUS)
    runs(root, STACK, code="raise AssertionError")
    assert line(root) == "Cosmos DB http://localhost:9 database orders, Service Bus localhost:1 (environment)"


def test_the_functions_of_the_stack_are_asked_for_where_they_are_wanted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(root, STACK)
    monkeypatch.setenv("COSMOS", account("http://localhost:9"))
    monkeypatch.setenv("SERVICEBUS", NO_BUS)
    assert "http://localhost:7071/api" == environment(root).api
    assert "http://localhost:17071/api" == environment(root, with_functions=True).api


@pytest.mark.parametrize(("port", "expected"), [("7200", 7200), ("0", 7071), ("", 7071), ("x", 7071)])
def test_without_a_stack_the_functions_are_where_one_would_start_them(
    root: Path, monkeypatch: pytest.MonkeyPatch, port: str, expected: int
) -> None:
    monkeypatch.setenv("DEVSTACK_FUNCTIONS_PORT", port)
    assert f"http://localhost:{expected}/api" == environment(root).api


def test_an_account_that_the_environment_names_for_an_identity_is_no_other_one_with_a_key(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection string of the file would win over its endpoint."""
    monkeypatch.setenv("COSMOS__accountEndpoint", "https://mine.documents.azure.com")
    known = environment(root)
    assert Settings.from_mapping(known.settings).engine.cosmos.key is None
    assert told(places(known, ["COSMOS"])) == "Cosmos DB https://mine.documents.azure.com database orders (environment)"


def test_what_lies_apart_and_was_named_apart_is_doubted(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account of Azure in the environment, and the bus of a stack that happens to run here."""
    runs(root, STACK)
    monkeypatch.setenv("COSMOS__accountEndpoint", "https://mine.documents.azure.com")
    known = environment(root)
    assert doubt(places(known, ["COSMOS", "SERVICEBUS"])) == (
        "Service Bus localhost:15672 is on this machine and Cosmos DB https://mine.documents.azure.com database orders "
        "is not: name both in the environment if they are of one service"
    )
    assert doubt(places(known, ["COSMOS"])) is None
    monkeypatch.setenv("SERVICEBUS", NO_BUS)
    assert doubt(places(environment(root), ["COSMOS", "SERVICEBUS"])) is None


def test_a_stack_that_works_elsewhere_leads_nobody_astray(root: Path) -> None:
    runs(root, {**STACK, "settings": {"SERVICEBUS": BUS_OF_THE_STACK}, "elsewhere": {"COSMOS": "https://y"}})
    assert line(root) == (
        "Cosmos DB https://x.documents.azure.com database orders (local.settings.json; the stack that runs here has "
        "https://y from its environment), Service Bus localhost:15672 (the stack that runs here)"
    )


@pytest.mark.parametrize("status", [{"running": False}, {}, [], "nothing", None], ids=str)
def test_a_stack_that_does_not_run_says_nothing(root: Path, status: object) -> None:
    runs(root, status)
    assert running_stack(root) is None


@pytest.mark.parametrize("code", ["raise SystemExit('devstack: DEVSTACK_COSMOS_PORT is wrong')", "print('{')"])
def test_one_that_cannot_be_asked_is_none(root: Path, code: str) -> None:
    runs(root, STACK, code)
    assert running_stack(root) is None


def test_one_that_does_not_answer_is_waited_for_no_longer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs(root, STACK, "import time; time.sleep(60)")
    monkeypatch.setattr(stack, "_PATIENCE_SECONDS", 0.2)
    began = time.monotonic()
    assert running_stack(root) is None
    assert time.monotonic() - began < 10


def test_one_that_still_starts_has_no_functions_yet(root: Path) -> None:
    runs(root, {**STACK, "services": {"functions": {"pid": 1, "url": None}}})
    assert "http://localhost:7071/api" == environment(root).api


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("http://localhost:8081", True),
        ("sb://127.0.0.1:5672", True),
        ("http://127.1.2.3", True),
        ("http://[::1]:8081", True),
        ("http://functions.localhost/api", True),
        ("https://x.documents.azure.com:443/", False),
        ("http://localhost.example.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://localhost@example.com", False),
        ("sb://x.servicebus.windows.net", False),
        ("", False),
    ],
)
def test_what_is_on_this_machine(address: str, here: bool) -> None:
    assert here == is_here(address)
