"""What the process of an order does about what happened."""

from typing import Any, ClassVar, get_args

import pytest

from domain.fulfilment.commands import AbandonFulfilment
from domain.fulfilment.events import (
    CancellationFollowed,
    ConfirmationCompleted,
    DispatchCompleted,
    DispatchStarted,
    FactRemembered,
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
from domain.fulfilment.facts import STRONGEST_FIRST, EarlyFact
from domain.fulfilment.reactions import ABANDONED_AFTER, FulfilmentInput, fulfilment
from domain.fulfilment.state import Fulfilment, NotStarted
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


def remembered(*facts: EarlyFact) -> tuple[FactRemembered, ...]:
    return tuple(FactRemembered("o-1", fact, ()) for fact in facts)


def dispatch(sku: str) -> Issued[DispatchStock]:
    return Issued("stock", sku, DispatchStock(sku, "o-1"))


EARLY: tuple[EarlyFact, ...] = (
    CONFIRMED, SHIPPED, CANCELLED, granted("mug"), refused("mug"), StockReleased("mug", "o-1", 4),
    StockDispatched("mug", "o-1", 4), PAID, DECLINED, EXPIRED, REFUNDED,
)  # fmt: skip


class TestBeforeThePlacement:
    def test_any_fact_but_the_placement_may_come(self) -> None:
        assert set(get_args(EarlyFact)) == {type(each) for each in EARLY} == set(STRONGEST_FIRST)
        assert {OrderPlaced, *get_args(EarlyFact)} == set(get_args(PROCESS.inputs))

    @pytest.mark.parametrize("fact", EARLY, ids=lambda each: type(each).__name__)
    def test_every_fact_is_remembered_once(self, fact: EarlyFact) -> None:
        given(FULFILMENT).when(fact).then(*remembered(fact))
        given(FULFILMENT, *remembered(fact)).when(fact).then_nothing()

    def test_the_end_of_its_time_means_nothing_to_what_has_not_started(self) -> None:
        given(FULFILMENT).when(AbandonFulfilment()).then_nothing()

    def test_an_order_that_was_cancelled_meanwhile_is_started_without_commands_and_has_ended(self) -> None:
        late = (FulfilmentStarted("o-1", TOTAL, ()), CancellationFollowed("o-1", ()))
        given(FULFILMENT, *remembered(CANCELLED)).when(PLACED).then(*late)
        given(FULFILMENT, *remembered(CONFIRMED, CANCELLED)).when(PLACED).then(*late)
        assert has_ended(*remembered(CANCELLED), *late)
        for input_ in (PLACED, CANCELLED, AbandonFulfilment()):
            given(FULFILMENT, *remembered(CANCELLED), *late).when(input_).then_nothing()

    def test_money_for_a_cancelled_order_goes_back_when_it_starts(self) -> None:
        for early in ((PAID, CANCELLED), (CANCELLED, PAID), (EXPIRED, PAID, CANCELLED), (PAID, CANCELLED, EXPIRED)):
            history = (*remembered(*early), *started_late(*early))
            assert FulfilmentStarted("o-1", TOTAL, ()) == history[len(early)]
            assert [REFUND] == issued_by(*history)
            assert not has_ended(*history)
            assert has_ended(*history, RefundCompleted("o-1", ()))

    def test_what_went_back_already_is_not_asked_for_again(self) -> None:
        for early in ((PAID, REFUNDED, CANCELLED), (REFUNDED, CANCELLED, PAID)):
            history = (*remembered(*early), *started_late(*early))
            assert [] == issued_by(*history)
            assert has_ended(*history)

    def test_a_shipped_order_is_dispatched(self) -> None:
        started, shipped = FulfilmentStarted("o-1", TOTAL, ()), DispatchStarted("o-1", ())
        given(FULFILMENT, *remembered(SHIPPED)).when(PLACED).then(started, shipped)
        given(FULFILMENT, *remembered(granted("mug"), CONFIRMED, SHIPPED)).when(PLACED).then(
            started, shipped, ReservationGranted("o-1", "mug", (dispatch("mug"),))
        )

    def test_only_what_the_stock_has_said_nothing_about_is_reserved(self) -> None:
        rest = FulfilmentStarted("o-1", TOTAL, (RESERVE_CUP, WAKE_UP))
        mugs = ReservationGranted("o-1", "mug", ())
        given(FULFILMENT, *remembered(granted("mug"))).when(PLACED).then(rest, mugs)
        given(FULFILMENT, rest, mugs).when(granted("cup")).then(RESERVED[2])
        given(FULFILMENT, *remembered(refused("mug"))).when(PLACED).then(
            rest, ReservationRefused("o-1", "mug", (cancel("Out of stock: mug."),))
        )

    def test_what_is_paid_already_is_confirmed_when_all_is_reserved(self) -> None:
        started = (STARTED, PaymentArrived("o-1", ()))
        given(FULFILMENT, *remembered(DECLINED, PAID)).when(PLACED).then(*started)
        history: list[FulfilmentEvent] = [*remembered(DECLINED, PAID), *started, ReservationGranted("o-1", "mug", ())]
        given(FULFILMENT, *history).when(granted("cup")).then(ReservationGranted("o-1", "cup", (CONFIRM,)))

    @pytest.mark.parametrize(
        ("failure", "reason"),
        [(DECLINED, "The payment was declined: no funds"), (EXPIRED, "The payment did not arrive in time.")],
    )
    def test_a_payment_that_failed_cancels_the_order(self, failure: EarlyFact, reason: str) -> None:
        failed = PaymentFailed("o-1", (cancel(reason),))
        given(FULFILMENT, *remembered(failure)).when(PLACED).then(STARTED, failed)

    def test_repetitions_take_no_more_memory(self) -> None:
        decider, state = FULFILMENT.decider, FULFILMENT.decider.initial
        for fact in EARLY * 3:
            state = decider.fold(state, decider.decide(fact, state))
        assert NotStarted(EARLY) == state


class TestStrongerFacts:
    """Facts of one stream overtake each other too."""

    def test_a_shipment_stands_for_the_confirmation(self) -> None:
        given(FULFILMENT, *PAYED).when(SHIPPED).then(SENT[-1])
        sent = (*PAYED, SENT[-1])
        given(FULFILMENT, *sent).when(CONFIRMED).then_nothing()
        assert has_ended(*sent, DispatchCompleted("o-1", "cup", ()), DispatchCompleted("o-1", "mug", ()))

    def test_a_cancellation_stands_for_the_confirmation(self) -> None:
        followed = CancellationFollowed("o-1", (RELEASE_CUP, RELEASE_MUGS, REFUND))
        given(FULFILMENT, *PAYED).when(CANCELLED).then(followed)
        given(FULFILMENT, *PAYED, followed).when(CONFIRMED).then_nothing()

    def test_money_that_arrived_stands_for_the_failure_before(self) -> None:
        for failure in (DECLINED, EXPIRED):
            given(FULFILMENT, *PAYED).when(failure).then_nothing()

    def test_a_refund_stands_for_the_money_that_arrived(self) -> None:
        given(FULFILMENT, *RESERVED).when(REFUNDED).then(RefundCompleted("o-1", ()))
        given(FULFILMENT, *RESERVED, RefundCompleted("o-1", ())).when(PAID).then_nothing()

    def test_what_has_left_the_stock_stands_for_its_reservation(self) -> None:
        for left, completed in (
            (StockReleased("mug", "o-1", 4), ReleaseCompleted("o-1", "mug", ())),
            (StockDispatched("mug", "o-1", 4), DispatchCompleted("o-1", "mug", ())),
        ):
            given(FULFILMENT, STARTED).when(left).then(completed)
            given(FULFILMENT, STARTED, completed).when(granted("mug")).then_nothing()

    def test_a_confirmation_that_is_known_is_not_asked_for(self) -> None:
        confirmed = ConfirmationCompleted("o-1", ())
        given(FULFILMENT, STARTED).when(CONFIRMED).then(confirmed)
        given(FULFILMENT, *RESERVED[:2], confirmed).when(granted("cup")).then(ReservationGranted("o-1", "cup", ()))
        given(FULFILMENT, *RESERVED, confirmed).when(PAID).then(PaymentArrived("o-1", ()))

    def test_what_is_reserved_for_a_shipped_order_is_dispatched_when_it_is_heard_of(self) -> None:
        history = (*RESERVED[:2], DispatchStarted("o-1", (dispatch("mug"),)))
        given(FULFILMENT, *RESERVED[:2]).when(SHIPPED).then(history[-1])
        given(FULFILMENT, *history).when(granted("cup")).then(ReservationGranted("o-1", "cup", (dispatch("cup"),)))

    def test_a_shipped_order_is_not_taken_back(self) -> None:
        given(FULFILMENT, STARTED, DispatchStarted("o-1", ())).when(EXPIRED).then(PaymentFailed("o-1", ()))


class TestRepetitions:
    @pytest.mark.parametrize(
        ("history", "trigger"),
        [
            ((STARTED,), PLACED),
            ((STARTED,), granted("plate")),
            (RESERVED, granted("mug")),
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


def started_late(*early: EarlyFact) -> tuple[FulfilmentEvent, ...]:
    """What follows from the placement after these facts."""
    decider = FULFILMENT.decider
    return decider.decide(PLACED, decider.fold(decider.initial, remembered(*early)))


def issued_by(*history: FulfilmentEvent) -> list[Issued[Any]]:
    return [issued for event in history for issued in event.issued]


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
