"""What the bench of the dashboard says of a page: each order is seen when the page counts it, and once."""

from bench.dashboard import Sightings


async def test_an_order_is_seen_when_the_page_shows_as_many() -> None:
    sightings = Sightings(sent=[1.0, 2.0, 3.0])
    sightings.count(1, at=1.5)
    sightings.count(1, at=2.5)
    sightings.count(3, at=4.0)
    await sightings.until(3)
    assert [0.5, 2.0, 1.0] == sightings.seconds(0)
    assert [1.0] == sightings.seconds(2)
