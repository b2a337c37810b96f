"""Starts the steps one after the other, watches over what runs, and stops it in the reverse order."""

import os
import signal
import time
from queue import Empty
from typing import Callable, Dict, NoReturn, Optional, Sequence

from devstack.up import services
from devstack.up.child import Child
from devstack.up.claim import Running, Stack
from devstack.up.console import Console
from devstack.up.errors import FAILED, StackError
from devstack.up.events import Ended, Event, Events, Ready, StopRequested
from devstack.up.services import Service, Step, Task

Urls = Dict[str, str]
_LOOK = 1.0  # seconds between two looks for changed files


class Supervisor:
    """One run of the stack.

    `launch` starts the process of a step, given the URLs of the services that run already; `publish` is told of each
    change. A step gets `patience` seconds until it is ready, a child that is told to stop `grace` seconds.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        launch: Callable[[Step, Urls], Child],
        publish: Callable[[Stack], None],
        events: "Events[Event]",
        console: Console,
        patience: float = 120.0,
        grace: float = 15.0,
    ) -> None:
        self._steps = {step.name: step for step in steps}
        self._launch = launch
        self._publish = publish
        self._events = events
        self._console = console
        self._patience = patience
        self._grace = grace
        self._stack = Stack(os.getpid())
        self._children: Dict[str, Child] = {}

    def run(self, announce: Callable[[Urls], None], changed: Optional[Callable[[], Optional[str]]] = None) -> int:
        """Bring all up, call `announce` with the URLs, and stay until asked to stop; returns the exit status.

        `changed` tells of a changed file of the app, and the functions restart. When this returns, nothing of the
        stack runs any more.
        """
        try:
            for step in self._steps.values():
                self._start(step)
            self._stack.ready = True
            self._publish(self._stack)
            announce(self._urls())
            self._watch(changed)
        except KeyboardInterrupt:
            self._console.say("stopping")
            return 0
        except StackError as error:
            self._console.complain("%s; stopping the rest" % error)
            return error.status
        finally:
            self._stop_all()

    def _start(self, step: Step) -> None:
        child = self._children[step.name] = self._launch(step, self._urls())
        if isinstance(step, Service):
            self._stack.services[step.name] = Running(child.pid)
            self._publish(self._stack)
        deadline = time.monotonic() + self._patience
        while True:
            event = self._next(deadline)
            if event is None:
                raise StackError("%s did not get ready within %.0f s" % (step.name, self._patience))
            if isinstance(event, Ready) and event.name == step.name:
                self._stack.services[step.name].url = event.url
                self._publish(self._stack)
                return
            if isinstance(event, Ended):
                if isinstance(step, Task) and event == Ended(step.name, 0):
                    return
                raise _ended(event)

    def _watch(self, changed: Optional[Callable[[], Optional[str]]]) -> NoReturn:
        while True:
            event = self._next(time.monotonic() + _LOOK if changed else None)
            if isinstance(event, Ended):
                raise _ended(event)
            path = changed() if changed else None
            if path:
                self._restart_functions(path)

    def _restart_functions(self, path: str) -> None:
        self._console.say("%s changed; functions restart" % path)
        self._stop(services.FUNCTIONS)
        try:
            self._start(self._steps[services.FUNCTIONS])
        except StackError as error:
            if services.FUNCTIONS in self._children:
                raise
            # A change that breaks the app is answered by the change that mends it.
            self._console.complain("%s; they start again at the next change" % error)

    def _stop_all(self) -> None:
        try:
            for name in reversed(list(self._children)):
                self._stop(name)
        except KeyboardInterrupt:
            self._console.say("asked again; ending all at once")
            for child in self._children.values():
                child.kill()
            while self._children:
                self._take(None)

    def _stop(self, name: str) -> None:
        if name in self._children:
            self._children[name].terminate()
        while name in self._children:
            if self._next(time.monotonic() + self._grace) is None:
                self._console.complain("%s did not end within %.0f s; killing it" % (name, self._grace))
                self._children[name].kill()

    def _next(self, deadline: Optional[float]) -> Optional[Event]:
        """The next event, None at the deadline. Raises KeyboardInterrupt for a request to stop."""
        event = self._take(deadline)
        if isinstance(event, StopRequested):
            raise KeyboardInterrupt
        return event

    def _take(self, deadline: Optional[float]) -> Optional[Event]:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            event = self._events.get(timeout=left)
        except Empty:
            return None
        if isinstance(event, Ended):
            del self._children[event.name]
            self._stack.services.pop(event.name, None)
            self._publish(self._stack)
        return event

    def _urls(self) -> Urls:
        return {name: service.url for name, service in self._stack.services.items() if service.url}


def _ended(event: Ended) -> StackError:
    if event.status < 0:
        return StackError(
            "%s was ended by signal %d (%s)" % (event.name, -event.status, signal.strsignal(-event.status))
        )
    return StackError("%s ended on its own with status %d" % (event.name, event.status), event.status or FAILED)
