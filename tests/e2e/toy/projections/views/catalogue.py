"""Every read model of this service."""

from typing import Any, Final

from projections.views.guest_book import GUEST_BOOK

from projections.projection import Projection

PROJECTIONS: Final[tuple[Projection[Any], ...]] = (GUEST_BOOK,)
