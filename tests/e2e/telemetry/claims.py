"""What spans claim, held against what lies in the store.

A span is exported once it has ended. So whatever was killed, one that has not failed tells of what took effect: the
events of its command are there, the view has come as far, the message was carried out. Spans may be missing: those of
what was killed are.
"""

from collections import Counter
from collections.abc import AsyncIterator, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain.registry import AGGREGATES
from engine.projecting.counting.sums import Span as Period
from projections.sales import SALES, contributions
from tests.e2e.judge import Judge, Stream
from tests.e2e.telemetry.received import Span
from tests.registered import PROJECTIONS

_AGGREGATES = {each.category: each for each in AGGREGATES}
_VIEWS = {each.consumer: each for each in PROJECTIONS}


@dataclass
class Claims:
    """The claims of these spans; `looked_at` counts them by the first words of their names."""

    judge: Judge
    spans: Sequence[Span]
    looked_at: Counter[str] = field(default_factory=Counter)
    _streams: dict[str, Stream] = field(default_factory=dict)

    async def unfounded(self) -> list[str]:
        """Those for which nothing is there."""
        kinds = (self._of_commands(), self._of_views(), self._of_sums(), self._of_messages(), self._of_batches())
        return [each for kind in kinds async for each in kind]

    async def _of_commands(self) -> AsyncIterator[str]:
        """A command has appended as many events as it says, and its stream has come as far."""
        for span in self._done("handle"):
            events = (await self._stream(span.attributes["stream.id"])).stored
            own = sum(each.metadata.traceparent.split("-")[2] == span.span_id for each in events)
            if own != span.attributes.get("append.events", 0) or len(events) < span.attributes["stream.version"]:
                yield f"{own} events of {len(events)} are of {span}"

    async def _of_views(self) -> AsyncIterator[str]:
        """A view has seen as much of its stream as its consumer says that it has applied."""
        for (consumer, stream_id), version in self._applied(_VIEWS).items():
            projection, stream = _VIEWS[consumer], await self._stream(stream_id)
            key = projection.key(stream.recorded[0])
            found = await self.judge.services.projector.views.get(projection.name, key)
            if found is None or found.position < version:
                yield f"{consumer} says version {version} of {stream_id}, which is at {found and found.position}"

    async def _of_sums(self) -> AsyncIterator[str]:
        """Sums have at least what their consumer says that it has counted."""
        least = Counter[tuple[datetime, str, str]]()
        minutes: list[datetime] = []
        for (_, stream_id), version in self._applied({SALES.consumer}).items():
            stream = await self._stream(stream_id)
            for event in stream.recorded[:version]:
                minutes.append(event.occurred_at.replace(second=0, microsecond=0))
                for added in contributions(event, stream.recorded[0]):
                    least[minutes[-1], added.series, added.measure] += added.amount
        if minutes:
            period = Period(min(minutes), max(minutes) + timedelta(minutes=1))
            rows = await self.judge.services.rollups.rows(SALES, period)
            sums = {(row.minute, row.series, name): amount for row in rows for name, amount in row.sums.items()}
            for key, amount in least.items():
                if sums.get(key, 0) < amount:
                    yield f"sales of {key} are {sums.get(key, 0)} instead of {amount}"

    async def _of_messages(self) -> AsyncIterator[str]:
        """What a message asks for was carried out in its span, or before."""
        above = {(each.trace_id, each.parent_id) for each in self.spans if each.name.startswith("handle ")}
        for span in self._done("process commands", "process reactions"):
            if (span.trace_id, span.span_id) not in above:
                outcome = await self.judge.services.asynchronous.outcome(span.attributes["messaging.message.id"])
                if outcome is None or outcome.status == "pending":
                    yield f"nothing came of {span}"

    async def _of_batches(self) -> AsyncIterator[str]:
        """The bus has accepted every event of a batch of the relay, from the same process."""
        sent = {
            (each.resource["service.instance.id"], each.attributes["messaging.message.id"])
            for each in self._done("send events")
        }
        read = list(self._done("read"))
        for batch in self._done("process relay"):
            instance, name = batch.resource["service.instance.id"], (batch.trace_id, batch.span_id)
            streams = {each.attributes["stream.id"] for each in read if name in each.links}
            events = [event for each in streams for event in (await self._stream(each)).stored]
            accepted = sum(
                (instance, event.metadata.event_id) in sent
                for event in events
                if tuple(event.metadata.traceparent.split("-")[1:3]) in batch.links
            )
            if accepted < batch.attributes["messaging.batch.message_count"]:
                yield f"{accepted} events were accepted of {batch}"

    def _applied(self, consumers: Container[str]) -> Mapping[tuple[str, str], int]:
        """How far these consumers say that they have come in each stream."""
        applied: dict[tuple[str, str], int] = {}
        for span in self._done("apply"):
            name = span.attributes["consumer.name"], span.attributes["stream.id"]
            if name[0] in consumers:
                applied[name] = max(applied.get(name, 0), span.attributes["stream.version"])
        return applied

    def _done(self, *names: str) -> Iterator[Span]:
        """The spans whose work claims to be done, by their names or the first words of them."""
        for each in self.spans:
            word = each.name.partition(" ")[0]
            if each.is_done and (each.name in names or word in names):
                self.looked_at[word] += 1
                yield each

    async def _stream(self, stream_id: str) -> Stream:
        if stream_id not in self._streams:
            category, _, entity_id = stream_id.partition("-")
            self._streams[stream_id] = await self.judge.stream(_AGGREGATES[category], entity_id)
        return self._streams[stream_id]
