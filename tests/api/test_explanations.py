"""Answers that say what to do, to whoever has made a small mistake or comes a moment too early."""

import pytest

from tests.api.conftest import ORDER, Api
from tests.api.test_asynchronous import carry_out, send


@pytest.mark.parametrize(
    ("function", "route", "explanation"),
    [
        ("get_order", {"orderId": "o-1"}, "There is no such order."),
        ("get_payment", {"orderId": "o-1"}, "within seconds of placing one"),
        ("get_stock", {"sku": "mug"}, "No units of this sku have ever been received."),
    ],
)
async def test_what_is_not_there_is_named(api: Api, function: str, route: dict[str, str], explanation: str) -> None:
    answered = await api.send(function, headers={}, params={}, **route)
    assert 404 == answered.status
    assert explanation in answered.body["detail"]


@pytest.mark.parametrize(
    ("function", "route", "given", "meant"),
    [
        ("get_order", {"orderId": "o-1"}, "minversion", "minVersion"),
        ("get_order", {"orderId": "o-1"}, "asof", "asOf"),
        ("get_stock", {"sku": "mug"}, "min_version", "minVersion"),
        ("get_customer_orders", {"customerId": "c-1"}, "Limit", "limit"),
        ("get_customer_orders", {"customerId": "c-1"}, "continuaton", "continuation"),
        ("get_order_events", {"orderId": "o-1"}, "All", "all"),
    ],
)
async def test_a_misspelt_parameter_is_named(
    api: Api, function: str, route: dict[str, str], given: str, meant: str
) -> None:
    answered = await api.send(function, headers={}, params={given: "1"}, **route)
    assert 400 == answered.status
    assert f"There is no parameter {given}: did you mean {meant}?" == answered.body["detail"]


async def test_parameters_of_others_pass(api: Api) -> None:
    """`code` carries the key of a function."""
    assert 200 == (await api.send("get_customer_orders", params={"code": "x", "_": "1"}, customerId="c-1")).status


async def test_a_price_as_a_number_is_told_its_form(api: Api) -> None:
    line = {"sku": "mug", "quantity": 1, "unitPrice": {"amount": 12.5, "currency": "EUR"}}
    answered = await api.place(body={**ORDER, "lines": [line]})
    (violation,) = answered.body["errors"]
    assert "/lines/0/unitPrice/amount" == violation["pointer"]
    assert violation["detail"].startswith('a decimal string, such as "12.50"')


async def test_what_we_say_of_a_body_is_said_without_the_words_of_a_library(api: Api) -> None:
    line = {"sku": "mug", "quantity": 1, "unitPrice": {"amount": "1.00", "currency": "XXX"}}
    answered = await api.place(body={**ORDER, "lines": [line]})
    assert answered.body["errors"][0]["detail"].startswith("currency 'XXX' is not")


async def test_a_command_that_is_done_says_where_to_look(api: Api) -> None:
    accepted = await send(api, "place_order")
    await carry_out(api)
    asked = await api.send("get_command", commandId=accepted.body["commandId"])
    order_id = asked.body["stream"].removeprefix("order-")
    assert f"/api/orders/{order_id}" == asked.headers["Location"]
