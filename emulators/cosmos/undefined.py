"""The value of a path that an item does not have. Not JSON: SQL and partition keys tell it from null."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Undefined(Enum):
    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED
