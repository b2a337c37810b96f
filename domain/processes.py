"""Every process of this service."""

from typing import Any

from domain.fulfilment.reactions import fulfilment
from domain.process import Process


def processes(payment_deadline_seconds: int) -> tuple[Process[Any, Any, Any], ...]:
    """With what the settings say of their time."""
    return (fulfilment(payment_deadline_seconds),)
