"""However the feed delivers what happened to orders, payments and stock: the same views."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from composition.domain import READ_MODELS
from domain.order.aggregate import ORDER
from domain.payment.aggregate import PAYMENT
from domain.registry import AGGREGATES
from domain.stock.aggregate import STOCK
from engine.assembly import Domain
from projections.order_details import ORDER_DETAILS
from projections.order_history import ORDER_HISTORY
from projections.payment_status import PAYMENT_STATUS
from projections.sales import SALES
from projections.stock_levels import STOCK_LEVELS
from tests.domain.histories import COMMANDS
from tests.engine.histories import history_of
from tests.engine.projecting.feeding import views_of_both
from tests.registered import PROJECTIONS


@settings(deadline=None)
@given(data=st.data(), seed=st.integers(0, 2**32))
async def test_our_views_do_not_depend_on_how_the_feed_delivers(data: st.DataObject, seed: int) -> None:
    """Any cut into batches, any order within a transaction, any repetition: the same views."""
    histories = {
        stream_id: history_of(aggregate, data.draw(st.lists(COMMANDS[aggregate.category], max_size=12)))
        for aggregate, stream_id in ((ORDER, "order-o-1"), (PAYMENT, "payment-o-1"), (STOCK, "stock-mug"))
    }
    plain, hostile = await views_of_both(Domain(AGGREGATES), PROJECTIONS, histories, random.Random(seed))
    assert plain == hostile


def test_every_read_model_is_known_by_its_own_consumer_name() -> None:
    assert ["order-details@1", "order-history@1", "payment-status@1", "sales@2", "stock-levels@1"] == [
        projection.consumer for each in READ_MODELS for projection in each.projections
    ]
    assert [(ORDER_DETAILS,), (ORDER_HISTORY,), (PAYMENT_STATUS,), (SALES,), (STOCK_LEVELS,)] == [
        each.projections for each in READ_MODELS
    ]
