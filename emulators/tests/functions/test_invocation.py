"""Running a function: arguments, results, failures, logs."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import azure.functions as func
import pytest
from azure.functions import _abc
from azure.functions.meta import Datum

from emulators.functions import context
from emulators.functions.bindings import Binding
from emulators.functions.context import RetryContext, RpcException
from emulators.functions.engine import Call
from emulators.functions.indexing import Function
from emulators.functions.invocation import Failure, Outcome, Success
from emulators.functions.user_logs import UserLogs
from emulators.tests.functions.apps import NoData, Screen, eventually, only_function, running_invoker
from emulators.tests.functions.engines import engine as current_engine
from emulators.tests.functions.engines import told

pytestmark = pytest.mark.usefixtures("engine")


HTTP = Datum(
    {
        "method": Datum("GET", "string"),
        "url": Datum("http://localhost/api/r", "string"),
        "headers": {},
        "params": {},
        "query": {},
        "body": Datum(b"", "bytes"),
    },
    "http",
)


def timer_function(handler) -> Function:  # type: ignore[no-untyped-def]
    """A function that is driven by a timer, which says nothing of interest."""
    app = func.FunctionApp()
    app.timer_trigger(arg_name="timer", schedule="0 * * * * *")(handler)
    return only_function(app)


def tick(retry: RetryContext | None = None) -> Call:
    return Call({"timer": Datum(json.dumps({"IsPastDue": False}), "json")}, retry=retry or RetryContext())


async def outcome_of(handler, call: Call | None = None) -> Outcome:  # type: ignore[no-untyped-def]
    async with running_invoker() as invoker:
        return await invoker.invoke(timer_function(handler), call or tick())


@pytest.mark.verified("trace", feature="func.Context")
async def test_a_function_receives_its_context() -> None:
    seen: list[func.Context] = []

    def handler(timer: func.TimerRequest, context: func.Context) -> None:
        seen.append(context)
        assert context.invocation_id == context.thread_local_storage.invocation_id  # type: ignore[attr-defined]

    call = tick()
    assert isinstance(await outcome_of(handler, call), Success)
    assert (call.invocation_id, "handler") == (seen[0].invocation_id, seen[0].function_name)
    assert ("", "", {}) == (
        seen[0].trace_context.trace_parent,
        seen[0].trace_context.trace_state,
        seen[0].trace_context.attributes,
    )
    assert (0, 0) == (seen[0].retry_context.retry_count, seen[0].retry_context.max_retry_count)


@pytest.mark.verified("trace", feature="func.Context")
async def test_the_exception_of_the_attempt_before_is_named_as_the_worker_names_it() -> None:
    seen: list[Any] = []

    async def handler(timer: func.TimerRequest, context: func.Context) -> None:
        seen.append(context.retry_context)

    failure = Failure("ValueError: cannot apply", "  File …", 0.1)
    await outcome_of(handler, tick(RetryContext(1, -1, failure.as_rpc_exception("project_orders"))))
    assert not hasattr(seen[0], "exception")
    exception: RpcException = seen[0].rpc_exception
    assert exception.message.startswith(
        "Microsoft.Azure.WebJobs.Host.FunctionInvocationException : Exception while executing function: "
        "Functions.project_orders ---> Microsoft.Azure.WebJobs.Script.Workers.Rpc.RpcException : Result: Failure\n"
        "Exception: ValueError: cannot apply\nStack: "
    )


@pytest.mark.verified("docs", feature="func.Context")
async def test_the_trace_context_has_the_names_of_the_worker_beside_those_of_the_library() -> None:
    seen: list[Any] = []

    def handler(timer: func.TimerRequest, context: func.Context) -> None:
        seen.append(context.trace_context)

    assert isinstance(await outcome_of(handler), Success)
    assert ("", "", {}) == (seen[0].Traceparent, seen[0].Tracestate, seen[0].Attributes)
    assert ("", "", {}) == (seen[0].trace_parent, seen[0].trace_state, seen[0].attributes)


@pytest.mark.verified("docs", feature="func.Context")
@pytest.mark.parametrize("name", ["Context", "TraceContext", "RetryContext", "RpcException", "Out"])
def test_an_object_of_the_worker_has_what_the_library_declares(name: str) -> None:
    """But for `exception` of the retry context, which the worker names otherwise."""
    declared = {each for each in vars(getattr(_abc, name)) if not each.startswith("_")} - {"exception"}
    made = {
        "Context": partial(
            context.Context,
            function_name="f",
            function_directory="d",
            invocation_id="i",
            thread_local_storage=threading.local(),
            trace_context=context.TraceContext(),
            retry_context=RetryContext(),
        )
    }.get(name, getattr(context, name))()
    assert [] == [each for each in declared if not hasattr(made, each)]


@pytest.mark.verified("docs", feature="func.Context")
async def test_a_function_may_keep_things_on_its_context_and_the_next_attempt_has_its_own() -> None:
    def handler(timer: func.TimerRequest, context: func.Context) -> None:
        context.tenant = "a"  # type: ignore[attr-defined]
        context.retry_context.retry_count = 7  # type: ignore[misc]
        with pytest.raises(AttributeError):
            context.function_name = "other"  # type: ignore[misc]

    call = tick(RetryContext(1, 2))
    assert isinstance(await outcome_of(handler, call), Success)
    assert 1 == call.retry.retry_count


@pytest.mark.verified("trace", feature="Failures")
@pytest.mark.differs(
    "The message of a failed invocation",
    own="type and text, as in: ValueError: boom",
    official="its `repr`, as in: ValueError('boom')",
    why="a defect of the entry without protobuf: the other one of the runtime gives type and text",
)
async def test_a_failure_has_the_type_and_the_text_of_its_error(engine: str) -> None:
    def boom(timer: func.TimerRequest) -> None:
        raise ValueError("boom ünï")

    outcome = await outcome_of(boom)
    assert isinstance(outcome, Failure)
    assert {"own": "ValueError: boom ünï", "official": "ValueError('boom ünï')"}[engine] == outcome.message


@pytest.mark.verified("trace", feature="Failures")
@pytest.mark.differs(
    "The stack of a failed invocation",
    own="the frames; those of the host are left out",
    official="a traceback with its head, the runtime's frames and the errors before the error",
    why="the newer worker",
)
async def test_a_failure_has_the_frames_of_the_app(engine: str) -> None:
    def boom(timer: func.TimerRequest) -> None:
        try:
            raise KeyError("before")
        except KeyError as error:
            raise ValueError("boom") from error

    outcome = await outcome_of(boom)
    assert isinstance(outcome, Failure)
    assert "in boom" in outcome.stack
    whole = engine == "official"
    assert (whole, whole, whole, not whole) == (
        outcome.stack.startswith("Traceback (most recent call last):"),
        "KeyError: 'before'" in outcome.stack,
        "native_invocation.py" in outcome.stack,
        1 == outcome.stack.count("File "),
    )


@pytest.mark.verified("trace", feature="Failures")
async def test_a_function_without_a_return_binding_must_return_none() -> None:
    def talkative(timer: func.TimerRequest) -> None:
        return "something"  # type: ignore[return-value]

    outcome = await outcome_of(talkative)
    assert isinstance(outcome, Failure)
    assert "function 'talkative' without a $return binding returned a non-None value" in outcome.message


@pytest.mark.verified("docs", feature="Failures")
@pytest.mark.differs(
    "A value that its binding cannot read",
    own="TypeError: unable to decode incoming TypedData",
    official="the converter's `NotImplementedError`",
    why="a defect of the entry without protobuf: the other one of the runtime gives the TypeError",
)
async def test_a_value_that_a_binding_cannot_read_fails_the_invocation(engine: str) -> None:
    def handler(timer: func.TimerRequest) -> None: ...

    outcome = await outcome_of(handler, Call({"timer": Datum("late", "string")}))
    assert isinstance(outcome, Failure)
    start = {"own": "TypeError: unable to decode incoming TypedData: ", "official": "NotImplementedError("}[engine]
    assert outcome.message.startswith(start)


@pytest.mark.verified("docs", feature="Failures")
@pytest.mark.differs(
    "A value that its binding cannot write",
    own="a TypeError that names the class of the converter",
    official="one that names the type of the binding",
    why="the newer worker",
)
async def test_a_value_that_a_binding_cannot_write_fails_the_invocation(engine: str) -> None:
    app = func.FunctionApp()

    @app.route("r")
    def number(req: func.HttpRequest) -> func.HttpResponse:
        return 7  # type: ignore[return-value]

    async with running_invoker() as invoker:
        outcome = await invoker.invoke(only_function(app), Call({"req": HTTP}))
    assert isinstance(outcome, Failure)
    written = {"own": "<class 'azure.functions", "official": "http"}[engine]
    assert f'unable to encode outgoing TypedData: unsupported type "{written}' in outcome.message


@pytest.mark.verified("docs", feature="Failures")
@pytest.mark.parametrize("kind", ["int", "collection_string", "http"])
async def test_a_plain_parameter_takes_texts_and_bytes_alone(kind: str) -> None:
    def handler(timer: str) -> None: ...

    outcome = await outcome_of(handler, Call({"timer": Datum(7, kind) if kind != "http" else HTTP}))
    assert isinstance(outcome, Failure)
    assert 'unexpected type of data received for the "generic" binding' in outcome.message
    assert isinstance(await outcome_of(handler, Call({"timer": Datum("{}", "json")})), Success)


@pytest.mark.verified("docs", feature="Output bindings")
@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (True, Datum(1, "int")),
        (7, Datum(7, "int")),
        ({"a": [1]}, Datum('{"a": [1]}', "json")),
        (["a"], Datum('["a"]', "json")),
        (bytearray(b"b"), Datum(b"b", "bytes")),
        (1.5, Datum(1.5, "double")),
        (None, None),
    ],
)
async def test_what_a_plain_output_gets_is_what_the_wire_has(value: Any, sent: Datum | None) -> None:
    got: list[Datum] = []

    class Kept(NoData):
        async def write(self, binding: Binding, value: Datum, call: Call) -> None:
            got.append(value)

    async with running_invoker(data=Kept()) as invoker:
        assert isinstance(await invoker.invoke(plain_output(value), tick()), Success)
    expected = [] if sent is None else [(sent.type, type(sent.value), sent.value)]
    assert expected == [(each.type, type(each.value), each.value) for each in got]


@pytest.mark.verified("docs", feature="Output bindings")
async def test_a_number_that_the_wire_cannot_take_fails_the_invocation() -> None:
    async with running_invoker() as invoker:
        outcome = await invoker.invoke(plain_output(2**63), tick())
    assert isinstance(outcome, Failure)
    assert "Value out of range" in outcome.message


def plain_output(value: Any) -> Function:
    """A function that gives a value to an output with no converter of its own."""
    app = func.FunctionApp()

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    @app.cosmos_db_output(arg_name="out", connection="COSMOS", database_name="d", container_name="c")
    def write(timer: func.TimerRequest, out: func.Out[str]) -> None:
        out.set(value)

    return only_function(app)


@pytest.mark.verified("trace", feature="A handler that ends its process")
@pytest.mark.parametrize(("ending", "status"), [(SystemExit(7), 7), (KeyboardInterrupt(), 130)])
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_handler_that_exits_ends_its_process(ending: BaseException, status: int, is_async: bool) -> None:
    def leave(timer: func.TimerRequest) -> None:
        raise ending

    async def leave_async(timer: func.TimerRequest) -> None:
        raise ending

    statuses: list[int] = []
    async with running_invoker(exit_process=statuses.append, timeout=30) as invoker:
        function = timer_function(leave_async if is_async else leave)
        invoking = asyncio.create_task(invoker.invoke(function, tick()))
        await eventually(lambda: statuses, "the process ends")
        invoking.cancel()
        await asyncio.gather(invoking, return_exceptions=True)
    assert [status] == statuses


@pytest.mark.verified("trace", feature="Thread pool")
async def test_plain_functions_run_side_by_side_in_threads() -> None:
    barrier = threading.Barrier(3, timeout=10)

    def meet(timer: func.TimerRequest) -> None:
        barrier.wait()

    async with running_invoker() as invoker:
        function = timer_function(meet)
        outcomes = await asyncio.gather(*(invoker.invoke(function, tick()) for _ in range(3)))
    assert [Success] * 3 == [type(outcome) for outcome in outcomes]


@pytest.mark.verified("trace", feature="Event loop")
async def test_an_async_handler_that_blocks_its_loop_does_not_block_the_host() -> None:
    release = threading.Event()

    async def blocking(timer: func.TimerRequest) -> None:
        assert release.wait(10)

    async with running_invoker() as invoker:
        running = asyncio.create_task(invoker.invoke(timer_function(blocking), tick()))
        await asyncio.sleep(0)
        assert not invoker.idle.is_set()
        release.set()
        assert isinstance(await running, Success)
        assert invoker.idle.is_set()


@pytest.mark.verified("trace", feature="functionTimeout")
async def test_an_invocation_that_runs_too_long_fails_and_asks_for_a_new_process() -> None:
    release = threading.Event()

    def slow(timer: func.TimerRequest) -> None:
        release.wait(10)

    async with running_invoker(timeout=0.05) as invoker:
        outcome = await invoker.invoke(timer_function(slow), tick())
        release.set()
        assert isinstance(outcome, Failure)
        assert outcome.timed_out
        assert invoker.timed_out.is_set()


@pytest.mark.verified("trace", feature="functionTimeout")
async def test_a_timeout_error_of_the_handler_is_an_ordinary_failure() -> None:
    async def impatient(timer: func.TimerRequest) -> None:
        raise TimeoutError("my own")

    async with running_invoker(timeout=10) as invoker:
        outcome = await invoker.invoke(timer_function(impatient), tick())
        assert isinstance(outcome, Failure)
        assert (told(TimeoutError("my own")), False) == (outcome.message, invoker.timed_out.is_set())


async def gives_up_async(timer: func.TimerRequest) -> None:
    raise asyncio.CancelledError


def gives_up(timer: func.TimerRequest) -> None:
    raise asyncio.CancelledError


@pytest.mark.verified("trace", feature="CancelledError")
@pytest.mark.parametrize("handler", [gives_up, gives_up_async])
async def test_a_cancelled_error_that_leaves_a_handler_is_never_answered_and_reported_loudly(handler: Any) -> None:
    screen = Screen()
    async with running_invoker(screen, timeout=0.1) as invoker:
        outcome = await invoker.invoke(timer_function(handler), tick())
    assert isinstance(outcome, Failure)
    assert outcome.timed_out
    assert f"{handler.__name__} NEVER ANSWERS: a CancelledError left" in screen.text


@pytest.mark.verified("trace", feature="Output bindings")
async def test_a_failing_output_fails_the_invocation_after_the_handler_ran() -> None:
    app = func.FunctionApp()
    ran = []

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    @app.cosmos_db_output(arg_name="out", connection="COSMOS", database_name="d", container_name="c")
    def write(timer: func.TimerRequest, out: func.Out[func.Document]) -> None:
        out.set(func.Document.from_dict({"id": "1"}))
        ran.append(True)

    class Refusing(NoData):
        async def write(self, binding: Binding, value: Datum, call: Call) -> None:
            assert [{"id": "1"}] == json.loads(value.value)
            raise ConnectionError("the container is away")

    async with running_invoker(data=Refusing()) as invoker:
        outcome = await invoker.invoke(only_function(app), tick())
    assert ran
    assert isinstance(outcome, Failure)
    assert "ConnectionError: the container is away" == outcome.message


class TestUserLogs:
    """The host shows a record under the function whose invocation it belongs to, and drops all others."""

    @pytest.fixture
    def logger(self) -> Iterator[logging.Logger]:
        logger = logging.getLogger("an.app")
        logger.setLevel(logging.DEBUG)
        yield logger
        logger.handlers.clear()

    async def shown(self, logger: logging.Logger, handler, levels: dict[str, str] | None = None) -> str:  # type: ignore[no-untyped-def]
        screen = Screen()
        async with running_invoker(screen) as invoker:
            logger.addHandler(UserLogs(screen, current_engine(), invoker.running, levels or {}))
            await invoker.invoke(timer_function(handler), tick())
        return screen.text

    @pytest.mark.verified("trace", feature="Logs of an app")
    async def test_records_of_both_kinds_of_handlers_are_shown_with_the_function(self, logger: logging.Logger) -> None:
        def plain(timer: func.TimerRequest) -> None:
            logger.warning("from a %s", "thread")

        async def asynchronous(timer: func.TimerRequest) -> None:
            await asyncio.create_task(self.child(logger))

        assert "plain warning: from a thread" in await self.shown(logger, plain)
        assert "asynchronous info: from a child task" in await self.shown(logger, asynchronous)

    @staticmethod
    async def child(logger: logging.Logger) -> None:
        logger.info("from a child task")

    @pytest.mark.verified("trace", feature="Logs of an app")
    async def test_records_outside_of_an_invocation_are_dropped(self, logger: logging.Logger) -> None:
        def starts_a_thread(timer: func.TimerRequest) -> None:
            thread = threading.Thread(target=logger.error, args=("from a thread of its own",))
            thread.start()
            thread.join()

        shown = await self.shown(logger, starts_a_thread)
        logger.error("after the invocation")
        assert "" == shown

    @pytest.mark.verified("docs", feature="Logs of an app")
    @pytest.mark.differs(
        "What is logged in a thread of `asyncio.to_thread`",
        own="dropped, as from any thread",
        official="shown: the invocation is known by a context variable",
        why="the newer worker",
    )
    async def test_a_thread_with_the_context_of_its_task(self, engine: str, logger: logging.Logger) -> None:
        async def starts_a_thread(timer: func.TimerRequest) -> None:
            await asyncio.to_thread(logger.error, "from a thread of a task")

        shown = await self.shown(logger, starts_a_thread)
        assert ("from a thread of a task" in shown) == (engine == "official")

    @pytest.mark.verified("trace", feature="Logs of an app")
    async def test_a_thread_is_heard_once_it_sets_the_invocation_id(self, logger: logging.Logger) -> None:
        def starts_a_thread(timer: func.TimerRequest, context: func.Context) -> None:
            def speak() -> None:
                context.thread_local_storage.invocation_id = context.invocation_id  # type: ignore[attr-defined]
                logger.error("heard")

            thread = threading.Thread(target=speak)
            thread.start()
            thread.join()

        assert "heard" in await self.shown(logger, starts_a_thread)

    @pytest.mark.verified("docs", feature="logging.logLevel")
    async def test_levels_of_host_json_apply_by_category(self, logger: logging.Logger) -> None:
        def speak(timer: func.TimerRequest) -> None:
            logger.debug("debug")
            logger.info("info")
            logger.error("error")

        assert ["info", "error"] == [line.split()[-1] for line in (await self.shown(logger, speak)).splitlines()]
        logger.handlers.clear()
        shown = await self.shown(logger, speak, {"default": "Debug", "Function.speak": "Error"})
        assert ["error"] == [line.split()[-1] for line in shown.splitlines()]


@pytest.mark.verified("trace", feature="Retry policies")
def test_invocations_have_ids_of_their_own() -> None:
    assert tick().invocation_id != tick().invocation_id
