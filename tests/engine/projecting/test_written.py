"""The views that a projector remembers: the newest ones, as many as fit."""

import json

from engine.projecting.port import StoredDocument, ViewKey
from engine.projecting.written import WrittenViews


def key(number: int, generation: int = 1) -> ViewKey:
    return ViewKey(f"{generation}~guest-{number}", "hill")


def view(number: int) -> StoredDocument:
    return StoredDocument({"id": number, "view": {"text": "ü"}}, f"etag-{number}")


def kept(written: WrittenViews, numbers: range) -> list[int]:
    return [number for number in numbers if written.take("guest-details", key(number)) is not None]


def test_a_view_is_given_back_once_as_it_was_and_to_its_own_key_alone() -> None:
    written = WrittenViews()
    written.keep("guest-details", key(1), view(1))
    for container, other in (("house-guests", key(1)), ("guest-details", key(2)), ("guest-details", key(1, 2))):
        assert written.take(container, other) is None
    assert [view(1), None] == [written.take("guest-details", key(1)) for _ in range(2)]


def test_no_more_than_so_many_are_kept() -> None:
    written = WrittenViews(most=3)
    for number in range(5):
        written.keep("guest-details", key(number), view(number))
    assert [2, 3, 4] == kept(written, range(5))


def test_no_more_than_so_many_bytes_are_kept() -> None:
    written = WrittenViews(most_bytes=2 * len(json.dumps(view(1).document)))
    for _ in range(3):
        for number in range(5):
            written.keep("guest-details", key(number), view(number))
    assert [3, 4] == kept(written, range(5))
    written.keep("guest-details", key(0), StoredDocument({"text": "x" * 1_000}, "etag"))
    written.keep("guest-details", key(1), view(1))
    assert [1] == kept(written, range(5))
