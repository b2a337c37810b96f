"""The edge that every service has, on the interface of the toy domain."""

import base64
from typing import Any

import pytest
from msgspec.structs import replace

from engine.errors import Unavailable
from engine.messaging.topology import COMMAND_QUEUE
from engine.storing.events import StoredEvent
from engine.storing.port import Head
from engine.triggers.http_requests import MAX_BODY_BYTES
from tests.engine.contexts import TRACE, context
from tests.engine.houses import HOUSE_STREAM, filled_with_beds
from tests.engine.toy.house import AddBeds
from tests.engine.toy.registry import HOUSE
from tests.engine.triggers.door import INVITATION, Answered, Door, ask


@pytest.fixture
def door() -> Door:
    return Door()


class TestCommands:
    async def test_a_command_is_carried_out(self, door: Door) -> None:
        answered = await ask(door.invite, INVITATION)
        assert (201, '"1"', 1) == (answered.status, answered.headers["ETag"], answered.body["version"])
        (invited,) = await door.world.store.read(f"guest-{answered.body['guestId']}")
        assert ("GuestInvited", "anonymous") == (invited.type, invited.metadata.actor)

    async def test_one_that_is_sent_again_has_one_effect_and_its_first_answer(self, door: Door) -> None:
        headers = {"Idempotency-Key": "k-1"}
        first, again = [await ask(door.invite, INVITATION, headers=headers) for _ in range(2)]
        assert first == again
        assert 1 == len(door.world.store.commits().items)

    async def test_without_a_key_every_request_is_another_command(self, door: Door) -> None:
        assert await ask(door.invite, INVITATION) != await ask(door.invite, INVITATION)

    async def test_a_key_with_another_body_is_refused(self, door: Door) -> None:
        await door.invited("k-1")
        other = await ask(door.invite, {**INVITATION, "houseId": "mill"}, headers={"Idempotency-Key": "k-1"})
        assert (422, "urn:problem-type:idempotency-key-reused") == (other.status, other.body["type"])

    async def test_a_key_belongs_to_its_caller_where_callers_are_vouched_for(self) -> None:
        door = Door(trust_easyauth=True)
        headers = {"Idempotency-Key": "k"}
        ada, bob = [
            await ask(door.invite, INVITATION, headers={**headers, "x-ms-client-principal-id": each})
            for each in ("ada", "bob")
        ]
        assert ada.body["guestId"] != bob.body["guestId"]

    async def test_if_match_insists_on_a_version(self, door: Door) -> None:
        guest_id = await door.invited()
        stale, fresh = [
            await ask(door.dismiss, {"reason": "no"}, headers={"If-Match": each}, guestId=guest_id)
            for each in ('"7"', '"1"')
        ]
        assert (412, 200) == (stale.status, fresh.status)
        malformed = await ask(door.dismiss, {"reason": "no"}, headers={"If-Match": "1"}, guestId=guest_id)
        assert 400 == malformed.status

    async def test_a_refusal_is_a_problem_of_its_own_kind(self, door: Door) -> None:
        refused = await ask(door.dismiss, {"reason": "no"}, guestId="g-1")
        assert {
            "type": "urn:problem-type:not-found",
            "title": "Not found",
            "status": 404,
            "detail": "There is no such guest.",
        } == refused.body

    async def test_the_trace_of_the_caller_is_kept_and_a_malformed_one_replaced(self, door: Door) -> None:
        for header in (TRACE, "not a trace"):
            await ask(door.invite, INVITATION, headers={"traceparent": header})
        kept, begun = [item["metadata"]["traceparent"] for item in door.world.store.commits().items]
        assert TRACE == kept
        assert (55, False) == (len(begun), begun == "not a trace")

    async def test_a_store_that_is_away_is_a_503_and_the_same_request_takes_effect_once(
        self, door: Door, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:

            async def away(*_: object) -> None:
                raise Unavailable("away", retry_after=3)

            patched.setattr(door.world.store, "append", away)
            answered = await ask(door.invite, INVITATION, headers={"Idempotency-Key": "k-1"})
        assert (503, "3") == (answered.status, answered.headers["Retry-After"])
        await door.invited("k-1")
        assert 1 == len(door.world.store.commits().items)

    async def test_a_defect_is_a_500_that_gives_nothing_away(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        async def broken(*_: object) -> None:
            raise ValueError("a secret")

        monkeypatch.setattr(door.world.store, "append", broken)
        answered = await ask(door.invite, INVITATION)
        assert 500 == answered.status
        assert "secret" not in str(answered.body)


class TestMalformedCommands:
    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 30_000, b'{"houseId": NaN}', b'{"houseId":"a","houseId":"b"}',
         {}, {**INVITATION, "more": 1}, {**INVITATION, "houseId": "a/b"}, {**INVITATION, "houseId": 5},
         {**INVITATION, "wishes": [{"what": "a window", "count": 0}]}],
        ids=lambda body: repr(body)[:40],
    )  # fmt: skip
    async def test_a_body_of_another_shape_is_a_problem_and_leaves_nothing(self, door: Door, body: Any) -> None:
        refused = await ask(door.invite, body)
        assert (400, 400) == (refused.status, refused.body["status"])
        assert 0 == door.world.store.commits().position

    async def test_what_is_wrong_is_pointed_at(self, door: Door) -> None:
        refused = await ask(door.invite, {**INVITATION, "wishes": [{"what": "a window", "count": 0}]})
        assert ["/wishes/0/count"] == [each["pointer"] for each in refused.body["errors"]]

    async def test_a_body_that_is_too_large_or_does_not_arrive_is_told(self, door: Door) -> None:
        large = await ask(door.invite, b'"' + b"x" * MAX_BODY_BYTES + b'"')
        chunked = await ask(door.invite, b"", headers={"Transfer-Encoding": "chunked"})
        assert (413, 411) == (large.status, chunked.status)

    @pytest.mark.parametrize("key", ["", "x" * 101, "ü", "a\nb"])
    async def test_a_key_is_printable_and_short(self, door: Door, key: str) -> None:
        assert 400 == (await ask(door.invite, INVITATION, headers={"Idempotency-Key": key})).status

    async def test_an_id_in_the_path_has_few_characters(self, door: Door) -> None:
        assert 400 == (await ask(door.dismiss, {"reason": "no"}, guestId="a/b")).status


class TestLater:
    async def accepted(self, door: Door, prefer: str = "respond-async") -> Answered:
        return await ask(door.invite, INVITATION, headers={"Idempotency-Key": "k-1", "Prefer": prefer})

    async def test_a_client_that_prefers_that_asks_later_what_became_of_its_command(self, door: Door) -> None:
        accepted = await self.accepted(door)
        command_id = accepted.body["commandId"]
        assert (202, {"commandId": command_id, "status": "pending"}) == (accepted.status, accepted.body)
        assert f"/api/commands/{command_id}" == accepted.headers["Location"]
        assert "respond-async" == accepted.headers["Preference-Applied"]
        assert {"status": "pending"} == (await ask(door.get_command, commandId=command_id)).body
        await door.world.deliver(COMMAND_QUEUE)
        done = (await ask(door.get_command, commandId=command_id)).body
        assert ("done", 1) == (done["status"], done["version"])
        guest_id = done["stream"].removeprefix("guest-")
        assert f"/api/guests/{guest_id}" == (await ask(door.get_command, commandId=command_id)).headers["Location"]
        assert "done" == (await self.accepted(door)).body["status"]

    async def test_a_refusal_holds_the_problem_of_an_answer_at_once(self, door: Door) -> None:
        later = await ask(door.dismiss, {"reason": "no"}, headers={"Prefer": "respond-async"}, guestId="g-1")
        await door.world.deliver(COMMAND_QUEUE)
        outcome = await ask(door.get_command, commandId=later.body["commandId"])
        now = await ask(door.dismiss, {"reason": "no"}, guestId="g-1")
        assert {"status": "refused", "problem": now.body} == outcome.body

    async def test_other_preferences_are_ignored(self, door: Door) -> None:
        assert 201 == (await self.accepted(door, "return=minimal")).status

    async def test_an_unknown_command_is_not_found(self, door: Door) -> None:
        assert 404 == (await ask(door.get_command, commandId="6f1f3f0e-2f59-5f0a-9a3e-7a1f2f0c8d11")).status
        assert 400 == (await ask(door.get_command, commandId="a/b")).status


class TestViewsOfStreams:
    async def test_a_view_is_the_same_before_and_after_it_has_caught_up(self, door: Door) -> None:
        guest_id = await door.invited()
        before = await ask(door.guest, guestId=guest_id)
        await door.feed()
        assert before == await ask(door.guest, guestId=guest_id)
        assert (200, '"1"') == (before.status, before.headers["ETag"])
        assert {
            "guestId": guest_id,
            "houseId": "hill",
            "status": "invited",
            "wishes": INVITATION["wishes"],
            "invitedAt": "2026-11-23T12:00:00Z",
            "arrivedAt": None,
            "dismissal": None,
            "version": 1,
        } == before.body

    async def test_min_version_reads_your_writes(self, door: Door) -> None:
        guest_id = await door.invited()
        await door.feed()
        await ask(door.dismiss, {"reason": "no"}, guestId=guest_id)
        stale = await ask(door.guest, guestId=guest_id)
        fresh = await ask(door.guest, guestId=guest_id, params={"minVersion": "2"})
        ahead = await ask(door.guest, guestId=guest_id, params={"minVersion": "3"})
        assert ("invited", "dismissed", 412) == (stale.body["status"], fresh.body["status"], ahead.status)

    @pytest.mark.parametrize(("tag", "status"), [('"1"', 304), ('W/"1"', 304), ("*", 304), ('"2"', 200), ("", 200)])
    async def test_a_client_that_has_the_view_is_not_sent_it_again(self, door: Door, tag: str, status: int) -> None:
        guest_id = await door.invited()
        answered = await ask(door.guest, guestId=guest_id, headers={"If-None-Match": tag})
        assert (status, '"1"') == (answered.status, answered.headers["ETag"])
        assert (answered.body is None) is (status == 304)

    async def test_a_view_is_seen_as_it_was(self, door: Door) -> None:
        guest_id = await door.invited()
        await door.world.pause(60)
        await ask(door.dismiss, {"reason": "no"}, guestId=guest_id)

        async def seen(**params: str) -> tuple[int, Any]:
            answered = await ask(door.guest, guestId=guest_id, params=params)
            return answered.status, answered.body["status"]

        assert (200, "invited") == await seen(atVersion="1")
        assert (200, "dismissed") == await seen(atVersion="2")
        assert (404, 404) == await seen(atVersion="3")
        assert (200, "invited") == await seen(asOf="2026-11-23T12:00:59Z")
        assert (200, "dismissed") == await seen(asOf="2026-11-23T12:01:00Z")
        assert (404, 404) == await seen(asOf="1999-01-01T00:00:00Z")
        assert (400, 400) == await seen(asOf="yesterday")
        assert (400, 400) == await seen(atVersion="1", minVersion="1")

    async def test_a_view_that_is_not_seen_at_moments_takes_no_moment(self, door: Door) -> None:
        for count in (3, 4):
            await door.world.commands.handle(HOUSE, context(f"k-{count}").to("house-hill", AddBeds("hill", count)))
        answered = await ask(door.beds, houseId="hill", params={"atVersion": "1"})
        assert {"houseId": "hill", "beds": 7, "taken": 0, "free": 7, "version": 2} == answered.body

    async def test_what_never_was_is_not_found(self, door: Door) -> None:
        for missing in (await ask(door.guest, guestId="g-9"), await ask(door.events, guestId="g-9")):
            assert (404, "urn:problem-type:not-found") == (missing.status, missing.body["type"])

    async def test_what_is_not_there_is_named(self, door: Door) -> None:
        missing = await ask(door.beds, houseId="mill")
        assert (404, "This house has never had a bed.") == (missing.status, missing.body["detail"])

    async def test_a_misspelt_parameter_is_named(self, door: Door) -> None:
        guest_id = await door.invited()
        misspelt = await ask(door.guest, guestId=guest_id, params={"minversion": "1"})
        assert (400, True) == (misspelt.status, "did you mean minVersion?" in misspelt.body["detail"])
        assert 200 == (await ask(door.guest, guestId=guest_id, params={"code": "x"})).status

    async def test_the_events_of_a_stream_are_its_story(self, door: Door) -> None:
        guest_id = await door.invited()
        await ask(door.dismiss, {"reason": "Käfer 漢字 \u2028"}, guestId=guest_id)
        story = await ask(door.events, guestId=guest_id)
        assert (f"guest-{guest_id}", '"2"') == (story.body["stream"], story.headers["ETag"])
        assert [(1, "GuestInvited"), (2, "GuestDismissed")] == [
            (each["version"], each["type"]) for each in story.body["events"]
        ]
        assert "Käfer 漢字 \u2028" == story.body["events"][1]["data"]["reason"]


class TestPagesOfEvents:
    async def all_pages(self, door: Door, streams: str, **params: str) -> list[Answered]:
        """Every page, as a client reads them that follows the continuations."""
        pages = [await ask(door.events_of, params=params, streams=streams)]
        while "continuation" in pages[-1].body:
            again = {**params, "continuation": pages[-1].body["continuation"]}
            pages.append(await ask(door.events_of, params=again, streams=streams))
        return pages

    async def test_a_page_says_whether_there_are_more(self, door: Door) -> None:
        await filled_with_beds(door.world.store, 250)
        pages = await self.all_pages(door, HOUSE_STREAM)
        assert [100, 100, 50] == [len(page.body["events"]) for page in pages]
        assert list(range(1, 251)) == [event["version"] for page in pages for event in page.body["events"]]
        assert {HOUSE_STREAM} == {page.body["stream"] for page in pages}

    async def test_the_version_of_the_stream_is_known_with_its_last_event(self, door: Door) -> None:
        await filled_with_beds(door.world.store, 200)
        pages = await self.all_pages(door, HOUSE_STREAM)
        assert [None, '"200"'] == [page.headers.get("ETag") for page in pages]

    async def test_the_client_chooses_how_many_it_gets_within_a_limit(self, door: Door) -> None:
        await filled_with_beds(door.world.store, 501)
        assert [500, 1] == [len(page.body["events"]) for page in await self.all_pages(door, HOUSE_STREAM, limit="500")]
        for limit in ("501", "0", "x"):
            assert 400 == (await ask(door.events_of, params={"limit": limit}, streams=HOUSE_STREAM)).status

    async def test_a_page_of_large_events_has_few(self, door: Door) -> None:
        guest_id = await door.invited()
        reason = "x" * 190_000
        store = door.world.store
        (invited,) = await store.read(f"guest-{guest_id}")
        event = StoredEvent(
            invited.stream_id, 2, "GuestDismissed", 1, "k/0",
            {"guestId": guest_id, "houseId": "hill", "reason": reason}, invited.metadata,
        )  # fmt: skip
        for version in range(2, 14):
            head = Head(version - 1, invited.metadata.event_id)
            await store.append(invited.stream_id, head, [replace(event, version=version, command_key=f"k-{version}/0")])
        pages = await self.all_pages(door, invited.stream_id)
        assert [7, 6] == [len(page.body["events"]) for page in pages]
        assert list(range(1, 14)) == [each["version"] for page in pages for each in page.body["events"]]

    async def test_a_story_is_told_in_pages_by_time(self, door: Door) -> None:
        guest_ids = []
        for number in range(3):
            guest_ids.append(await door.invited(f"k-{number}"))
            await door.world.pause(60)
        for guest_id in guest_ids:
            await ask(door.dismiss, {"reason": "r"}, guestId=guest_id)
        streams = [f"guest-{guest_id}" for guest_id in guest_ids]
        whole = (await ask(door.events_of, streams=" ".join(streams))).body["events"]
        told = [(each["stream"], each["version"]) for each in whole]
        assert [(stream, version) for version in (1, 2) for stream in streams] == told
        for limit in range(1, 7):
            pages = await self.all_pages(door, " ".join(streams), limit=str(limit))
            assert whole == [event for page in pages for event in page.body["events"]]
            assert {limit} == {len(page.body["events"]) for page in pages[:-1]} | {limit}

    async def test_what_is_appended_between_two_pages_is_told_too(self, door: Door) -> None:
        guest_ids = [await door.invited(f"k-{number}") for number in range(2)]
        streams = " ".join(f"guest-{guest_id}" for guest_id in guest_ids)
        first = await ask(door.events_of, params={"limit": "1"}, streams=streams)
        await ask(door.dismiss, {"reason": "r"}, guestId=guest_ids[0])
        rest = await ask(door.events_of, params={"continuation": first.body["continuation"]}, streams=streams)
        assert [guest_ids[0]] == [event["stream"][6:] for event in first.body["events"]]
        assert 2 == len(rest.body["events"])

    async def test_the_last_page_has_the_version_that_is_asked_for(self, door: Door) -> None:
        await filled_with_beds(door.world.store, 150)
        assert [200, 200] == [page.status for page in await self.all_pages(door, HOUSE_STREAM, minVersion="150")]
        assert [200, 412] == [page.status for page in await self.all_pages(door, HOUSE_STREAM, minVersion="151")]

    @pytest.mark.parametrize("place", ["", "x", "1.2", "-1", "1" * 11])
    async def test_a_continuation_of_something_else_is_refused(self, door: Door, place: str) -> None:
        await filled_with_beds(door.world.store, 1)
        forged = base64.urlsafe_b64encode(place.encode()).decode()
        answered = await ask(door.events_of, params={"continuation": forged}, streams=HOUSE_STREAM)
        assert (400, "continuation must be the one that the page before has answered.") == (
            answered.status, answered.body["detail"]
        )  # fmt: skip

    async def test_beyond_the_end_there_is_nothing(self, door: Door) -> None:
        await filled_with_beds(door.world.store, 1)
        beyond = base64.urlsafe_b64encode(b"9999999999").decode()
        answered = await ask(door.events_of, params={"continuation": beyond}, streams=HOUSE_STREAM)
        assert (200, [], None) == (answered.status, answered.body["events"], answered.headers.get("ETag"))


class TestPages:
    async def test_views_come_newest_first_and_page_by_page(self, door: Door) -> None:
        invited = []
        for number in range(5):
            invited.append(await door.invited(f"k-{number}"))
            await door.world.pause(1)
        await door.feed()
        seen: list[str] = []
        params = {"limit": "2"}
        for expected in (2, 2, 1):
            page = await ask(door.guests_of_house, houseId="hill", params=params)
            assert expected == len(page.body["guests"])
            seen += [guest["guestId"] for guest in page.body["guests"]]
            params = {"limit": "2", "continuation": page.body.get("continuation", "")}
        assert "continuation" not in page.body
        assert list(reversed(invited)) == seen

    async def test_a_partition_without_views_is_an_empty_list(self, door: Door) -> None:
        assert {"guests": []} == (await ask(door.guests_of_house, houseId="mill")).body

    @pytest.mark.parametrize("text", ["", "!", "MX4=", "eA==", base64.urlsafe_b64encode(b"1~2026~../x").decode()])
    async def test_a_forged_continuation_is_refused(self, door: Door, text: str) -> None:
        refused = await ask(door.guests_of_house, houseId="hill", params={"continuation": text})
        assert (400, True) == (refused.status, "continuation" in refused.body["detail"])

    @pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", ""])
    async def test_a_limit_is_a_number_from_1_to_100(self, door: Door, limit: str) -> None:
        assert 400 == (await ask(door.guests_of_house, houseId="hill", params={"limit": limit})).status


async def test_health_says_that_the_process_is_up(door: Door) -> None:
    assert {"status": "up"} == (await ask(door.health)).body
