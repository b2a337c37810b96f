"""Whatever a page puts in backticks exists: each name is of some kind, and its kind says where it has to be found.

A page may use what it introduces itself: a how-to writes code and files that are not there yet.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.architecture import existing
from tests.architecture.existing import ROOT

PAGES: Final = (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "emulators").glob("*.md"))
_FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_SPAN: Final = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_COMMANDS: Final = re.compile(
    r"(?:^|\s)((?:make [a-z-]+(?: [A-Z]+=\S+)*|(?:\.venv/bin/)?python3? -m [^\n|;&]+))", re.MULTILINE
)
_PLACEHOLDER: Final = re.compile(r"<[^<>]+>|…")
_NAME: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_QUOTED: Final = re.compile(r"\"[^\"]*\"|'[^']*'")
_EXTENSIONS: Final = (
    ".py",
    ".md",
    ".json",
    ".toml",
    ".txt",
    ".example",
    ".lark",
    ".sh",
    ".yml",
    ".yaml",
    ".http",
    ".js",
    ".css",
)

ELSEWHERE: Final[Mapping[str, frozenset[str]]] = {
    "Python's own": frozenset({"__dict__", ".pyc"}),
    "the library that bench compares with": frozenset({"@event", "repository.get"}),
    "of SDKs that no code here names": frozenset({"ServiceRequestError", "@azure/cosmos", "@azure/service-bus"}),
    "the config file of the official Service Bus emulator": frozenset({"config.json"}),
    "of Azure, and not imitated": frozenset(
        {
            "FUNCTIONS_WORKER_PROCESS_COUNT",
            "azurefunctions.extensions",
            "batch-delete-messages",
            "perInstanceConcurrency",
        }
    ),
    "command lines of tools of Azure": frozenset(
        {
            "az cosmosdb restore",
            "az functionapp list-flexconsumption-locations",
            "az functionapp stop",
            "az login",
            "az servicebus queue show",
            "az servicebus topic subscription show",
            "azd deploy",
            "azd down",
            "azd env set NAME VALUE",
            "azd pipeline config",
            "azd provision",
            "azd provision --preview",
            "azd up",
            "docker compose --profile host up",
            "func start",
            "terraform init",
            "terraform test",
            "terraform validate",
        }
    ),
    "queries of Cosmos DB": frozenset({"(NOT c.a) = 1", "NOT (c.a = 1)", "NOT c.a = 1", "GetCurrentTimestamp"}),
    "a line with its values filled in": frozenset({"devstack: cosmos ready at http://localhost:8081"}),
}
"""What this project does not define, by why it is named all the same."""
_ELSEWHERE: Final = frozenset(word for group in ELSEWHERE.values() for word in group)


@dataclass(frozen=True, slots=True)
class Kind:
    """`looks_like` decides for the whole of a span; the first kind that fits is the one it has to be."""

    name: str
    looks_like: re.Pattern[str]
    exists: Callable[[re.Match[str]], bool]


def _is_word(word: str) -> bool:
    """An identifier, or a text that stands alone in the code or in a file of configuration."""
    code = existing.code()
    known = (code.names, code.strings, existing.words(), existing.functions())
    return any(each in names for names in known for each in (word, word.lower()))


def _pieces_are_said(text: str) -> bool:
    """What lies between the placeholders is said by the code."""
    pieces = [piece.strip(" \"'") for piece in _PLACEHOLDER.split(text)]
    return all(existing.code().says(piece) or piece in existing.configuration() for piece in pieces if piece)


def _target(match: re.Match[str]) -> bool:
    known = existing.targets()
    variables = [each.partition("=")[0] for each in match["variables"].split()]
    return bool(known.get(match["target"])) and all(known.get(each) is False for each in variables)


def _command(match: re.Match[str]) -> bool:
    arguments = match["arguments"].split()
    return existing.is_command(match["module"] or "operate", tuple(arguments))


def _route(match: re.Match[str]) -> bool:
    path, _, query = match["path"].partition("?")
    parameters = [each.partition("=")[0] for each in query.split("&") if each]
    return existing.is_route(match["method"], path) and all(each in existing.code().strings for each in parameters)


def _json(match: re.Match[str]) -> bool:
    def keys(value: object) -> Iterator[str]:
        if isinstance(value, dict):
            yield from value
        for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from keys(below)

    return all(_is_word(key) for key in keys(json.loads(match[0])))


def _expression(match: re.Match[str]) -> bool:
    """Each name in it; of what a call gives, only the names are known and not whose they are."""
    code = _QUOTED.sub("", match[0])
    names = [each for each in _NAME.finditer(code) if each[0] not in ("await", "async", "for", "in", "or")]
    return all(
        all(map(_is_word, each[0].split("."))) if code[: each.start()].endswith(".") else _is_name(each[0])
        for each in names
    )


def _is_name(name: str) -> bool:
    return existing.is_dotted_name(name) if "." in name else _is_word(name)


def _url(match: re.Match[str]) -> bool:
    return all(_is_word(part) for part in match["path"].split("/") if part not in ("", "…"))


def _path(match: re.Match[str]) -> bool:
    return existing.is_file(match[0])


_ENDS: Final = "|".join(re.escape(end) for end in _EXTENSIONS)
_TOP: Final = "|".join(sorted(re.escape(each.rstrip("/")) for each in existing.files() if each.count("/") < 2))

KINDS: Final = (
    Kind(
        "line of code",
        re.compile(r"(?:from \S+ import|async def|def|class|case|return) .+|@\S+\(.*\)|\w+ = .+|\"[^\"]+\": .+,"),
        lambda match: any(match[0] in source for source in existing.code().sources),
    ),
    Kind("make target", re.compile(r"make (?P<target>[a-z-]+)(?P<variables>(?: [A-Z]+=\S+)*)"), _target),
    Kind(
        "command",
        re.compile(r"(?:(?:\.venv/bin/)?python3? -m (?P<module>[\w.]+)|operate)(?P<arguments>(?: \S+)*)(?<!operate)"),
        _command,
    ),
    Kind("route", re.compile(r"(?P<method>GET|POST|PUT|PATCH|DELETE) (?P<path>/\S+)"), _route),
    Kind(
        "request to a local service",
        re.compile(r"(?:GET|POST|PUT|DELETE) (?P<name>[a-z-]+)"),
        lambda match: match["name"] in existing.code().strings,
    ),
    Kind(
        "option",
        re.compile(r"(?P<name>--[a-z-]+)(?: [\w:]+)?"),
        lambda match: match["name"] in existing.code().strings | {"--help"},
    ),
    Kind("constant", re.compile(r"(?P<name>[A-Z_]+): Final = .+"), lambda match: _is_word(match["name"])),
    Kind("JSON", re.compile(r"\{.*\}", re.DOTALL), _json),
    Kind(
        "header or property",
        re.compile(r"\"?(?P<name>[\w-]+)\"?: (?P<value>.+)"),
        lambda match: (
            _is_word(match["name"]) and (match["value"].lstrip("-").isdigit() or _pieces_are_said(match["value"]))
        ),
    ),
    Kind("parameter", re.compile(r"(?P<name>\w+)=[^\s({]*"), lambda match: _is_word(match["name"])),
    Kind("URL", re.compile(r"https?://localhost:\d+(?P<path>/\S*)"), _url),
    Kind(
        "stream",
        re.compile(r"(?P<category>[a-z]+)-(?:<\w+>|[0-9a-f]+…|mug)"),
        lambda match: match["category"] in existing.code().strings,
    ),
    Kind("file", re.compile(rf"(?:{_TOP})/\S*|[\w.*<>-]+/|[\w./*<>-]*(?:{_ENDS})|\.[a-z]+(?:/\w+)*/?"), _path),
    Kind("expression", re.compile(r"[\w.(][\w.=( )]*[({].*", re.DOTALL), _expression),
    Kind("app role", re.compile(r"Operations\.\w+"), lambda match: match[0] in existing.code().strings),
    Kind(
        "dotted name", re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+"), lambda match: existing.is_dotted_name(match[0])
    ),
    Kind(
        "subscription",
        re.compile(r"(?P<topic>[a-z]+)/(?P<name>[a-z]+)"),
        lambda match: {match["topic"], match["name"]} <= existing.code().strings,
    ),
    Kind("word", re.compile(r"[\w@./-]+"), lambda match: _is_word(match[0])),
    Kind("text", re.compile(r".+", re.DOTALL), lambda match: _pieces_are_said(match[0])),
)


def complaint(span: str, own: frozenset[str] = frozenset()) -> str | None:
    """What is wrong with a name in backticks; None for one that exists. `own` are names that its page introduces."""
    if span in _ELSEWHERE or span in own:
        return None
    kind, match = next((kind, match) for kind in KINDS if (match := kind.looks_like.fullmatch(span)))
    return None if kind.exists(match) else f"`{span}` looks like a {kind.name}, and there is none"


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def introduced(text: str) -> frozenset[str]:
    """The names in a page's own code, the files that it has its reader write, and the functions of its read models."""
    code = "\n".join(block for language, block in _FENCED.findall(text) if language in ("python", "json"))
    read_models = re.findall(r"read_model\(\"([\w-]+)\"", code)
    return frozenset(
        [
            *re.findall(r"[\w.-]+", code),
            *re.findall(r"Write `([^`]+)`", text),
            *(f"project_{name.replace('-', '_')}" for name in read_models),
        ]
    )


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_whatever_stands_in_backticks_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    own = introduced(text)
    spans = {" ".join(span.split()) for _, span in _SPAN.findall(_FENCED.sub("", text))}
    assert [] == [found for span in sorted(spans) if (found := complaint(span, own))]


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_in_a_block_exists(page: Path) -> None:
    blocks = [block for language, block in _FENCED.findall(page.read_text(encoding="utf-8")) if language in ("", "sh")]
    commands = [command.strip() for block in blocks for command in _COMMANDS.findall(block)]
    assert [] == [found for command in commands if (found := complaint(command))]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("make test-all", "make test-everything"),
        ("make run INSTANCES=2", "make run INSTANCE=2"),
        ("operate parked release", "operate parked relaese"),
        ("python -m operate demo flash-sale --units 3", "python -m operate demo flash-sale --unit 3"),
        ("python -m devstack status", "python -m devstack stats"),
        ("python -m emulators cosmos --lag 3", "python -m emulators cosmo --lag 3"),
        ("python -m bench --only folding", "python -m bench --only fodling"),
        ("python -m pytest", "python -m pytset"),
        ("GET /api/orders/{orderId}", "GET /api/orders/{id}"),
        ("POST /api/stock/{sku}/receipts", "POST /api/stock/{sku}/receipt"),
        ("GET /api/orders/{orderId}/events?all=true", "GET /api/orders/{orderId}/events?everything=true"),
        ("POST faults", "POST fautls"),
        ("--hurry K", "--hury K"),
        ('{"trackingNumber": "T-1"}', '{"trackNumber": "T-1"}'),
        ("Prefer: respond-async", "Prefer: respond-asnyc"),
        ("atVersion=2", "atVerison=2"),
        ("http://localhost:8081/_devstack/", "http://localhost:8081/_devstak/"),
        ("order-<orderId>", "oder-<orderId>"),
        ("engine/storing/cosmos.py", "engine/eventstore/cosmos.py"),
        ("projector.py", "batch_runner.py"),
        ("projections/", "views/"),
        ("tests/golden/events/<Name>.1.json", "tests/golden/event/<Name>.1.json"),
        ("build(settings)", "biuld(settings)"),
        ("ServiceBusServer.start(settings)", "ServiceBusServer.begin(settings)"),
        ("CommandHandler.handle", "CommandHandler.run"),
        ("engine.errors.Unavailable", "engine.errors.StoreUnavailable"),
        ("extensions.http.maxConcurrentRequests", "extensions.http.maxConcurentRequests"),
        ("json.loads", "json.laods"),
        ("events/notifications", "events/notifies"),
        ("StreamState", "FoldedState"),
        ("RELAY_POLL_MS", "RELAY_POLL_SECONDS"),
        ("COSMOS__accountEndpoint", "COSMOS__endpoint"),
        ("RELAY_REPLAY_UNTIL", "RELAY_UNTIL"),
        ("OrderShipped", "OrderSent"),
        ("Idempotency-Key", "Idempotence-Key"),
        ("project_order_details", "project_order_detials"),
        ("from engine.errors import Unavailable", "from engine.errors import StoreUnavailable"),
        ("… cannot go on with stream …", "… can not go on with stream …"),
    ],
)
def test_the_check_knows_what_is_there_from_what_is_not(right: str, wrong: str) -> None:
    assert complaint(right) is None
    assert complaint(wrong) is not None


def test_what_a_page_introduces_counts_on_that_page_alone() -> None:
    page = 'Write `projections/refunds.py`:\n\n```python\nclass Refunds: ...\nread_model("refunds")\n```\n'
    for name in ("Refunds", "projections/refunds.py", "project_refunds"):
        assert complaint(name, introduced(page)) is None
        assert complaint(name) is not None
