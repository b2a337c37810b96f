"""Every REST interface has these functions: for commands, now or later, for read models, and for events of streams."""

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import azure.functions as func
from pydantic import BaseModel

from engine.clock import utc_now
from engine.commands.errors import UnknownStream
from engine.commands.handler import CommandResult
from engine.consuming.health import Health
from engine.deciding.aggregate import Aggregate
from engine.errors import AdapterError
from engine.messaging.envelope import CommandEnvelope
from engine.projecting.counting.port import Sums
from engine.projecting.counting.sums import totals
from engine.projecting.generations.known import query_of
from engine.projecting.generations.port import Generations
from engine.projecting.query import MinutesQuery, PageQuery, ReadModel, StreamQuery
from engine.reacting.followers import followers
from engine.storing.events import time_at_rest
from engine.triggers.health import HEALTH_DETAILS, health_answer
from engine.triggers.http_answers import (
    CommandOutcome,
    Up,
    accepted_answer,
    answer,
    answered,
    changing_answer,
    event_json,
    outcome_answer,
    view_answer,
)
from engine.triggers.http_requests import (
    MOST_EVENTS,
    USUAL_EVENTS,
    CommandRequest,
    Moment,
    continuation_of,
    prefers_async,
    read_command,
    read_continuation,
    read_limit,
    read_min_version,
    read_moment,
    read_name,
    read_span,
)
from engine.triggers.operations import ASKED_BY_ID, described, plain
from engine.triggers.paging import read_place
from engine.turns import in_turns

if TYPE_CHECKING:
    from engine.services import Services


B = TypeVar("B", bound=BaseModel)

_LOCATION: Final = ("Location",)
_MOST_BYTES: Final = 1024 * 1024
"""A page of events ends with the one that reaches this size."""


@dataclass(frozen=True, slots=True)
class HttpFunctions:
    """Serves a REST interface.

    `services` connects on first use: a store that is not available is a 503, not a dead function. `to_json` turns
    events and views into what clients see. `resources` maps a category to the path of its resources, with `{}` for the
    entity id.
    """

    services: "Callable[[], Awaitable[Services]]"
    read_models: Iterable[ReadModel]
    to_json: Callable[[object], Any]
    resources: Mapping[str, str]
    trust_easyauth: bool

    @answered
    @described(plain("health", "Says that the process is up", Up))
    async def health(self, _req: func.HttpRequest) -> func.HttpResponse:
        """Answers that the worker process is up. It does not check what the worker process depends on."""
        return answer({"status": "up"})

    @answered
    @described(HEALTH_DETAILS)
    async def health_details(self, _req: func.HttpRequest) -> func.HttpResponse:
        """Answers how its dependencies and its consumers are: 503 where a dependency is down, else 200."""
        try:
            services = await self.services()
        except AdapterError:
            return health_answer(Health(utc_now(), "down", "unused"))
        return health_answer(await services.health.of(followers(self.read_models), services.consumers))

    @answered
    @described(plain("get_command", "What became of a command", CommandOutcome, headers=_LOCATION, errors=ASKED_BY_ID))
    async def get_command(self, req: func.HttpRequest) -> func.HttpResponse:
        command_id = read_name(req, "commandId")
        outcome = await (await self.services()).asynchronous.outcome(command_id)
        return outcome_answer(outcome, self.resources)

    @answered
    async def query(self, name: str, req: func.HttpRequest) -> func.HttpResponse:
        """Answers from the serving generation of the read model `name`, as its query says."""
        read_model = next(each for each in self.read_models if each.name == name)
        generations = await (await self.services()).generations.read(read_model)
        query = query_of(read_model, generations.serving)
        match query:
            case StreamQuery():
                return await self._view(query, req)
            case PageQuery():
                return await self._page(read_model, generations, req)
            case MinutesQuery():
                return await self._minutes(query, req)

    def read_command(
        self, req: func.HttpRequest, route: str, model: type[B], *, key_of: Callable[[B], str] | None = None
    ) -> CommandRequest[B]:
        """Returns what the request asks for; see `http_requests.read_command`. Raises BadRequest."""
        return read_command(req, route, model, trust_easyauth=self.trust_easyauth, key_of=key_of)

    async def carry_out(
        self,
        req: func.HttpRequest,
        aggregate: Aggregate[Any, Any, Any],
        envelope: CommandEnvelope,
        answer_of: Callable[[CommandResult], func.HttpResponse],
        *,
        probably_new: bool = False,
    ) -> func.HttpResponse:
        """Carries the command out and answers with its result; or accepts it for later, if the client prefers that.

        `probably_new` saves the load of a stream that the command is expected to start.
        """
        services = await self.services()
        if prefers_async(req):
            return accepted_answer(envelope.command_id, await services.asynchronous.accept(envelope))
        return answer_of(await services.commands.handle(aggregate, envelope, probably_new=probably_new))

    async def events(self, req: func.HttpRequest, stream_id: str) -> func.HttpResponse:
        """Answers with a page of the events of a stream. The last one has the version of the stream as its ETag."""
        events, more = await self._events(req, [stream_id])
        version = None if more or not events else events[-1]["version"]
        return answer({"stream": stream_id, "events": events, **more}, version=version)

    async def story(self, req: func.HttpRequest, stream_id: str, others: Sequence[str]) -> func.HttpResponse:
        """Answers with a page of the events of a stream and of the others, by time, each with its stream."""
        events, more = await self._events(req, [stream_id, *others], with_streams=True)
        return answer({"events": events, **more})

    async def _view(self, query: StreamQuery[Any], req: func.HttpRequest) -> func.HttpResponse:
        projection = query.projection
        stream_id = projection.stream_id(read_name(req, query.parameter))
        moment = read_moment(req) if query.at_moments else Moment(read_min_version(req))
        queries = (await self.services()).queries
        try:
            if moment.at_version is None and moment.as_of is None:
                seen = await queries.view(projection, stream_id, moment.min_version)
            else:
                seen = await queries.view_at(projection, stream_id, version=moment.at_version, time=moment.as_of)
        except UnknownStream:
            raise UnknownStream(stream_id, query.unknown) from None
        return view_answer(req, seen.version, {**self.to_json(seen.view), **query.computed(seen.view)})

    async def _page(self, read_model: ReadModel, generations: Generations, req: func.HttpRequest) -> func.HttpResponse:
        query, place = read_place(req, read_model, generations)
        partition, limit = read_name(req, query.parameter), read_limit(req)
        page = await (await self.services()).queries.page(query.projection, partition, *place, limit)
        more = {} if page.next_below is None else {"continuation": continuation_of(page.next_below)}
        return answer({query.items: [self.to_json(view) for view in page.views], **more})

    async def _minutes(self, query: MinutesQuery, req: func.HttpRequest) -> func.HttpResponse:
        rollups = (await self.services()).rollups
        span = read_span(req, rollups.clock())
        rows = await rollups.rows(query.projection, span)

        def shown(series: str, sums: Sums) -> Mapping[str, Any]:
            return {query.series: series, **query.shown(series, sums)}

        minutes = [{"minute": time_at_rest(row.minute), **shown(row.series, row.sums)} async for row in in_turns(rows)]
        sums_of_all = [shown(series, sums) for series, sums in totals(rows).items()]
        between = {"from": time_at_rest(span.start), "to": time_at_rest(span.end)}
        return changing_answer(req, {**between, "minutes": minutes, "totals": sums_of_all})

    async def _events(
        self, req: func.HttpRequest, stream_ids: Sequence[str], *, with_streams: bool = False
    ) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, str]]:
        """Returns the events of a page, and its continuation if there are more.

        The place of a page is a version of each stream.
        """
        limit = read_limit(req, usual=USUAL_EVENTS, most=MOST_EVENTS)
        place = read_continuation(req, re.compile(r"\.".join([r"\d{1,10}"] * len(stream_ids))))
        versions = [0] * len(stream_ids) if place is None else map(int, place.split("."))
        after = dict(zip(stream_ids, versions, strict=True))
        queries = (await self.services()).queries
        page = await queries.events(after, limit, read_min_version(req))
        shown, size = list[Mapping[str, Any]](), 0
        async for event in in_turns(page.events):
            stream = {"stream": event.stream_id} if with_streams else {}
            shown.append({**stream, **event_json(event, self.to_json(queries.codec.event_of(event)))})
            after[event.stream_id] = event.version
            size += len(json.dumps(shown[-1]))
            if size >= _MOST_BYTES:
                break
        if not page.more and len(shown) == len(page.events):
            return shown, {}
        return shown, {"continuation": continuation_of(".".join(map(str, after.values())))}
