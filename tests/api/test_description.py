"""What the service says of its own REST interface: everything that there is, once, and as it is."""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from html import escape
from itertools import product
from pathlib import Path
from typing import Any, Final

import httpx
import jsonschema_rs
import pytest

import function_app
from domain.money import LARGEST_AMOUNT, Money
from domain.order.aggregate import ORDER
from domain.order.commands import CancelOrder, ConfirmOrder, PlaceOrder, ShipOrder
from domain.order.events import OrderLine
from domain.payment.aggregate import PAYMENT
from domain.payment.commands import DeclinePayment, ExpirePayment, ProcessPayment, RefundPayment, RequestPayment
from domain.stock.aggregate import STOCK
from domain.stock.commands import ReceiveStock
from engine.deciding.decider import DomainError
from engine.triggers.openapi import routes_of
from tests.api.conftest import Api
from tests.api.examples import examples
from tests.api.host import Host
from tests.described import DESCRIPTION, DOCUMENTATION, OPERATIONS
from tests.engine.histories import history_of

ROOT: Final = Path(__file__).resolve().parents[2]
PROBLEMS: Final = (ROOT / "docs" / "problems.md").read_text(encoding="utf-8")
EXAMPLES: Final = DESCRIPTION["components"]["examples"]
COMMANDS: Final = [each for each in DOCUMENTATION.operations(function_app.READ_MODELS_OF) if each.model is not None]


def test_every_route_is_described_under_the_name_of_its_function() -> None:
    routes = routes_of(function_app.app)
    described = {
        (operation["operationId"], method.upper(), path)
        for path, operations in DESCRIPTION["paths"].items()
        for method, operation in operations.items()
    }
    assert {(each.function, each.method, each.path) for each in routes} == described


def test_a_route_without_a_key_is_one_that_the_host_serves_without() -> None:
    open_to_all = {each.function for each in routes_of(function_app.app) if each.anonymous}
    assert open_to_all == {name for name, each in OPERATIONS.items() if not each["security"]}
    assert open_to_all == {name for name, each in OPERATIONS.items() if "401" not in each["responses"]}


@pytest.mark.parametrize("operation", COMMANDS, ids=lambda operation: operation.function)
def test_the_example_of_a_command_is_one_that_its_model_takes_and_its_schema_too(operation: Any) -> None:
    operation.model.model_validate(operation.example)
    schema = OPERATIONS[operation.function]["requestBody"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": DESCRIPTION["components"]}, operation.example)


async def test_every_answer_of_success_has_an_example_and_it_is_what_is_answered_today() -> None:
    """`python -m tests.api.examples` writes them."""
    written = {
        function: {
            status: media["example"]
            for status, answer in operation["responses"].items()
            if status < "300" and (media := answer.get("content", {}).get("application/json", {})).get("schema")
        }
        for function, operation in OPERATIONS.items()
    }
    assert {function: answers for function, answers in written.items() if answers} == await examples()


AMOUNT = Money(100, "EUR")
PLACE = PlaceOrder("o-1", "c-1", (OrderLine("mug", 1, AMOUNT),))
REQUEST = RequestPayment("o-1", AMOUNT)
LARGEST = OrderLine("mug", 2, Money(LARGEST_AMOUNT, "EUR"))
ORDER_COMMANDS = (
    PlaceOrder("o-1", "c-1", (LARGEST,)),
    PLACE,
    ConfirmOrder(),
    CancelOrder("no"),
    ShipOrder("DHL", "T-1"),
)
PAYMENT_COMMANDS = (
    REQUEST,
    ProcessPayment("pay-1"),
    DeclinePayment("pay-2", "no"),
    ExpirePayment("o-1", AMOUNT),
    RefundPayment(),
)


@pytest.mark.parametrize(
    ("function", "aggregate", "commands", "history"),
    [
        ("place_order", ORDER, ORDER_COMMANDS[:2], ()),
        ("cancel_order", ORDER, ORDER_COMMANDS[3:4], ORDER_COMMANDS),
        ("ship_order", ORDER, (ShipOrder("UPS", "T-2"),), ORDER_COMMANDS),
        ("report_payment", PAYMENT, PAYMENT_COMMANDS[1:3], PAYMENT_COMMANDS),
        ("receive_stock", STOCK, (ReceiveStock("mug", 1),), (ReceiveStock("mug", 1),)),
    ],
)
def test_the_refusals_of_a_command_are_those_that_its_rules_know(
    function: str, aggregate: Any, commands: Iterable[object], history: tuple[object, ...]
) -> None:
    """Whatever came before, up to three commands; an order is placed under an id of its own."""
    known = set()
    for before in (each for length in range(4) for each in product(history, repeat=length)):
        state = aggregate.decider.fold(aggregate.decider.initial, history_of(aggregate, before))
        for command in commands:
            try:
                aggregate.decider.decide(command, state)
            except DomainError as refusal:
                known.add(type(refusal))
    (operation,) = (each for each in COMMANDS if each.function == function)
    assert known == {type(each) for each in operation.errors if isinstance(each, DomainError)}


@pytest.mark.parametrize("function", OPERATIONS)
def test_the_examples_of_parameters_are_some_that_their_schemas_allow(function: str) -> None:
    for parameter in OPERATIONS[function]["parameters"]:
        for example in parameter["schema"].get("examples", ()):
            jsonschema_rs.validate(parameter["schema"], example, validate_formats=True)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_the_example_of_a_problem_is_a_problem_and_says_what_to_do(kind: str) -> None:
    schema = {"$ref": "#/components/schemas/Problem", "components": DESCRIPTION["components"]}
    jsonschema_rs.validate(schema, EXAMPLES[kind]["value"])
    assert EXAMPLES[kind]["description"].endswith(".")
    assert DomainError.__doc__ not in EXAMPLES[kind]["description"]


def test_the_page_of_problems_has_a_section_for_each_kind_and_no_other() -> None:
    sections = [section.split("\n\n") for section in PROBLEMS.split("\n## ")[1:]]
    assert [(kind, " ".join(what_to_do.split())) for kind, what_to_do, *_ in sections] == [
        (kind, f"{each['value']['status']}, {each['summary']}. {each['description']}")
        for kind, each in EXAMPLES.items()
    ]


class TestServed:
    @pytest.fixture
    def host(self, api: Api) -> Iterator[Host]:
        host = Host(api.functions)
        yield host
        host.close()

    def test_it_is_served_as_it_is_and_a_client_that_has_it_is_told_so(self, host: Host) -> None:
        with httpx.Client(transport=httpx.WSGITransport(app=host), base_url="http://the-service/api") as client:
            got = client.get("/openapi.json")
            assert (200, "application/json") == (got.status_code, got.headers["Content-Type"])
            assert DESCRIPTION == got.json()
            for path in ("/openapi.json", "/docs"):
                tag = client.get(path).headers["ETag"]
                again = client.get(path, headers={"If-None-Match": tag})
                assert (304, b"", tag) == (again.status_code, again.content, again.headers["ETag"])
                assert 200 == client.get(path, headers={"If-None-Match": '"another"'}).status_code

    def test_the_page_names_every_route_and_loads_nothing(self, host: Host) -> None:
        with httpx.Client(transport=httpx.WSGITransport(app=host), base_url="http://the-service/api") as client:
            page = client.get("/docs")
        (style,) = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
        digest = b64encode(sha256(style.encode()).digest()).decode()
        policy = page.headers["Content-Security-Policy"]
        assert {"default-src 'none'", f"style-src 'sha256-{digest}'"} <= set(policy.split("; "))
        assert [] == re.findall(r"<script|<img|<link|<iframe|\ssrc=|\sstyle=|\son\w+=|https?://", page.text)
        for name, operation in OPERATIONS.items():
            assert f'id="{name}"' in page.text
            assert escape(operation["summary"]) in re.sub("</?code>", "`", page.text)
        targets = set(re.findall(r'href="#([^"]+)"', page.text))
        assert targets <= set(re.findall(r'id="([^"]+)"', page.text))
        assert set(EXAMPLES) <= targets
