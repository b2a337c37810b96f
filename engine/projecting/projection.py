"""A projection says, as a value, how the events of one kind of stream become the views of a read model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from engine.projecting.port import ViewKey
from engine.storing.containers import Container
from engine.storing.converter import Converter, names_at_rest
from engine.storing.events import RecordedEvent
from engine.storing.shapes import digest_of

V = TypeVar("V")

_strict: Final = Converter()
_lenient: Final = Converter(unknown_keys="ignored")


def _nothing(_: Any) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Projection(Generic[V]):
    """`project(view, event)` is pure and returns the next view; `view` is None before the first event of a stream.

    `name` is also the name of the container. `generation` is a version of the projection, and the prefix of every key
    that it writes. `partition(event)` and `addressing(view)` serve read models whose views are not found by id alone:
    the first returns the value of the container's partition key, the second the properties beside the view by which the
    container is partitioned or sorted: `sortKey` sorts the pages, and gets its generation here.
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

    @property
    def _writer(self) -> str:
        """Names this build in the documents that it writes: builds are told apart by the shape of their view class."""
        return digest_of(self.view_class)  # type: ignore[arg-type]  # classes are hashable, all of them

    def to_document(
        self, key: ViewKey, position: int, view: V, replaced: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Returns the document of a view, to be written instead of `replaced`.

        What this build does not know of `replaced` stays in it as it is. It is out of date then, so the document names
        the build that had written it: `outdatedFor`.
        """
        addressing = dict(self.addressing(view))
        if "sortKey" in addressing:
            addressing["sortKey"] = f"{self.generation}~{addressing['sortKey']}"
        document = {
            "id": key.id,
            **addressing,
            "position": position,
            "writer": self._writer,
            "view": _strict.encode(view),
        }
        if replaced is None:
            return document
        known = names_at_rest(self.view_class)
        unknown = {name: value for name, value in replaced["view"].items() if name not in known}
        kept = {name: value for name, value in replaced.items() if name[0] != "_" and name != "outdatedFor"}
        outdated = {*replaced.get("outdatedFor", ()), *self._writers_that_knew_more(replaced)} - {self._writer}
        marked = {"outdatedFor": sorted(outdated)} if outdated else {}
        return {**kept, **document, **marked, "view": {**unknown, **document["view"]}}

    def from_document(self, document: Mapping[str, Any]) -> V | None:
        """Returns the view in a document, without what this build does not know of it.

        Returns None for a view that has to be folded from its stream anew: a build that knows less of it has written it
        since, or it cannot be read.
        """
        if self._writer in document.get("outdatedFor", ()):
            return None
        return _decoded(_lenient, document, self.view_class)

    def _writers_that_knew_more(self, document: Mapping[str, Any]) -> Sequence[str]:
        writer = document.get("writer", self._writer)
        all_known = writer == self._writer or _decoded(_strict, document, self.view_class) is not None
        return () if all_known else (writer,)


def _decoded(converter: Converter, document: Mapping[str, Any], view_class: type[V]) -> V | None:
    try:
        return converter.decode(document["view"], view_class)
    except Exception:  # noqa: BLE001 - every error of a converter comes from the data
        return None


def view_key(generation: int, stream_id: str) -> str:
    """Returns the id of a view, such as `1~guest-7c0e…`: all generations of a read model share one container."""
    return f"{generation}~{stream_id}"


def stream_of_key(key: str) -> str:
    """Returns the stream whose view has this id."""
    return key.partition("~")[2]
