"""A projection says, as a value, how the events of one kind of stream become the views of a read model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from engine.projecting.port import ViewKey
from engine.storing.codec import strict_converter
from engine.storing.containers import Container
from engine.storing.events import RecordedEvent

V = TypeVar("V")

_converter = strict_converter()


def _nothing(_: Any) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Projection(Generic[V]):
    """`project(view, event)` is pure and returns the next view; `view` is None before the first event of a stream.

    `name` is also the name of the container. `generation` is a version of the projection, and the prefix of every key
    that it writes. `partition(event)` and `addressing(view)` serve read models whose views are not found by id alone:
    the first returns the value of the container's partition key, the second the properties beside the view by which the
    container is partitioned or sorted.
    """

    name: str
    generation: int
    category: str
    view_class: type[V]
    project: Callable[[V | None, RecordedEvent[Any]], V]
    partition_key: str = "id"
    partition: Callable[[RecordedEvent[Any]], str] | None = None
    addressing: Callable[[V], Mapping[str, str]] = _nothing
    indexed: tuple[str, ...] = ()

    @property
    def consumer(self) -> str:
        return f"{self.name}@{self.generation}"

    @property
    def container(self) -> Container:
        return Container(self.name, f"/{self.partition_key}", indexed=tuple(f"/{path}" for path in self.indexed))

    def follows(self, stream_id: str) -> bool:
        return stream_id.startswith(f"{self.category}-")

    def stream_id(self, entity_id: str) -> str:
        return f"{self.category}-{entity_id}"

    def key(self, event: RecordedEvent[Any]) -> ViewKey:
        key = view_key(self.generation, event.stream_id)
        return ViewKey(key, key if self.partition is None else self.partition(event))

    def key_of_stream(self, stream_id: str) -> ViewKey:
        """Returns the key of the view of a stream, for read models whose views are found by id."""
        key = view_key(self.generation, stream_id)
        return ViewKey(key, key)

    def to_document(self, key: ViewKey, position: int, view: V) -> dict[str, Any]:
        return {
            "id": key.id,
            **self.addressing(view),
            "position": position,
            "view": _converter.unstructure(view),
        }

    def from_document(self, document: Mapping[str, Any]) -> V:
        return _converter.structure(document["view"], self.view_class)


def view_key(generation: int, stream_id: str) -> str:
    """Returns the id of a view, such as `1~guest-7c0e…`: all generations of a read model share one container."""
    return f"{generation}~{stream_id}"
