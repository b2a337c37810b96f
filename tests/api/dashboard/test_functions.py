"""What is asked for by a name that no data have."""

from tests.api.dashboard.asking import asked
from tests.outside.world import World


async def test_data_that_there_are_not_are_answered_with_what_there_is() -> None:
    status, problem = await asked(World(), "live")
    assert (404, "The dashboard has no such data. Ask for overview, order, state, search, waiting or payload.") == (
        status,
        problem["detail"],
    )
