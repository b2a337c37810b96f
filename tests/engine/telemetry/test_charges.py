"""What a piece of work has cost is counted for it alone."""

import asyncio

from engine.telemetry.charges import add, counted


async def cost(units: float) -> None:
    await asyncio.sleep(0)
    add(units)


async def test_work_at_the_same_time_is_told_apart() -> None:
    async def work(units: float) -> float:
        with counted() as charge:
            for _ in range(3):
                await cost(units)
        return charge.units

    assert [3.0, 6.0, 0.0] == list(await asyncio.gather(work(1), work(2), work(0)))


async def test_a_task_that_is_begun_in_it_belongs_to_it_and_whoever_waits_for_it_does_not_pay() -> None:
    with counted() as charge:
        begun = asyncio.create_task(cost(2.5))
    with counted() as of_another:
        await begun
    assert (2.5, 0.0) == (charge.units, of_another.units)


async def test_where_nobody_counts_nothing_is_kept() -> None:
    await cost(1)
    with counted() as charge:
        await cost(2)
    await cost(4)
    assert 2.0 == charge.units
