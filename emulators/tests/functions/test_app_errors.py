"""Errors of an app that cannot even be told: they fail one invocation, and end nothing else."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import azure.functions as func
import pytest

from emulators.functions.console import Console
from emulators.functions.engine import IndexingError
from emulators.functions.failures import message_of, stack_of
from emulators.functions.host import EXIT_FAILED, _until_stopped
from emulators.functions.indexing import load_app
from emulators.functions.invocation import Failure
from emulators.functions.servicebus.message import ReceivedMessage
from emulators.functions.timers import TimerListener, TimerOptions
from emulators.tests.functions.apps import Screen, eventually, only_function, running_invoker, served
from emulators.tests.functions.engines import engine as current_engine
from emulators.tests.functions.engines import told
from emulators.tests.functions.processes import running
from emulators.tests.functions.servicebus.sending import message
from emulators.tests.functions.servicebus.world import Recorder, Seen, World, running_world
from emulators.tests.functions.test_invocation import outcome_of

pytestmark = pytest.mark.usefixtures("engine")

# What the worker says of an exception that it cannot read.
UNREADABLE = "Unhandled exception in function. Could not serialize original exception message."


def unreadable(error: type[Exception], engine: str) -> str:
    """What is said of it: the runtime's entry asks for no text."""
    return {"own": UNREADABLE, "official": f"{error.__qualname__}()"}[engine]


class Mute(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class Numbered(Exception):
    """Has something else for a text."""

    def __str__(self) -> str:
        return 404  # type: ignore[return-value]


class Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no name")


class Anonymous(Exception, metaclass=Nameless):
    """Its type has no name."""


class Adding(str):
    """A text that is not added to others."""

    __slots__ = ()

    def __radd__(self, other: str) -> str:
        raise RuntimeError("no addition")


class Subtle(Exception):
    def __str__(self) -> str:
        return Adding("subtle")


@pytest.mark.verified("trace", feature="Failures: exceptions without a text")
@pytest.mark.parametrize("error", [Mute(), Numbered(), Anonymous()])
@pytest.mark.parametrize("is_async", [False, True])
async def test_an_exception_that_cannot_be_read_fails_its_invocation_in_the_workers_words(
    engine: str, error: Exception, is_async: bool
) -> None:
    def handler(timer: func.TimerRequest) -> None:
        raise error

    async def handler_async(timer: func.TimerRequest) -> None:
        raise error

    outcome = await outcome_of(handler_async if is_async else handler)
    assert isinstance(outcome, Failure)
    assert unreadable(type(error), engine) == outcome.message
    assert "raise error" in outcome.stack


@pytest.mark.differs(
    "An exception whose `__repr__` raises",
    own="its type and its text",
    official="what the `__repr__` has raised, as the failure",
    why="a defect of the entry without protobuf: the report of a failure fails outside of what it reports",
)
@pytest.mark.verified("trace", feature="Failures: exceptions without a text")
async def test_an_exception_that_cannot_be_shown_fails_its_invocation(engine: str) -> None:
    class Opaque(Exception):
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    def handler(timer: func.TimerRequest) -> None:
        raise Opaque("here")

    outcome = await outcome_of(handler)
    assert isinstance(outcome, Failure)
    assert {"own": "Opaque: here", "official": "RuntimeError: no repr"}[engine] == outcome.message


@pytest.mark.verified("docs", feature="Failures: exceptions without a text")
def test_texts_of_classes_of_their_own_are_texts() -> None:
    assert "Subtle: subtle" == message_of(Subtle())
    assert str is type(message_of(Subtle()))


@pytest.mark.verified("docs", feature="Failures: exceptions without a text")
def test_a_module_that_does_not_give_its_source_costs_the_stack_alone() -> None:
    class Loader:
        def get_source(self, name: str) -> str:
            raise RuntimeError("no source")

    names: dict[str, Any] = {"__name__": "hidden", "__loader__": Loader()}
    exec(compile("def boom():\n    raise ValueError('x')", "<hidden module>", "exec"), names)
    with pytest.raises(ValueError, match="x") as caught:
        names["boom"]()
    assert isinstance(stack_of(caught.value), str)


@pytest.mark.verified("docs", feature="Failures")
async def test_a_stop_iteration_is_an_error_like_others() -> None:
    def stop(timer: func.TimerRequest) -> None:
        raise StopIteration

    outcome = await outcome_of(stop)
    assert isinstance(outcome, Failure)
    assert outcome.message.startswith(told(RuntimeError("StopIteration"))[:-2])


@pytest.mark.verified("docs", feature="Failures: exceptions without a text")
async def test_an_app_that_cannot_be_loaded_for_it_is_an_app_without_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "class Mute(Exception):\n    def __str__(self):\n        raise RuntimeError\nraise Mute\n"
    (tmp_path / "mute_function_app.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(IndexingError, match="Could not serialize original exception message"):
        load_app(current_engine(), {"PYTHON_SCRIPT_FILE_NAME": "mute_function_app.py"})


class TestHttp:
    @pytest.fixture
    async def client(self) -> AsyncIterator[aiohttp.ClientSession]:
        async with aiohttp.ClientSession() as session:
            yield session

    def app(self, answer: Any) -> func.FunctionApp:
        app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

        @app.route("f")
        async def f(req: func.HttpRequest):  # type: ignore[no-untyped-def]
            return answer()

        @app.route("other")
        def other(req: func.HttpRequest) -> func.HttpResponse:
            return func.HttpResponse("other")

        return app

    @pytest.mark.verified("trace", feature="Failures: exceptions without a text")
    async def test_the_client_gets_an_empty_500(self, client: aiohttp.ClientSession) -> None:
        def fail() -> None:
            raise Mute

        async with served(self.app(fail)) as url, client.get(f"{url}/api/f") as answer:
            assert (500, b"") == (answer.status, await answer.read())

    @pytest.mark.verified("docs", feature="Handlers run beside the host")
    async def test_a_response_of_a_class_of_the_apps_own_is_read_on_the_loop_of_the_app(
        self, client: aiohttp.ClientSession
    ) -> None:
        reading, release = threading.Event(), threading.Event()

        class Slow(func.HttpResponse):
            def get_body(self) -> bytes:
                reading.set()
                assert release.wait(10)
                return b"at last"

        async with served(self.app(lambda: Slow())) as url:
            slow = asyncio.create_task(client.get(f"{url}/api/f"))
            assert await asyncio.to_thread(reading.wait, 10)
            other = asyncio.create_task(client.get(f"{url}/api/other"))
            async with client.get(f"{url}/admin/host/ping") as ping:
                assert 200 == ping.status
            # A thread is free for it, and its arguments are made on the loop.
            assert not other.done()
            release.set()
            async with await slow as first, await other as second:
                assert ("at last", "other") == (await first.text(), await second.text())

    @pytest.mark.verified("docs", feature="HTTP responses: values that are no response")
    @pytest.mark.parametrize(
        "returned",
        ['{"status": 200, "headers": [1]}', "[" * 100_000, '{"status": {}}', "\ud800", '{"body": "\\ud800"}'],
    )
    async def test_a_text_that_makes_no_answer_is_an_empty_500(
        self, client: aiohttp.ClientSession, returned: str
    ) -> None:
        async with served(self.app(lambda: returned)) as url, client.get(f"{url}/api/f") as answer:
            assert (500, b"") == (answer.status, await answer.read())

    @pytest.mark.verified("docs", feature="HTTP responses: values that are no response")
    async def test_a_body_that_is_not_bytes_is_an_empty_500(self, client: aiohttp.ClientSession) -> None:
        class Texts(func.HttpResponse):
            def get_body(self) -> bytes:
                return "a text"  # type: ignore[return-value]

        async with served(self.app(lambda: Texts())) as url, client.get(f"{url}/api/f") as answer:
            assert (500, b"") == (answer.status, await answer.read())


def mute(*bodies: str) -> Any:
    def behave(seen: Seen) -> None:
        if seen.body in bodies:
            raise Mute

    return behave


@pytest.fixture
async def bus() -> AsyncIterator[World]:
    async with running_world() as made:
        yield made


class TestServiceBus:
    @pytest.mark.verified("docs", feature="Failures: exceptions without a text")
    async def test_a_message_of_a_queue_is_a_dead_letter_after_its_deliveries(self, engine: str, bus: World) -> None:
        recorder = Recorder(behave=mute("bad"))
        await bus.send("plain", message("bad"), message("good"))
        async with bus.listening(recorder.app()):
            await eventually(lambda: bus.counts("plain")["active"] == 0, "the queue is empty")
        assert (1, 3, 1) == (
            bus.counts("plain/$DeadLetterQueue")["active"],
            recorder.bodies.count("bad"),
            recorder.bodies.count("good"),
        )
        assert bus.screen.text.count(unreadable(Mute, engine)) == 3

    @pytest.mark.verified("docs", feature="Failures: exceptions without a text")
    async def test_a_session_goes_on_after_three_prompt_deliveries(self, bus: World) -> None:
        recorder = Recorder(behave=mute("bad"))
        sent = [message(body, session="S") for body in ("bad", "good 1", "good 2")]
        await bus.send("sessions", *sent)
        async with bus.listening(recorder.app("sessions", is_sessions_enabled=True)):
            await eventually(lambda: bus.counts("sessions")["active"] == 0, "the session is empty", seconds=5)
        assert ["bad", "bad", "bad", "good 1", "good 2"] == recorder.of("S")
        assert [1, 2, 3] == [each.message.delivery_count for each in recorder.seen[:3]]
        assert 1 == bus.counts("sessions/$DeadLetterQueue")["active"]

    @pytest.mark.verified("docs", feature="Failures: exceptions without a text")
    async def test_a_batch_is_abandoned_as_a_whole(self, bus: World) -> None:
        recorder = Recorder(behave=mute("bad"))
        await bus.send("plain", message("bad"))
        async with bus.listening(recorder.batch_app()):
            await eventually(lambda: bus.counts("plain")["active"] == 0, "the queue is empty")
            await bus.send("plain", message("good"))
            await eventually(lambda: "good" in recorder.bodies, "the function listens on")
        assert (1, 3) == (bus.counts("plain/$DeadLetterQueue")["active"], recorder.bodies.count("bad"))

    @pytest.mark.verified("docs", feature="Service Bus trigger: what is no message fails")
    async def test_what_the_host_itself_cannot_make_of_a_message_fails_it(
        self, bus: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = ReceivedMessage.of

        def of(delivery: Any) -> Any:
            if b"bad" in delivery.payload:
                raise RecursionError("too deep")
            return made(delivery)

        monkeypatch.setattr(ReceivedMessage, "of", of)
        recorder = Recorder()
        await bus.send("sessions", message("bad", session="S"), message("good", session="S"))
        async with bus.listening(recorder.app("sessions", is_sessions_enabled=True)):
            await eventually(lambda: bus.counts("sessions")["active"] == 0, "the session is empty", seconds=5)
        assert (["good"], 1) == (recorder.bodies, bus.counts("sessions/$DeadLetterQueue")["active"])


@pytest.mark.verified("docs", feature="Failures: exceptions without a text")
async def test_a_timer_runs_again(tmp_path: Path) -> None:
    runs: list[int] = []
    app = func.FunctionApp()

    @app.timer_trigger(arg_name="timer", schedule="* * * * * *")
    def tick(timer: func.TimerRequest) -> None:
        runs.append(1)
        raise Mute

    function, screen = only_function(app), Screen()
    async with running_invoker(screen) as invoker:
        options = TimerOptions.from_binding(function.trigger, datetime.now(UTC))
        timer = TimerListener(function, options, invoker, screen, data_dir=tmp_path, hurry=1)
        await timer.start()
        try:
            await eventually(lambda: len(runs) == 2, "it runs again")
        finally:
            await timer.stop()


class TestConsole:
    @pytest.mark.verified("docs", feature="Failures: exceptions without a text")
    @pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
    async def test_any_text_can_be_shown(self, encoding: str) -> None:
        written = io.BytesIO()
        stream = io.TextIOWrapper(written, encoding=encoding)
        Console(stream=stream).line("half a \ud83d and ü", "\udcff")
        assert written.getvalue().decode(encoding).endswith("\\udcff\n")

    @pytest.mark.verified("docs", feature="Supervision")
    async def test_nobody_has_to_read_it(self) -> None:
        class Gone(io.StringIO):
            def write(self, text: str) -> int:
                raise BrokenPipeError

        Console(stream=Gone()).line("unread")
        closed = io.StringIO()
        closed.close()
        Console(stream=closed).line("unread")

    @pytest.mark.verified("docs", feature="Supervision")
    async def test_a_host_ends_when_one_of_its_tasks_has_crashed(self) -> None:
        screen = Screen()

        async def crash() -> None:
            raise Mute

        async with running_invoker(screen) as invoker:
            waiting = asyncio.create_task(_until_stopped(asyncio.Event(), invoker, screen))
            task = asyncio.create_task(crash())
            task.add_done_callback(screen.crash_of)
            assert EXIT_FAILED == await waiting
        assert f"devstack failed: {UNREADABLE}" in screen.text


@pytest.mark.verified("docs", feature="Supervision")
def test_a_listener_that_ends_by_a_defect_takes_its_host_down_and_comes_back_with_the_next(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "function_app.py").write_text(
        "import pathlib\n"
        "import azure.functions as func\n"
        "from emulators.functions import timers\n"
        "app = func.FunctionApp()\n"
        "@app.timer_trigger(arg_name='timer', schedule='* * * * * *')\n"
        "def tick(timer: func.TimerRequest) -> None: ...\n"
        "def broken(*_, **__):\n"
        "    raise KeyError('a defect')\n"
        "if not pathlib.Path('before').exists():\n"
        "    pathlib.Path('before').touch()\n"
        "    timers.invoke_with_retries = broken\n"
    )
    with running("emulators.functions", "--port", "0", "--app", str(tmp_path), "--ephemeral") as service:
        service.says("devstack failed: KeyError: 'a defect'")
        service.says("host 1 ended with status 1; again in")
        service.says("tick ok timer")
