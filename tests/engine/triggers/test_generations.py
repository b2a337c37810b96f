"""Queries answer from the generation that serves, and a page from the one that its first page came from."""

import base64
from datetime import timedelta
from functools import partial

import pytest

from engine.projecting.generations.known import KEPT_FOR
from engine.projecting.generations.port import Build, Generations
from engine.projecting.query import ReadModel
from engine.services import Services
from engine.triggers.http import HttpFunctions
from tests.engine.projecting.changing import LOUD, NAME, READ_MODEL
from tests.engine.toy.interface import _to_json
from tests.engine.toy.read_models.house_guests import BY_HOUSE, HOUSE_GUESTS
from tests.engine.triggers.door import Answered, Door, ask


class Changed:
    """Three guests were invited, and both generations know."""

    def __init__(self, *read_models: ReadModel) -> None:
        self.door = Door()

        async def services() -> Services:
            return self.door.world.services

        functions = HttpFunctions(services, read_models, _to_json, {}, trust_easyauth=False)
        self.guests = partial(functions.query, NAME)

    async def invite(self) -> None:
        for number in range(3):
            await self.door.invited(f"k-{number}")
            await self.door.world.pause(1)
        for projection in (HOUSE_GUESTS, LOUD):
            await self.door.world.services.projector.run(projection, self.door.world.store.commits().items)

    async def now(self, generations: Generations) -> None:
        """The hosts know it too."""
        store = self.door.world.services.generations.store
        stored = await store.get(NAME)
        await store.put(NAME, generations, None if stored is None else stored.etag)
        self.door.world.now += timedelta(seconds=KEPT_FOR)

    async def page(self, continuation: str | None = None) -> Answered:
        params = {"limit": "2"} if continuation is None else {"limit": "2", "continuation": continuation}
        return await ask(self.guests, houseId="hill", params=params)


@pytest.fixture
async def changed() -> Changed:
    changed = Changed(READ_MODEL)
    await changed.invite()
    return changed


def loud(answered: Answered) -> list[bool]:
    assert answered.status == 200, answered
    return [each["guestId"] == each["guestId"].upper() for each in answered.body["guests"]]


async def test_a_page_that_was_begun_before_the_flip_goes_on_after_it(changed: Changed) -> None:
    first = await changed.page()
    await changed.now(Generations(2, (1, 2)))
    rest, anew = await changed.page(first.body["continuation"]), await changed.page()
    assert ([False] * 2, [False], [True] * 2) == (loud(first), loud(rest), loud(anew))
    assert [True] == loud(await changed.page(anew.body["continuation"]))
    await changed.now(Generations(1, (1, 2)))
    assert [True] == loud(await changed.page(anew.body["continuation"]))


async def test_a_host_that_does_not_know_of_the_flip_yet_goes_on_with_pages_of_one_that_does(changed: Changed) -> None:
    await changed.now(Generations(2, (1, 2)))
    continuation = (await changed.page()).body["continuation"]
    await changed.now(Generations(1, (1, 2)))
    assert [True] == loud(await changed.page(continuation))


async def test_pages_of_a_generation_that_is_gone_begin_anew(changed: Changed) -> None:
    continuation = (await changed.page()).body["continuation"]
    await changed.now(Generations(2, (2,)))
    gone = await changed.page(continuation)
    assert (400, "continuation is one of pages that are gone: begin with the first page.") == (
        gone.status, gone.body["detail"]
    )  # fmt: skip


async def test_a_generation_that_is_not_whole_is_shown_to_nobody(changed: Changed) -> None:
    continuation = (await changed.page()).body["continuation"]
    of_the_new_one = base64.urlsafe_b64encode(b"2" + base64.urlsafe_b64decode(continuation)[1:]).decode()
    await changed.now(Generations(1, (1, 2), build=Build(2, "b", ())))
    assert 400 == (await changed.page(of_the_new_one)).status
    await changed.now(Generations(1, (1, 2)))
    assert all(loud(await changed.page(of_the_new_one)))


async def test_a_build_that_lacks_what_is_asked_for_answers_503() -> None:
    changed = Changed(ReadModel((HOUSE_GUESTS,), (BY_HOUSE,)))
    await changed.invite()
    continuation = (await changed.page()).body["continuation"]
    await changed.now(Generations(1, (1, 2)))
    assert [False] == loud(await changed.page(continuation))
    await changed.now(Generations(2, (1, 2)))
    lacking = await changed.page()
    assert (503, "10") == (lacking.status, lacking.headers["Retry-After"])


async def test_a_query_begins_nothing(changed: Changed) -> None:
    assert [False] * 2 == loud(await changed.page())
    assert await changed.door.world.services.generations.store.get(NAME) is None


async def test_hosts_follow_a_flip_within_seconds(changed: Changed) -> None:
    await changed.now(Generations(1, (1,)))
    assert [False] * 2 == loud(await changed.page())
    await changed.now(Generations(2, (1, 2)))
    changed.door.world.now -= timedelta(seconds=0.5)
    assert [False] * 2 == loud(await changed.page())
    changed.door.world.now += timedelta(seconds=0.5)
    assert [True] * 2 == loud(await changed.page())
