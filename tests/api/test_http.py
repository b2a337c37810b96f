"""The REST interface, as clients see it."""

import asyncio
import json
from typing import Any

import azure.functions as func
import pytest

from api.interface import interface
from composition.domain import READ_MODELS
from domain.money import Money
from domain.order.aggregate import ORDER as ORDERS
from domain.order.commands import ConfirmOrder
from domain.order.events import OrderLine, OrderPlaced
from domain.payment.aggregate import PAYMENT
from domain.payment.commands import RequestPayment
from domain.registry import FULFILMENT
from domain.stock.events import StockReserved
from engine.errors import OutcomeUnknown, Unavailable
from engine.triggers.http_requests import MAX_BODY_BYTES
from tests.api.conftest import ORDER, Api
from tests.engine.contexts import context

SHIPMENT = {"carrier": "DHL", "trackingNumber": "T-1"}


async def request_payment(api: Api) -> None:
    await api.commands.handle(PAYMENT, context("request").to("payment-o-1", RequestPayment("o-1", Money(2500, "EUR"))))


class TestCommands:
    async def test_an_order_is_placed(self, api: Api) -> None:
        placed = await api.place()
        order_id = placed.body["orderId"]
        assert 201 == placed.status
        assert {"orderId": order_id, "stream": f"order-{order_id}", "version": 1, "status": "placed"} == placed.body
        assert f"/api/orders/{order_id}" == placed.headers["Location"]
        assert '"1"' == placed.headers["ETag"]

    async def test_the_same_key_places_one_order(self, api: Api) -> None:
        assert await api.place("k-1") == await api.place("k-1")
        assert (await api.place("k-2")).body != (await api.place("k-1")).body

    async def test_without_a_key_every_request_is_another_order(self, api: Api) -> None:
        orders = [(await api.send("place_order", ORDER)).body["orderId"] for _ in range(2)]
        assert 2 == len(set(orders))

    async def test_a_key_belongs_to_its_caller(self) -> None:
        api = Api(trust_easyauth=True)

        async def place_as(caller: str) -> str:
            headers = {"Idempotency-Key": "k", "x-ms-client-principal-id": caller}
            return str((await api.send("place_order", ORDER, headers=headers)).body["orderId"])

        ada, bob = await place_as("ada"), await place_as("bob")
        assert ada != bob
        events = await api.send("get_order_events", orderId=ada)
        assert "ada" == events.body["events"][0]["actor"]

    async def test_a_principal_that_nothing_vouches_for_is_anonymous(self, api: Api) -> None:
        placed = await api.send("place_order", ORDER, headers={"x-ms-client-principal-id": "mallory"})
        events = await api.send("get_order_events", orderId=placed.body["orderId"])
        assert "anonymous" == events.body["events"][0]["actor"]

    async def test_a_cancellation_sent_twice_with_one_key_is_answered_identically(self, api: Api) -> None:
        order_id = (await api.place()).body["orderId"]
        headers = {"Idempotency-Key": "k-2"}
        answers = [
            await api.send("cancel_order", {"reason": "no"}, headers=headers, orderId=order_id) for _ in range(2)
        ]
        assert 200 == answers[0].status
        assert {"orderId": order_id, "stream": f"order-{order_id}", "version": 2, "status": "cancelled"} == answers[
            0
        ].body
        assert answers[0] == answers[1]

    async def test_stock_is_received(self, api: Api) -> None:
        received = await api.send("receive_stock", {"quantity": 10}, sku="mug")
        assert (200, {"sku": "mug", "stream": "stock-mug", "version": 1}) == (received.status, received.body)

    async def test_a_confirmed_order_is_shipped(self, api: Api) -> None:
        order_id = (await api.place()).body["orderId"]
        stream = f"order-{order_id}"
        early = await api.send("ship_order", SHIPMENT, orderId=order_id)
        assert (409, "urn:problem-type:order-not-confirmed") == (early.status, early.body["type"])
        await api.commands.handle(ORDERS, context("confirm").to(stream, ConfirmOrder()))
        answers = [await api.send("ship_order", SHIPMENT, orderId=order_id) for _ in range(2)]
        assert [{"orderId": order_id, "stream": stream, "version": 3, "status": "shipped"}] * 2 == [
            each.body for each in answers
        ]
        other = await api.send("ship_order", {**SHIPMENT, "trackingNumber": "T-2"}, orderId=order_id)
        assert (409, "urn:problem-type:order-already-shipped") == (other.status, other.body["type"])

    async def test_the_reports_of_a_payment_provider_are_known_by_their_reference(self, api: Api) -> None:
        await request_payment(api)
        declined = {"outcome": "declined", "reference": "pay-1", "reason": "no funds"}
        processed = {"outcome": "processed", "reference": "pay-1"}
        first, again, then = [
            await api.send("report_payment", each, orderId="o-1") for each in (declined, declined, processed)
        ]
        assert {"orderId": "o-1", "stream": "payment-o-1", "version": 2, "status": "declined"} == first.body
        assert first == again
        assert (200, 3, "processed") == (then.status, then.body["version"], then.body["status"])
        assert first == await api.send("report_payment", declined, orderId="o-1")
        seen = await api.send("get_payment", orderId="o-1")
        assert ("processed", "pay-1") == (seen.body["status"], seen.body["reference"])

    async def test_a_payment_is_declined_without_a_reason_too(self, api: Api) -> None:
        await request_payment(api)
        await api.send("report_payment", {"outcome": "declined", "reference": "pay-1"}, orderId="o-1")
        assert "no reason given" == (await api.send("get_payment", orderId="o-1")).body["reason"]

    async def test_a_report_is_known_by_its_reference_under_whatever_key_it_is_sent(self, api: Api) -> None:
        await request_payment(api)
        for reference, status, version in (("pay-1", "processed", 2), ("pay-2", "surplus-refunded", 4)):
            body = {"outcome": "processed", "reference": reference}
            keys: tuple[dict[str, str], ...] = ({"Idempotency-Key": "k"}, {}, {"Idempotency-Key": "another"})
            answers = [await api.send("report_payment", body, headers=each, orderId="o-1") for each in keys]
            assert [(200, status, version)] * 3 == [
                (each.status, each.body["status"], each.body["version"]) for each in answers
            ]

    async def test_a_payment_that_was_not_requested_is_404(self, api: Api) -> None:
        missing = await api.send("report_payment", {"outcome": "processed", "reference": "pay-1"}, orderId="o-1")
        assert (404, "urn:problem-type:not-found") == (missing.status, missing.body["type"])

    async def test_money_under_another_reference_is_recorded_and_goes_back(self, api: Api) -> None:
        await request_payment(api)
        for reference in ("pay-1", "pay-2", "pay-1"):
            report = {"outcome": "processed", "reference": reference}
            assert 200 == (await api.send("report_payment", report, orderId="o-1")).status
        seen = (await api.send("get_payment", orderId="o-1")).body
        twenty_five = {"amount": "25.00", "currency": "EUR"}
        assert ("processed", "pay-1") == (seen["status"], seen["reference"])
        assert {"received": twenty_five, "refunded": twenty_five} == seen["surplus"]

    async def test_a_payment_that_arrived_cannot_be_declined_any_more(self, api: Api) -> None:
        await request_payment(api)
        await api.send("report_payment", {"outcome": "processed", "reference": "pay-1"}, orderId="o-1")
        late = await api.send("report_payment", {"outcome": "declined", "reference": "pay-2"}, orderId="o-1")
        assert (409, "urn:problem-type:payment-already-processed") == (late.status, late.body["type"])

    async def test_a_key_with_another_body_is_422(self, api: Api) -> None:
        await api.place("k-1")
        again = await api.place("k-1", {**ORDER, "customerId": "c-2"})
        assert (422, "urn:problem-type:idempotency-key-reused") == (again.status, again.body["type"])

    async def test_the_same_body_written_differently_is_the_same_request(self, api: Api) -> None:
        first = await api.place("k-1")
        text = json.dumps(dict(reversed(ORDER.items())), indent=3).encode()
        assert first == await api.send("place_order", text, headers={"Idempotency-Key": "k-1"})

    async def test_if_match_insists_on_a_version(self, api: Api) -> None:
        order_id = (await api.place()).body["orderId"]
        stale = await api.send("cancel_order", {"reason": "no"}, headers={"If-Match": '"7"'}, orderId=order_id)
        fresh = await api.send("cancel_order", {"reason": "no"}, headers={"If-Match": '"1"'}, orderId=order_id)
        assert (412, 200) == (stale.status, fresh.status)

    async def test_the_trace_of_the_caller_is_kept_and_a_new_one_begun_without(self, api: Api) -> None:
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        kept = []
        for header in (trace, "not a trace", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", None):
            headers = {} if header is None else {"traceparent": header}
            placed = await api.send("place_order", ORDER, headers=headers)
            events = await api.send("get_order_events", orderId=placed.body["orderId"])
            kept.append(events.body["events"][0]["traceparent"])
        assert trace == kept[0]
        assert 4 == len(set(kept))
        assert all(len(each) == 55 for each in kept)


class TestQueries:
    async def test_an_order_is_seen_before_and_after_its_view_has_caught_up(self, api: Api) -> None:
        order_id = (await api.place()).body["orderId"]
        before = await api.send("get_order", orderId=order_id)
        await api.feed()
        assert before == await api.send("get_order", orderId=order_id)
        assert '"1"' == before.headers["ETag"]
        assert {
            "orderId": order_id,
            "customerId": "c-1",
            "status": "placed",
            "lines": ORDER["lines"],
            "total": {"amount": "25.00", "currency": "EUR"},
            "placedAt": before.body["placedAt"],
            "confirmedAt": None,
            "shipment": None,
            "cancellation": None,
            "version": 1,
        } == before.body

    async def test_min_version_reads_your_writes(self, api: Api) -> None:
        order_id = (await api.place()).body["orderId"]
        await api.feed()
        await api.send("cancel_order", {"reason": "no"}, orderId=order_id)
        stale = await api.send("get_order", orderId=order_id)
        fresh = await api.send("get_order", orderId=order_id, params={"minVersion": "2"})
        ahead = await api.send("get_order", orderId=order_id, params={"minVersion": "3"})
        assert ("placed", "cancelled", 412) == (stale.body["status"], fresh.body["status"], ahead.status)

    async def test_an_order_is_seen_as_it_was(self, api: Api) -> None:
        order_id = (await api.place()).body["orderId"]
        await api.send("cancel_order", {"reason": "no"}, orderId=order_id)
        events = (await api.send("get_order_events", orderId=order_id)).body["events"]

        async def seen(**params: str) -> tuple[int, Any, Any]:
            answered = await api.send("get_order", orderId=order_id, params=params)
            return answered.status, answered.body.get("version"), answered.body["status"]

        assert (200, 1, "placed") == await seen(atVersion="1")
        assert (200, 2, "cancelled") == await seen(atVersion="2")
        assert (404, None, 404) == await seen(atVersion="3")
        assert (200, 1, "placed") == await seen(asOf=events[0]["occurredAt"])
        assert (200, 2, "cancelled") == await seen(asOf=events[1]["occurredAt"])
        assert (200, 2, "cancelled") == await seen(asOf="2999-01-01T00:00:00+14:00")
        assert (200, 2, "cancelled") == await seen(asOf="2999-01-01T00:00:00 14:00")
        assert (404, None, 404) == await seen(asOf="1999-01-01T00:00:00Z")

    @pytest.mark.parametrize(
        "params",
        [{"atVersion": "0"}, {"atVersion": "-1"}, {"atVersion": "1.0"}, {"atVersion": "99999999999"},
         {"asOf": "yesterday"}, {"asOf": "2026-11-23"}, {"asOf": "2026-11-23T12:00:00"},
         {"asOf": "2026-13-23T12:00:00Z"},
         {"asOf": "99999-01-01T00:00:00Z"}, {"asOf": "0001-01-01T00:00:00+14:00"}, {"asOf": "0000-01-01T00:00:00Z"},
         {"atVersion": "1", "asOf": "2026-11-23T12:00:00Z"}, {"atVersion": "1", "minVersion": "1"}],
        ids=str,
    )  # fmt: skip
    async def test_a_moment_that_is_none_is_a_problem(self, api: Api, params: dict[str, str]) -> None:
        assert 400 == (await api.send("get_order", orderId="o-1", params=params)).status

    @pytest.mark.parametrize(
        ("tag", "status"),
        [('"1"', 304), ('W/"1"', 304), ('"7", "1"', 304), ("*", 304), ('"2"', 200), ("1", 200), ("", 200)],
    )
    async def test_a_client_that_has_the_view_is_not_sent_it_again(self, api: Api, tag: str, status: int) -> None:
        order_id = (await api.place()).body["orderId"]
        await api.send("receive_stock", {"quantity": 1}, sku="mug")
        for function, route in (("get_order", {"orderId": order_id}), ("get_stock", {"sku": "mug"})):
            answered = await api.send(function, headers={"If-None-Match": tag}, **route)
            assert (status, '"1"') == (answered.status, answered.headers["ETag"])
            assert (answered.body is None) is (status == 304)

    async def test_a_payment_shows_where_the_money_is(self, api: Api) -> None:
        await request_payment(api)
        requested = await api.send("get_payment", orderId="o-1")
        assert (200, "requested", {"amount": "25.00", "currency": "EUR"}, 1) == (
            requested.status,
            requested.body["status"],
            requested.body["amount"],
            requested.body["version"],
        )
        assert 404 == (await api.send("get_payment", orderId="o-2")).status

    async def test_the_events_of_an_order_are_its_story(self, api: Api) -> None:
        order_id = (await api.place()).body["orderId"]
        await api.send("cancel_order", {"reason": "Käfer 漢字 \u2028"}, orderId=order_id)
        story = await api.send("get_order_events", orderId=order_id)
        assert [("OrderPlaced", 1), ("OrderCancelled", 2)] == [
            (event["type"], event["version"]) for event in story.body["events"]
        ]
        assert {"orderId": order_id, "customerId": "c-1", "reason": "Käfer 漢字 \u2028"} == story.body["events"][1][
            "data"
        ]
        assert ORDER["lines"] == story.body["events"][0]["data"]["lines"]

    async def test_the_whole_story_of_an_order_is_told_by_time(self, api: Api) -> None:
        order_id = (await api.place()).body["orderId"]
        process, payment = f"fulfilment-{order_id}", f"payment-{order_id}"
        placed = OrderPlaced(order_id, "c-1", (OrderLine("mug", 2, Money(1250, "EUR")),))
        await api.commands.handle(FULFILMENT, context("reaction-1").to(process, placed))
        await api.commands.handle(FULFILMENT, context("reaction-2").to(process, StockReserved("mug", order_id, 2)))
        await api.commands.handle(PAYMENT, context("request").to(payment, RequestPayment(order_id, Money(2500, "EUR"))))
        await api.send("report_payment", {"outcome": "processed", "reference": "pay-1"}, orderId=order_id)
        await api.send("cancel_order", {"reason": "no"}, orderId=order_id)
        story = (await api.send("get_order_events", orderId=order_id, params={"all": "true"})).body["events"]
        assert [
            (f"order-{order_id}", 1, "OrderPlaced"),
            (process, 1, "FulfilmentStarted"),
            (process, 2, "ReservationGranted"),
            (payment, 1, "PaymentRequested"),
            (payment, 2, "PaymentProcessed"),
            (f"order-{order_id}", 2, "OrderCancelled"),
        ] == [(each["stream"], each["version"], each["type"]) for each in story]
        assert {
            "category": "payment",
            "entityId": order_id,
            "command": {
                "type": "RequestPayment",
                "orderId": order_id,
                "amount": {"amount": "25.00", "currency": "EUR"},
            },
            "afterSeconds": 0,
        } == story[2]["data"]["issued"][0]

    async def test_the_story_of_an_order_that_nothing_has_reacted_to_is_its_own(self, api: Api) -> None:
        order_id = (await api.place()).body["orderId"]
        story, alone = [
            await api.send("get_order_events", orderId=order_id, params={"all": each}) for each in ("true", "false")
        ]
        assert [{"stream": f"order-{order_id}", **each} for each in alone.body["events"]] == story.body["events"]
        ahead = await api.send("get_order_events", orderId=order_id, params={"all": "true", "minVersion": "2"})
        unknown = await api.send("get_order_events", orderId="o-9", params={"all": "true"})
        assert (412, 404) == (ahead.status, unknown.status)

    async def test_a_customers_orders_come_newest_first_and_page_by_page(self, api: Api) -> None:
        placed = [(await api.place(f"k-{n}")).body["orderId"] for n in range(5)]
        await api.feed()
        seen: list[str] = []
        params = {"limit": "2"}
        for expected in (2, 2, 1):
            page = await api.send("get_customer_orders", customerId="c-1", params=params)
            assert expected == len(page.body["orders"])
            seen += [order["orderId"] for order in page.body["orders"]]
            params = {"limit": "2", "continuation": page.body.get("continuation", "")}
        assert "continuation" not in page.body
        assert list(reversed(placed)) == seen

    async def test_a_customer_without_orders_has_an_empty_list(self, api: Api) -> None:
        assert {"orders": []} == (await api.send("get_customer_orders", customerId="c-9")).body

    async def test_stock_is_on_hand_and_available(self, api: Api) -> None:
        await api.send("receive_stock", {"quantity": 10}, sku="mug")
        story = await api.send("get_stock_events", sku="mug", params={"minVersion": "1"})
        assert 412 == (await api.send("get_stock_events", sku="mug", params={"minVersion": "2"})).status
        assert [("StockReceived", 1, {"sku": "mug", "quantity": 10})] == [
            (event["type"], event["version"], event["data"]) for event in story.body["events"]
        ]
        level = await api.send("get_stock", sku="mug")
        assert {"sku": "mug", "onHand": 10, "reserved": 0, "available": 10, "version": 1} == level.body

    @pytest.mark.parametrize(
        ("function", "route"),
        [
            ("get_order", {"orderId": "o-9"}),
            ("get_order_events", {"orderId": "o-9"}),
            ("get_stock", {"sku": "mug"}),
            ("get_stock_events", {"sku": "mug"}),
        ],
    )
    async def test_what_never_was_is_404(self, api: Api, function: str, route: dict[str, Any]) -> None:
        missing = await api.send(function, **route)
        assert (404, "urn:problem-type:not-found") == (missing.status, missing.body["type"])

    async def test_health_says_that_the_process_is_up(self, api: Api) -> None:
        assert {"status": "up"} == (await api.send("health")).body


LINE: dict[str, Any] = ORDER["lines"][0]  # type: ignore[assignment]


def with_line(**changed: Any) -> dict[str, Any]:
    return {**ORDER, "lines": [{**LINE, **changed}]}


def money(amount: object, currency: str) -> dict[str, object]:
    return {"amount": amount, "currency": currency}


class TestMalformedRequests:
    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 30_000, b"[" * 100_000, b'{"customerId": NaN}',
         b'{"customerId":"a","customerId":"b","lines":[]}', {**ORDER, "more": 1}, {"customerId": "c-1"},
         {**ORDER, "lines": []}, {**ORDER, "lines": [LINE] * 101}, {**ORDER, "customerId": "a/b"},
         {**ORDER, "customerId": "x" * 65}, {**ORDER, "customerId": "c\n"}, {**ORDER, "customerId": ""},
         {**ORDER, "customerId": 5}, with_line(quantity="5"), with_line(quantity=5.0), with_line(quantity=True),
         with_line(quantity=0), with_line(quantity=-1), with_line(quantity=10**7), with_line(quantity=1.5),
         with_line(unitPrice=money("1.505", "EUR")), with_line(unitPrice=money(1, "EUR")),
         with_line(unitPrice=money("1", "XXX")), with_line(unitPrice=money("-1", "EUR")),
         {**ORDER, "lines": [LINE, {**LINE, "unitPrice": money("1", "USD")}]}],
        ids=lambda body: repr(body)[:60],
    )  # fmt: skip
    async def test_a_body_that_describes_no_order_is_a_problem_and_leaves_nothing(self, api: Api, body: Any) -> None:
        refused = await api.send("place_order", body)
        expected = 413 if isinstance(body, bytes) and len(body) > MAX_BODY_BYTES else 400
        assert (expected, expected) == (refused.status, refused.body["status"])
        assert "application/problem+json" in refused.headers.get("Content-Type", "application/problem+json")
        assert 0 == api.store.commits().position

    @pytest.mark.parametrize(
        "changed",
        [{"outcome": "refunded"}, {"outcome": None}, {"reference": ""}, {"reference": "x" * 101}, {"reference": "ü"},
         {"reference": "a\n"}, {"reference": 5}, {"reason": "a reason"}, {"outcome": "declined", "reason": ""},
         {"outcome": "declined", "reason": "x" * 501}, {"outcome": "declined", "reason": 5}, {"more": 1}],
        ids=repr,
    )  # fmt: skip
    async def test_a_report_of_another_shape_is_a_problem(self, api: Api, changed: dict[str, Any]) -> None:
        body = {"outcome": "processed", "reference": "pay-1", **changed}
        assert 400 == (await api.send("report_payment", body, orderId="o-1")).status
        for name in ("outcome", "reference"):
            missing = {key: value for key, value in body.items() if key != name}
            assert 400 == (await api.send("report_payment", missing, orderId="o-1")).status

    @pytest.mark.parametrize("name", SHIPMENT)
    @pytest.mark.parametrize("value", ["", "x" * 101, 5, None, ["DHL"]], ids=repr)
    async def test_a_shipment_of_another_shape_is_a_problem(self, api: Api, name: str, value: Any) -> None:
        assert 400 == (await api.send("ship_order", {**SHIPMENT, name: value}, orderId="o-1")).status

    @pytest.mark.parametrize("text", ["", "1", "True", "yes"])
    async def test_a_switch_is_true_or_false(self, api: Api, text: str) -> None:
        assert 400 == (await api.send("get_order_events", orderId="o-1", params={"all": text})).status

    async def test_what_is_wrong_is_pointed_at(self, api: Api) -> None:
        refused = await api.send("place_order", with_line(quantity=0))
        assert "/lines/0/quantity" == refused.body["errors"][0]["pointer"]

    async def test_a_body_beyond_the_limit_is_413(self, api: Api) -> None:
        assert 413 == (await api.send("place_order", b" " * (MAX_BODY_BYTES + 1))).status

    async def test_a_chunked_body_is_411(self, api: Api) -> None:
        assert 411 == (await api.send("place_order", headers={"Transfer-Encoding": "chunked"})).status

    @pytest.mark.parametrize(
        "headers",
        [{"Idempotency-Key": ""}, {"Idempotency-Key": "x" * 101}, {"Idempotency-Key": "ü"},
         {"Idempotency-Key": "a\tb"}, {"If-Match": "1"}, {"If-Match": 'W/"1"'}, {"If-Match": '"1", "2"'},
         {"If-Match": '"-1"'}, {"If-Match": '"01"'}],
        ids=repr,
    )  # fmt: skip
    async def test_a_malformed_header_is_a_problem(self, api: Api, headers: dict[str, str]) -> None:
        assert 400 == (await api.send("place_order", ORDER, headers=headers)).status

    @pytest.mark.parametrize(
        "params",
        [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"continuation": "x"}, {"continuation": "MX4yMDI2"},
         {"continuation": "ü"}],
        ids=repr,
    )  # fmt: skip
    async def test_a_forged_page_is_a_problem(self, api: Api, params: dict[str, str]) -> None:
        assert 400 == (await api.send("get_customer_orders", customerId="c-1", params=params)).status

    @pytest.mark.parametrize("text", ["-1", "1.0", "x", "99999999999", "٣"])
    async def test_a_malformed_version_is_a_problem(self, api: Api, text: str) -> None:
        assert 400 == (await api.send("get_order", orderId="o-1", params={"minVersion": text})).status

    @pytest.mark.parametrize("name", ["a/b", "a%2Fb", "", "x" * 65, "a b", "ü", "a\n", "'"])
    async def test_a_malformed_id_is_a_problem(self, api: Api, name: str) -> None:
        assert 400 == (await api.send("get_order", orderId=name)).status
        assert 400 == (await api.send("get_stock", sku=name)).status
        assert 400 == (await api.send("get_customer_orders", customerId=name)).status
        assert 400 == (await api.send("cancel_order", {"reason": "no"}, orderId=name)).status
        assert 400 == (await api.send("receive_stock", {"quantity": 1}, sku=name)).status
        assert 400 == (await api.send("ship_order", SHIPMENT, orderId=name)).status
        report = {"outcome": "processed", "reference": "pay-1"}
        assert 400 == (await api.send("report_payment", report, orderId=name)).status


class TestFailures:
    async def test_a_refusal_of_the_business_is_409_with_its_reason(self, api: Api) -> None:
        order = with_line(quantity=1_000_000, unitPrice=money("90071992547.00", "EUR"))
        refused = await api.send("place_order", order)
        assert (409, "urn:problem-type:invalid-order", "Invalid order") == (
            refused.status,
            refused.body["type"],
            refused.body["title"],
        )

    @pytest.mark.parametrize(
        ("error", "status", "retry_after"),
        [
            (Unavailable("away", retry_after=2.5), 503, "3"),
            (OutcomeUnknown("lost"), 503, "10"),
            (asyncio.CancelledError(), 503, "10"),
            (RuntimeError("a secret"), 500, None),
        ],
        ids=lambda value: type(value).__name__,
    )
    async def test_what_fails_inside_is_answered_without_detail(
        self, error: BaseException, status: int, retry_after: str | None
    ) -> None:
        async def broken() -> Any:
            raise error

        request = func.HttpRequest("GET", "/", route_params={"sku": "mug"}, params={}, headers={}, body=b"")
        response = await interface(broken, READ_MODELS, trust_easyauth=False).engine.query("stock-levels", request)
        assert (status, retry_after) == (response.status_code, response.headers.get("Retry-After"))
        assert b"secret" not in response.get_body()
