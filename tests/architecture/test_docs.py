"""Documentation says only what is so: links lead somewhere, settings are explained, figures are those of the tables.

Whether the names in a page exist is for test_docs_names.py.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from api.orders import CancellationBody, PlaceOrderBody, ShipmentBody
from api.payments import PaymentBody
from api.stock import ReceiptBody

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "emulators").glob("*.md")]
SHOWN = re.compile(r"<!-- file: (\S+) -->\n```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def sections(text: str) -> Mapping[str, str]:
    """What stands below each heading, by the anchor that GitHub gives it."""
    _, *parts = re.split(r"^#+ ", FENCED.sub("", text), flags=re.MULTILINE)
    headed = (part.partition("\n") for part in parts)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-"): below for heading, _, below in headed}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_file_that_is_shown_is_the_file(page: Path) -> None:
    for name, text in SHOWN.findall(page.read_text(encoding="utf-8")):
        assert read(name) == text, name


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_leads_somewhere(page: Path) -> None:
    for file, anchor in LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8"))):
        target = page.parent / file if file else page
        assert target.exists(), file
        assert not anchor or anchor in sections(target.read_text(encoding="utf-8")), f"{file}#{anchor}"


def test_the_order_of_the_rooms_is_that_of_the_import_contracts() -> None:
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    layers = [[re.sub(r" \| ", ", ", each) for each in one["layers"]] for one in contracts if one["type"] == "layers"]
    drawn = FENCED.findall(read("docs/architecture.md").partition("Imports point one way.")[2])[0]
    listed = FENCED.findall(read("CONTRIBUTING.md"))[0]
    assert len(layers) == 2
    for rooms in layers:
        assert " → ".join(rooms) in " ".join(drawn.split()), rooms
        assert rooms == [
            each for each in re.findall(r"^(\w+(?:, \w+)*)(?:  |$)", listed, re.MULTILINE) if each in rooms
        ]


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for record in sorted(folder.glob("[0-9]*.md")):
        number, section, title = re.fullmatch(
            r"# (\d{4}) (§\d+): (.+)", record.read_text(encoding="utf-8").splitlines()[0]
        ).groups()  # type: ignore[union-attr]  # a title of another form fails
        assert f"| [{number}]({record.name}) | {section}: {title} |" in index, record.name


def test_every_setting_is_explained_and_has_an_example() -> None:
    explained, example = read("docs/operations.md"), read("local.settings.json.example")
    source = read("engine/settings.py") + read("composition/settings.py")
    names = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)*(?:__\w+)?)"', source))
    assert {"COSMOS", "COSMOS__accountEndpoint", "PAYMENT_DEADLINE"} <= names
    for name in names:
        assert f"`{name}`" in explained, name
        assert "__" in name or f'"{name}"' in example, name


def test_every_value_of_the_host_is_explained() -> None:
    explained = read("docs/operations.md")
    host = json.loads(read("host.json"))
    silent = {"version", "logging.logLevel.default", "extensionBundle.id"}
    for path in paths(host):
        assert path in silent or any(f"`{path[:end]}`" in explained for end in ends(path)), path


def paths(value: object, path: str = "") -> Iterator[str]:
    if not isinstance(value, dict):
        yield path
        return
    for key, below in value.items():
        yield from paths(below, f"{path}.{key}" if path else key)


def ends(path: str) -> Iterator[int]:
    """Where the path itself ends, and the path of what holds it."""
    yield len(path)
    yield path.rfind(".")


def test_every_guarantee_names_its_test() -> None:
    rows = [line for line in read("docs/guarantees.md").splitlines() if line.startswith("| ")][1:]
    assert rows
    for row in rows:
        assert re.search(r"`(?:Test|test_|tests/)[\w./]+`", row.rsplit(" | ", 1)[1]), row


def test_the_short_version_of_performance_takes_its_figures_from_the_tables() -> None:
    page = sections(read("docs/performance.md"))
    rows = [line.split(" | ") for line in page["in-short"].splitlines() if line.startswith("| ")][1:]
    assert rows
    for _, figures, source in rows:
        for anchor in re.findall(r"\(#([^)]+)\)", source):
            tables = " ".join(line for line in page[anchor].splitlines() if line.startswith(("| ", "**")))
            for figure in re.findall(r"\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?(?![\w,])", figures):
                assert re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d.,])", tables), f"{figure} is not in {anchor}"


BODIES: Mapping[str, Any] = {
    "POST /api/orders": PlaceOrderBody,
    "POST /api/orders/{orderId}/cancellation": CancellationBody,
    "POST /api/orders/{orderId}/payment": PaymentBody,
    "POST /api/orders/{orderId}/shipment": ShipmentBody,
    "POST /api/stock/{sku}/receipts": ReceiptBody,
}
ROWS = re.findall(r"^\| [^|]+ \| `(POST [^`]+)` `(\{[^`]*\})` \|$", read("README.md"), re.MULTILINE)


@pytest.mark.parametrize(("route", "body"), ROWS)
def test_a_body_that_the_readme_shows_is_accepted(route: str, body: str) -> None:
    try:
        BODIES[route].model_validate_json(body)
    except ValidationError as error:
        raise AssertionError(f"{body} is refused") from error


def test_the_readme_shows_a_body_for_every_command() -> None:
    assert BODIES.keys() == {route for route, _ in ROWS}
