"""What the process of an order does about what happened."""

from typing import Any, ClassVar

import pytest

from domain.fulfilment.commands import AbandonFulfilment
from domain.fulfilment.events import (
    CancellationFollowed,
    ConfirmationCompleted,
    DispatchCompleted,
    DispatchStarted,
    FulfilmentAbandoned,
    FulfilmentEvent,
    FulfilmentStarted,
    PaymentArrived,
    PaymentFailed,
    RefundCompleted,
    ReleaseCompleted,
    ReservationGranted,
    ReservationRefused,
)
from domain.fulfilment.reactions import ABANDONED_AFTER, FulfilmentInput, fulfilment
from domain.fulfilment.state import Fulfilment
from domain.money import Money
from domain.order.commands import CancelOrder, ConfirmOrder
from domain.order.events import OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced, OrderShipped
from domain.payment.commands import ExpirePayment, RefundPayment, RequestPayment
from domain.payment.events import PaymentDeclined, PaymentExpired, PaymentProcessed, PaymentRefunded
from domain.stock.commands import DispatchStock, ReleaseStock, ReserveStock
from domain.stock.events import StockDispatched, StockReleased, StockReservationRefused, StockReserved
from engine.deciding.process import Issued
from engine.testing import processes
from engine.testing.deciders import given

DEADLINE = 900
PROCESS = fulfilment(DEADLINE)
FULFILMENT = PROCESS.aggregate


def euros(amount: int) -> Money:
    return Money(amount * 100, "EUR")


TOTAL = euros(41)
PLACED = OrderPlaced(
    "o-1", "c-1", (OrderLine("mug", 2, euros(10)), OrderLine("cup", 1, euros(1)), OrderLine("mug", 2, euros(10)))
)
CONFIRMED = OrderConfirmed("o-1", "c-1")
SHIPPED = OrderShipped("o-1", "c-1", "DHL", "T-1")
CANCELLED = OrderCancelled("o-1", "c-1", "changed my mind")
PAID = PaymentProcessed("o-1", TOTAL, "pay-1")
DECLINED = PaymentDeclined("o-1", "pay-1", "no funds")
EXPIRED = PaymentExpired("o-1")
REFUNDED = PaymentRefunded("o-1", TOTAL)

RESERVE_MUGS = Issued("stock", "mug", ReserveStock("mug", "o-1", 4))
RESERVE_CUP = Issued("stock", "cup", ReserveStock("cup", "o-1", 1))
RELEASE_MUGS = Issued("stock", "mug", ReleaseStock("mug", "o-1"))
RELEASE_CUP = Issued("stock", "cup", ReleaseStock("cup", "o-1"))
REQUEST = Issued("payment", "o-1", RequestPayment("o-1", TOTAL))
EXPIRE_LATER = Issued("payment", "o-1", ExpirePayment("o-1", TOTAL), DEADLINE)
EXPIRE_NOW = Issued("payment", "o-1", ExpirePayment("o-1", TOTAL))
REFUND = Issued("payment", "o-1", RefundPayment())
CONFIRM = Issued("order", "o-1", ConfirmOrder())
WAKE_UP = Issued("fulfilment", "o-1", AbandonFulfilment(), DEADLINE + ABANDONED_AFTER)


def granted(sku: str) -> StockReserved:
    return StockReserved(sku, "o-1", 1)


def refused(sku: str) -> StockReservationRefused:
    return StockReservationRefused(sku, "o-1", 1, 0)


def cancel(reason: str) -> Issued[CancelOrder]:
    return Issued("order", "o-1", CancelOrder(reason))


STARTED = FulfilmentStarted("o-1", TOTAL, (RESERVE_MUGS, RESERVE_CUP, WAKE_UP))
RESERVED = (STARTED, ReservationGranted("o-1", "mug", ()), ReservationGranted("o-1", "cup", (REQUEST, EXPIRE_LATER)))
PAYED = (*RESERVED, PaymentArrived("o-1", (CONFIRM,)))
READY = (*PAYED, ConfirmationCompleted("o-1", ()))
SENT = (*READY, DispatchStarted("o-1", tuple(Issued("stock", s, DispatchStock(s, "o-1")) for s in ("cup", "mug"))))
OUT_OF_STOCK = cancel("Out of stock: cup.")
BROKEN = (STARTED, ReservationRefused("o-1", "cup", (OUT_OF_STOCK,)))


class TestTheWayToTheCustomer:
    def test_each_sku_is_reserved_once_for_all_its_lines(self) -> None:
        given(FULFILMENT).when(PLACED).then(STARTED)

    def test_payment_is_requested_when_the_last_sku_is_reserved(self) -> None:
        given(FULFILMENT, *RESERVED[:1]).when(granted("mug")).then(RESERVED[1])
        given(FULFILMENT, *RESERVED[:2]).when(granted("cup")).then(RESERVED[2])

    def test_what_costs_nothing_is_confirmed_without_a_payment(self) -> None:
        gift = OrderPlaced("o-1", "c-1", (OrderLine("mug", 4, euros(0)),))
        started = FulfilmentStarted("o-1", euros(0), (RESERVE_MUGS, WAKE_UP))
        given(FULFILMENT).when(gift).then(started)
        given(FULFILMENT, started).when(granted("mug")).then(ReservationGranted("o-1", "mug", (CONFIRM,)))

    def test_a_paid_order_is_confirmed_and_a_shipped_one_dispatched(self) -> None:
        given(FULFILMENT, *RESERVED).when(PAID).then(PAYED[-1])
        given(FULFILMENT, *PAYED).when(CONFIRMED).then(READY[-1])
        given(FULFILMENT, *READY).when(SHIPPED).then(SENT[-1])

    def test_it_ends_when_all_has_left_the_house(self) -> None:
        last = DispatchCompleted("o-1", "cup", ())
        halfway = (*SENT, DispatchCompleted("o-1", "mug", ()))
        given(FULFILMENT, *halfway).when(StockDispatched("cup", "o-1", 1)).then(last)
        assert not has_ended(*halfway)
        assert has_ended(*halfway, last)


class TestTheWayBack:
    def test_a_refusal_cancels_the_order_and_releases_what_is_reserved(self) -> None:
        given(FULFILMENT, *RESERVED[:2]).when(refused("cup")).then(
            ReservationRefused("o-1", "cup", (OUT_OF_STOCK, RELEASE_MUGS))
        )

    @pytest.mark.parametrize(
        ("failure", "reason"),
        [(DECLINED, "The payment was declined: no funds"), (EXPIRED, "The payment did not arrive in time.")],
    )
    def test_a_payment_that_fails_cancels_the_order(self, failure: FulfilmentInput, reason: str) -> None:
        given(FULFILMENT, *RESERVED).when(failure).then(
            PaymentFailed("o-1", (cancel(reason), RELEASE_CUP, RELEASE_MUGS))
        )

    def test_a_cancellation_takes_back_what_was_done_so_far(self) -> None:
        def follow(*history: FulfilmentEvent) -> Any:
            return given(FULFILMENT, *history).when(CANCELLED)

        follow(STARTED).then(CancellationFollowed("o-1", ()))
        follow(*RESERVED[:2]).then(CancellationFollowed("o-1", (RELEASE_MUGS,)))
        follow(*RESERVED).then(CancellationFollowed("o-1", (RELEASE_CUP, RELEASE_MUGS, EXPIRE_NOW)))
        follow(*PAYED).then(CancellationFollowed("o-1", (RELEASE_CUP, RELEASE_MUGS, REFUND)))
        follow(*READY).then(CancellationFollowed("o-1", (RELEASE_CUP, RELEASE_MUGS, REFUND)))

    def test_the_cancellation_that_it_asked_for_itself_is_followed_by_nothing_more(self) -> None:
        given(FULFILMENT, *BROKEN).when(CANCELLED).then(CancellationFollowed("o-1", ()))

    def test_what_arrives_after_that_goes_back(self) -> None:
        given(FULFILMENT, *BROKEN).when(granted("mug")).then(ReservationGranted("o-1", "mug", (RELEASE_MUGS,)))
        given(FULFILMENT, *BROKEN).when(refused("mug")).then(ReservationRefused("o-1", "mug", ()))
        unpaid = (*RESERVED, CancellationFollowed("o-1", (RELEASE_CUP, RELEASE_MUGS, EXPIRE_NOW)))
        given(FULFILMENT, *unpaid).when(PAID).then(PaymentArrived("o-1", (REFUND,)))
        given(FULFILMENT, *unpaid).when(EXPIRED).then(PaymentFailed("o-1", ()))
        given(FULFILMENT, *unpaid, PaymentFailed("o-1", ())).when(PAID).then(PaymentArrived("o-1", (REFUND,)))

    def test_it_ends_when_all_is_back_and_starts_again_for_late_money(self) -> None:
        history: tuple[FulfilmentEvent, ...] = (
            *RESERVED,
            PaymentFailed("o-1", (cancel("too late"), RELEASE_CUP, RELEASE_MUGS)),
            CancellationFollowed("o-1", ()),
            ReleaseCompleted("o-1", "cup", ()),
        )
        assert not has_ended(*history)
        released = ReleaseCompleted("o-1", "mug", ())
        given(FULFILMENT, *history).when(StockReleased("mug", "o-1", 4)).then(released)
        assert has_ended(*history, released)
        late = (*history, released, PaymentArrived("o-1", (REFUND,)))
        assert not has_ended(*late)
        given(FULFILMENT, *late).when(REFUNDED).then(RefundCompleted("o-1", ()))
        assert has_ended(*late, RefundCompleted("o-1", ()))

    def test_an_order_that_is_not_being_confirmed_when_its_time_is_over_is_cancelled(self) -> None:
        reason = cancel("The order could not be completed in time.")
        given(FULFILMENT, STARTED).when(AbandonFulfilment()).then(FulfilmentAbandoned("o-1", (reason,)))
        given(FULFILMENT, *RESERVED).when(AbandonFulfilment()).then(
            FulfilmentAbandoned("o-1", (reason, RELEASE_CUP, RELEASE_MUGS, EXPIRE_NOW))
        )
        for history in (PAYED, READY, SENT, BROKEN):
            given(FULFILMENT, *history).when(AbandonFulfilment()).then_nothing()


class TestRepetitions:
    @pytest.mark.parametrize(
        ("history", "trigger"),
        [
            ((), CANCELLED),
            ((), granted("mug")),
            ((STARTED,), PLACED),
            ((STARTED,), granted("plate")),
            (RESERVED, granted("mug")),
            (RESERVED, REFUNDED),
            (PAYED, PAID),
            (PAYED, EXPIRED),
            (READY, CONFIRMED),
            (SENT, SHIPPED),
            (SENT, CANCELLED),
            (SENT, StockReleased("plate", "o-1", 1)),
            ((*SENT, DispatchCompleted("o-1", "mug", ())), StockDispatched("mug", "o-1", 4)),
        ],
    )
    def test_what_is_known_already_or_was_not_asked_for_changes_nothing(
        self, history: tuple[FulfilmentEvent, ...], trigger: FulfilmentInput
    ) -> None:
        given(FULFILMENT, *history).when(trigger).then_nothing()


class TestFromWhatHappenedElsewhere:
    """The same rules from the outside: what came to the process, and the commands that it issues."""

    ON_THE_WAY: ClassVar[tuple[FulfilmentInput, ...]] = (PLACED, granted("mug"), granted("cup"))

    def test_an_order_goes_its_way(self) -> None:
        ready = (*self.ON_THE_WAY, PAID, CONFIRMED)
        dispatch = [Issued("stock", sku, DispatchStock(sku, "o-1")) for sku in ("cup", "mug")]
        processes.given(PROCESS).when(PLACED).then_issued(RESERVE_MUGS, RESERVE_CUP, WAKE_UP)
        processes.given(PROCESS, PLACED).when(granted("mug")).then_issued()
        processes.given(PROCESS, PLACED, granted("mug")).when(granted("cup")).then_issued(REQUEST, EXPIRE_LATER)
        processes.given(PROCESS, *self.ON_THE_WAY).when(PAID).then_issued(CONFIRM)
        processes.given(PROCESS, *self.ON_THE_WAY, PAID).when(CONFIRMED).then_issued()
        processes.given(PROCESS, *ready).when(SHIPPED).then_issued(*dispatch)

    def test_an_order_is_taken_back(self) -> None:
        halfway = (PLACED, granted("mug"))
        processes.given(PROCESS, *halfway).when(refused("cup")).then_issued(OUT_OF_STOCK, RELEASE_MUGS)
        processes.given(PROCESS, *halfway, refused("cup")).when(CANCELLED).then_issued()
        processes.given(PROCESS, *self.ON_THE_WAY).when(CANCELLED).then_issued(RELEASE_CUP, RELEASE_MUGS, EXPIRE_NOW)
        processes.given(PROCESS, *self.ON_THE_WAY, PAID).when(CANCELLED).then_issued(RELEASE_CUP, RELEASE_MUGS, REFUND)

    def test_what_comes_twice_or_too_late_is_reacted_to_once(self) -> None:
        processes.given(PROCESS, PLACED).when(PLACED).then_nothing()
        processes.given(PROCESS, *self.ON_THE_WAY).when(granted("mug")).then_nothing()
        processes.given(PROCESS, *self.ON_THE_WAY, PAID).when(AbandonFulfilment()).then_nothing()


def has_ended(*history: FulfilmentEvent) -> bool:
    state = FULFILMENT.decider.fold(FULFILMENT.decider.initial, history)
    assert isinstance(state, Fulfilment)
    return state.is_ended


def test_events_of_other_streams_find_their_process() -> None:
    assert {"o-1"} == {PROCESS.entity_id(each) for each in (PLACED, granted("mug"), EXPIRED)}
    assert "fulfilment-o-1" == PROCESS.aggregate.stream_id("o-1")
    assert STARTED.issued == PROCESS.issued(STARTED)
