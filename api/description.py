"""The description of the REST interface is made of what stands beside the operations of its handlers, and of this."""

from pathlib import Path
from typing import Final

from api.bodies import MoneyBody
from api.dashboard.files import DashboardFiles
from api.dashboard.functions import DashboardFunctions
from api.orders import OrderFunctions
from api.payments import PaymentFunctions
from api.stock import StockFunctions
from domain.money import Money
from engine.triggers.operations import Description

DESCRIPTION: Final = Description(
    title="Orders",
    text=(
        "Commands append events to streams; queries answer from views of them. Every error is a problem (RFC 9457).\n\n"
        "A command that is sent again with its `Idempotency-Key` takes effect once, and gets its first answer again. "
        "The version that it answers, as `minVersion` of a query, shows its effect."
    ),
    parts=(OrderFunctions, PaymentFunctions, StockFunctions, DashboardFiles, DashboardFunctions),
    shown_as={Money: MoneyBody},
    examples=Path(__file__).with_name("examples.json"),
)
