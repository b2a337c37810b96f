"""Every read model of this service."""

from typing import Any, Final

from projections.projection import Projection
from projections.views.order_details import ORDER_DETAILS
from projections.views.order_history import ORDER_HISTORY
from projections.views.payment_status import PAYMENT_STATUS
from projections.views.stock_levels import STOCK_LEVELS

PROJECTIONS: Final[tuple[Projection[Any], ...]] = (ORDER_DETAILS, ORDER_HISTORY, PAYMENT_STATUS, STOCK_LEVELS)
