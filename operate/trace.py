"""`operate trace` shows what was done, one step behind the other, what it cost, and where it waited."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from domain.registry import AGGREGATES
from operate.output import print_json, visible
from operate.target import Place
from operate.traces import connected, is_trace_id
from operate.tree import OTHER, Step, hosts, request_units, steps

_FAILED: Final = "bold red"
_WAITING: Final = "yellow"
_DIM: Final = "dim"
_HEAD: Final = "bold"

Spans = Sequence[Mapping[str, Any]]


class _Line(NamedTuple):
    text: str
    style: str = ""


async def run(place: Place, asked: str, *, as_json: bool) -> None:
    """Prints a trace, or all in which the stream has a part, or a stream of any category with that id.

    Raises CommandFailed where there is none, and says why.
    """
    async with connected(place) as receiver:
        if is_trace_id(asked):
            ids: Sequence[str] = [asked.lower()]
        else:
            ids = await receiver.about([asked, *(each.stream_id(asked) for each in AGGREGATES)])
            if not ids:
                raise await receiver.nothing_about(asked)
        traces = {each: await receiver.trace(each) for each in ids}
    if as_json:
        for trace_id, spans in traces.items():
            print_json(_json(trace_id, spans))
    else:
        _print(_lines(traces))


def _elsewhere(traces: Mapping[str, Spans]) -> Mapping[str, Sequence[str]]:
    """Says of a span what has followed from it in another of these traces: a batch may hold events of several."""
    found: dict[str, list[str]] = {}
    for trace_id, spans in traces.items():
        for span in spans:
            for link in span["links"]:
                if link["traceId"] != trace_id and link["traceId"] in traces:
                    found.setdefault(link["spanId"], []).append(f"{span['name']}, in trace {trace_id}")
    return found


def _lines(traces: Mapping[str, Spans]) -> Iterable[_Line]:
    elsewhere, every = _elsewhere(traces), [span for spans in traces.values() for span in spans]
    names = {host: _letter(number) for number, host in enumerate(hosts(every))}
    for trace_id, spans in traces.items():
        yield from _of_one(trace_id, spans, elsewhere, names)
        yield _Line("")
    told = ", ".join(f"{name} is {host}" for host, name in names.items())
    yield _Line(f"{_counted(len(traces), 'trace')}, {request_units(every):.2f} RU; {told}")


def _of_one(
    trace_id: str, spans: Spans, elsewhere: Mapping[str, Sequence[str]], names: Mapping[str, str]
) -> Iterable[_Line]:
    tree = steps(spans)
    end = max(step.at + step.span["durationMs"] for step in tree)
    yield _Line(f"{tree[0].span['name']}, trace {trace_id}", _HEAD)
    yield _Line(f"{tree[0].span['begin']}, {_time(end)}, {request_units(spans):.2f} RU, {_counted(len(spans), 'span')}")
    yield _Line(f"{'at':>10}  {'took':>9}  {'RU':>6}", _DIM)
    for step in tree:
        cost = f"{step.request_units:.2f}" if step.request_units else ""
        columns = f"{_time(step.at):>10}  {_time(step.span['durationMs']):>9}  {cost:>6}  {names[step.host]}  "
        indent, blank = "  " * step.depth, " " * len(columns)
        if step.waited is not None and step.waited.reason != OTHER:
            yield _Line(f"{blank}{indent}waiting {_time(step.waited.milliseconds)} ({step.waited.reason})", _WAITING)
        yield _Line(f"{columns}{indent}{_told(step)}", _style(step))
        for each in elsewhere.get(step.span["spanId"], ()):
            yield _Line(f"{blank}{indent}  and {each}", _DIM)


def _told(step: Step) -> str:
    """Says what there is to say of a step beside its times."""
    known = step.attributes
    stream = known.get("stream.id", "")
    status = str(known.get("http.response.status_code") or known.get("db.response.status_code") or "")
    deliveries = int(known.get("messaging.servicebus.message.delivery_count", 1))
    conflicts = int(known.get("append.conflicts", 0))
    said = (
        str(step.span["name"]),
        "" if stream == step.stream_above else str(stream),
        f"version {known['stream.version']}" if "stream.version" in known else "",
        status if status != "200" or "http.response.status_code" in known else "",
        f"group of {known['group.size']}" if int(known.get("group.size", 1)) > 1 else "",
        f"delivery {deliveries}" if deliveries > 1 else "",
        _counted(conflicts, "conflict") if conflicts else "",
        f"answered {known['answer.type']}" if "answer.type" in known else "",
        f"failed: {known.get('error.type', 'error')}" if _has_failed(step) else "",
        f"for {step.due}" if step.due else "",
        *(f"carried out in trace {each['traceId']}" for each in step.span["links"] if step.span["kind"] == "internal"),
    )
    return "  ".join(filter(None, said))


def _json(trace_id: str, spans: Spans) -> Mapping[str, Any]:
    tree = steps(spans)
    return {
        "traceId": trace_id,
        "root": tree[0].span["name"],
        "begin": tree[0].span["begin"],
        "durationMs": round(max(step.at + step.span["durationMs"] for step in tree), 3),
        "requestUnits": round(request_units(spans), 2),
        "hosts": hosts(spans),
        "steps": [
            {
                "name": step.span["name"],
                "depth": step.depth,
                "atMs": round(step.at, 3),
                "durationMs": step.span["durationMs"],
                "waitedMs": None if step.waited is None else round(step.waited.milliseconds, 3),
                "waitedFor": None if step.waited is None else step.waited.reason,
                "requestUnits": round(step.request_units, 2),
                "host": step.host,
                **{name: step.span[name] for name in ("kind", "status", "spanId", "parentSpanId", "attributes")},
                "links": step.span["links"],
            }
            for step in tree
        ],
    }


def _print(lines: Iterable[_Line]) -> None:
    if not sys.stdout.isatty():
        for line in lines:
            print(visible(line.text), flush=True)
        return
    # A terminal alone pays for this import.
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for line in lines:
        console.print(Text(visible(line.text), line.style), soft_wrap=True)


def _style(step: Step) -> str:
    if _has_failed(step):
        return _FAILED
    return _DIM if step.span["kind"] == "client" else ""


def _has_failed(step: Step) -> bool:
    return bool(step.span["status"] == "error")


def _time(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.3f} s" if milliseconds >= 1000 else f"{milliseconds:.1f} ms"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _letter(number: int) -> str:
    """Names up to 26 processes by one letter, and more of them by two."""
    return (_letter(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)
