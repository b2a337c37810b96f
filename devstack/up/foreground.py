"""One run of the stack from the claim on its data to the last line, in the foreground of a terminal or a script."""

import os
from contextlib import ExitStack
from dataclasses import replace
from typing import Callable, Dict

from devstack.up import data_folder, environment, installer, ports, services, settings
from devstack.up.child import Child
from devstack.up.claim import Claim, Stack
from devstack.up.console import Console
from devstack.up.errors import StackError
from devstack.up.events import Event, Events, StopRequested
from devstack.up.services import COSMOS, FUNCTIONS, SERVICEBUS, TRACES, Options, Step
from devstack.up.signals import ignore_stop_requests, on_stop_request
from devstack.up.source_watch import SourceWatch
from devstack.up.supervisor import Supervisor

_DASHBOARD = ("api", "dashboard")
"""The folder of a service that has one."""


def run_stack(options: Options, reload: bool, make_ready: Callable[[], None], console: Console) -> int:
    """Start the stack and stay until it is asked to stop; returns the exit status.

    What can be refused is refused first; then `make_ready` prepares the environment, which may take a minute.
    Raises StackError.
    """
    data_folder.prepare(options.data)
    waiting = "waiting for the services of an earlier stack to end"
    with ExitStack() as uses, Claim.take(options.data, lambda: console.say(waiting)) as claim:
        _require_ports(options)
        make_ready()
        uses.enter_context(environment.in_use(options.root))
        _say_what_is_special(options, settings.file_values(options.root), console)

        events: "Events[Event]" = Events()

        def launch(step: Step, urls: Dict[str, str]) -> Child:
            return Child(
                step.name,
                [installer.interpreter(options.root), "-m", *step.arguments],
                services.environment(os.environ, urls),
                options.root,
                claim.inheritance,
                console,
                events,
            )

        def announce(urls: Dict[str, str]) -> None:
            places = [
                (urls[FUNCTIONS] + "/api", "functions"),
                (urls[COSMOS], "Cosmos DB"),
                (urls[SERVICEBUS], "Service Bus"),
                (urls[TRACES] + "/traces", "traces"),
            ]
            if os.path.isdir(os.path.join(options.root, *_DASHBOARD)):
                places.append((urls[FUNCTIONS] + "/api/dashboard", "dashboard"))
            listed = ", ".join("%s (%s)" % place for place in places)
            console.say("ready — %s, data in %s; Ctrl-C stops it" % (listed, data_folder.shown(options.data)))

        def publish(stack: Stack) -> None:
            claim.publish(replace(stack, elsewhere=services.elsewhere(os.environ)))

        def request_stop() -> None:
            events.put(StopRequested())

        on_stop_request(request_stop)
        console.when_closed(request_stop)
        watch = SourceWatch(options.root) if reload else None
        supervisor = Supervisor(services.steps(options), launch, publish, events, console)
        status = supervisor.run(announce, watch.changed if watch else None)
        ignore_stop_requests()
    console.say("stopped; the data stays in %s" % data_folder.shown(options.data))
    return status


def _require_ports(options: Options) -> None:
    functions = services.functions_ports(options)
    others = (
        ("Cosmos DB", options.cosmos_port, "DEVSTACK_COSMOS_PORT"),
        ("Service Bus", options.servicebus_port, "DEVSTACK_SERVICEBUS_PORT"),
        ("traces", options.traces_port, "DEVSTACK_TRACES_PORT"),
    )
    for number, (name, port, variable) in enumerate(others):
        if port and port in functions:
            raise StackError(
                "port %d is wanted for %s and for the functions (%d to %d); set %s to another"
                % (port, name, functions[0], functions[-1], variable)
            )
        for before, taken, _ in others[:number]:
            if port and port == taken:
                raise StackError(
                    "port %d is wanted for %s and for %s; set %s to another" % (port, before, name, variable)
                )
    for _, port, variable in others:
        ports.require_free([port], variable)
    ports.require_free(functions, "DEVSTACK_FUNCTIONS_PORT")


def _say_what_is_special(options: Options, values: Dict[str, str], console: Console) -> None:
    own = settings.own_account(os.environ)
    if own and not settings.is_local(own):
        console.say("COSMOS in the environment names %s: provisioning and functions use that, not the local one" % own)
    namespace = settings.own_namespace(os.environ)
    if namespace and not settings.is_local(namespace):
        console.say("SERVICEBUS in the environment names %s: functions use that, not the local Service Bus" % namespace)
    collector = settings.own_collector(os.environ)
    if collector:
        console.say(
            "by %s in the environment traces go to %s, not to the local receiver" % (settings.ENDPOINT, collector)
        )
    elif settings.own_collector(values) not in (None, "nowhere"):
        console.say(
            "%s has %s, but traces go to the local receiver; that in the environment would win"
            % (settings.FILE, settings.ENDPOINT)
        )
    in_file = settings.own_account(values)
    if in_file and not own and not settings.is_local(in_file):
        console.say(
            "%s names %s, but the local Cosmos DB is used; COSMOS in the environment would win"
            % (settings.FILE, in_file)
        )
    in_file = settings.own_namespace(values)
    if in_file and not namespace and not settings.is_local(in_file):
        console.say(
            "%s names %s, but the local Service Bus is used; SERVICEBUS in the environment would win"
            % (settings.FILE, in_file)
        )
    if options.hurry is not None and float(options.hurry) != 1:
        console.say("in a hurry: lease, lock and poll times are divided by %s" % options.hurry)
