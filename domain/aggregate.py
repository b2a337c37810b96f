"""An aggregate: one kind of stream, with its rules and the names under which its events lie in the store."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from domain.decider import Decider

C = TypeVar("C")
E = TypeVar("E")
S = TypeVar("S")

Upcaster = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Turns the stored data of one schema of an event into the data of the next."""


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[C, E, S]):
    category: str
    decider: Decider[C, E, S]
    wire_names: Mapping[str, type]
    upcasters: Mapping[str, tuple[Upcaster, ...]] = field(default_factory=dict)

    def stream_id(self, entity_id: str) -> str:
        return f"{self.category}-{entity_id}"
