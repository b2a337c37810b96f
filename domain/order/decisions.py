"""The rules of an order. A command that is already satisfied yields no event."""

from typing import assert_never

from domain.money import LARGEST_AMOUNT
from domain.order.commands import CancelOrder, ConfirmOrder, OrderCommand, PlaceOrder, ShipOrder
from domain.order.events import OrderCancelled, OrderConfirmed, OrderEvent, OrderPlaced, OrderShipped
from domain.order.state import Cancelled, Confirmed, NotPlaced, OrderState, Placed, Shipped
from engine.deciding.decider import DomainError, NotFound


class OrderNotFound(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no such order.")


class OrderAlreadyPlaced(DomainError):
    def __init__(self) -> None:
        super().__init__("An order with this id has already been placed.")


class InvalidOrder(DomainError):
    """The lines of the order do not make an order: mend them as the message says, under another Idempotency-Key."""


class OrderNotConfirmed(DomainError):
    """An order ships once its status is `confirmed`: ask for it, and ship it then."""

    def __init__(self) -> None:
        super().__init__(
            "The order is not confirmed yet: it ships after its stock is reserved and its payment arrived."
        )


class OrderAlreadyShipped(DomainError):
    """Nothing can be changed any more: the goods are on their way."""

    def __init__(self) -> None:
        super().__init__("The order has already been shipped.")


class OrderIsCancelled(DomainError):
    """Its goods stay here: whoever still wants them places another order."""

    def __init__(self) -> None:
        super().__init__("The order has been cancelled.")


def decide(command: OrderCommand, state: OrderState) -> tuple[OrderEvent, ...]:
    match command:
        case PlaceOrder():
            return _place(command, state)
        case ConfirmOrder():
            return _confirm(state)
        case ShipOrder():
            return _ship(command, state)
        case CancelOrder():
            return _cancel(command, state)
        case _:
            assert_never(command)


def _place(command: PlaceOrder, state: OrderState) -> tuple[OrderEvent, ...]:
    if not isinstance(state, NotPlaced):
        raise OrderAlreadyPlaced
    if not command.lines:
        raise InvalidOrder("An order has at least one line.")
    if any(line.quantity < 1 or line.unit_price.amount < 0 for line in command.lines):
        raise InvalidOrder("Every line orders at least one unit, at a price of zero or more.")
    if len({line.unit_price.currency for line in command.lines}) > 1:
        raise InvalidOrder("All lines of an order have the same currency.")
    if sum(line.quantity * line.unit_price.amount for line in command.lines) > LARGEST_AMOUNT:
        raise InvalidOrder(f"The total of an order is at most {LARGEST_AMOUNT} minor units.")
    return (OrderPlaced(command.order_id, command.customer_id, command.lines),)


def _confirm(state: OrderState) -> tuple[OrderEvent, ...]:
    match state:
        case NotPlaced():
            raise OrderNotFound
        case Placed():
            return (OrderConfirmed(state.order_id, state.customer_id),)
        case Confirmed() | Shipped() | Cancelled():
            return ()
        case _:
            assert_never(state)


def _ship(command: ShipOrder, state: OrderState) -> tuple[OrderEvent, ...]:
    match state:
        case NotPlaced():
            raise OrderNotFound
        case Placed():
            raise OrderNotConfirmed
        case Confirmed():
            return (OrderShipped(state.order_id, state.customer_id, command.carrier, command.tracking_number),)
        case Shipped():
            if (state.carrier, state.tracking_number) == (command.carrier, command.tracking_number):
                return ()
            raise OrderAlreadyShipped
        case Cancelled():
            raise OrderIsCancelled
        case _:
            assert_never(state)


def _cancel(command: CancelOrder, state: OrderState) -> tuple[OrderEvent, ...]:
    match state:
        case NotPlaced():
            raise OrderNotFound
        case Placed() | Confirmed():
            return (OrderCancelled(state.order_id, state.customer_id, command.reason),)
        case Shipped():
            raise OrderAlreadyShipped
        case Cancelled():
            return ()
        case _:
            assert_never(state)
