"""These strategies generate any command to a guest and to a house."""

from typing import Final

from hypothesis import strategies as st

from tests.engine.toy.guest import DismissGuest, InviteGuest, SeeOffGuest, WelcomeGuest, Wish
from tests.engine.toy.house import AddBeds, ReturnBeds, TakeBeds

_TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_GUEST_IDS: Final = st.sampled_from(["g-1", "g-2", "g-3"])
_WISHES: Final = st.builds(Wish, _TEXT, st.integers(-1, 1_000_000))

GUEST_COMMANDS: Final = st.one_of(
    st.builds(InviteGuest, st.just("g-1"), _TEXT, st.lists(_WISHES, max_size=3).map(tuple)),
    st.just(WelcomeGuest()),
    st.builds(SeeOffGuest, _TEXT),
    st.builds(DismissGuest, _TEXT),
)
HOUSE_COMMANDS: Final = st.one_of(
    st.builds(AddBeds, st.just("hill"), st.integers(-1, 10)),
    st.builds(TakeBeds, st.just("hill"), _GUEST_IDS, st.integers(-1, 10)),
    st.builds(ReturnBeds, st.just("hill"), _GUEST_IDS),
)
