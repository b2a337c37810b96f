"""What the stack consists of, as data: which processes start, in what order, with which arguments and environment."""

import os
from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Tuple, Union

from devstack.up import entities, settings


@dataclass(frozen=True)
class Service:
    """A process that runs until it is stopped, and says on stdout when it serves."""

    name: str
    arguments: Tuple[str, ...]


@dataclass(frozen=True)
class Task:
    """A process that ends by itself, with status 0, before the next step starts."""

    name: str
    arguments: Tuple[str, ...]


Step = Union[Service, Task]


@dataclass(frozen=True)
class Options:
    """How the user wants the stack: root and data as absolute paths, None for what the services decide."""

    root: str
    data: str
    functions_port: int
    cosmos_port: int
    servicebus_port: int
    traces_port: int
    instances: int = 1
    hurry: Optional[str] = None
    lag: Optional[str] = None
    engine: Optional[str] = None


TRACES = "traces"
COSMOS = "cosmos"
SERVICEBUS = "servicebus"
PROVISION = "provision"
FUNCTIONS = "functions"


def steps(options: Options) -> Tuple[Step, ...]:
    """All of the stack, in the order of its start; it stops in the reverse order."""
    cosmos = ["emulators.cosmos", "--port", str(options.cosmos_port), "--data", os.path.join(options.data, COSMOS)]
    bus = ["emulators.servicebus", "--config", entities.path(options.data), "--port", str(options.servicebus_port)]
    bus += ["--data", os.path.join(options.data, SERVICEBUS)]
    functions = ["emulators.functions", "--port", str(options.functions_port), "--app", options.root]
    functions += ["--data", os.path.join(options.data, FUNCTIONS), "--instances", str(options.instances)]
    hurry = _given("--hurry", options.hurry)
    return (
        Service(TRACES, ("emulators.traces", "--port", str(options.traces_port))),
        Service(COSMOS, tuple(cosmos + hurry + _given("--lag", options.lag))),
        Service(SERVICEBUS, tuple(bus + hurry)),
        Task(PROVISION, ("operate", "provision")),
        Service(FUNCTIONS, tuple(functions + hurry + _given("--engine", options.engine))),
    )


def _given(flag: str, value: Optional[str]) -> List[str]:
    return [] if value is None else [flag, value]


def functions_ports(options: Options) -> Tuple[int, ...]:
    """The front port, and one behind it for each host."""
    first = options.functions_port
    if first == 0:
        return (first,)
    return tuple(range(first, first + options.instances + 1))


def environment(environ: Mapping[str, str], urls: Mapping[str, str]) -> Dict[str, str]:
    """The environment of a step: the user's own, and the addresses of what was started.

    It wins over the settings file, which the steps read themselves.
    """
    result = dict(environ)
    result.update(connections(urls, elsewhere(environ)))
    if TRACES in urls and settings.ENDPOINT not in environ:
        result[settings.ENDPOINT] = urls[TRACES]
        # In milliseconds; the SDK's five seconds and a minute are long for somebody who has just placed an order.
        result.setdefault("OTEL_BSP_SCHEDULE_DELAY", "500")
        result.setdefault("OTEL_METRIC_EXPORT_INTERVAL", "5000")
    # The services end when their stdin does, so that nothing outlives a killed supervisor.
    result["DEVSTACK_SUPERVISED"] = "1"
    result["PYTHONUNBUFFERED"] = "1"
    return result


def connections(urls: Mapping[str, str], elsewhere: Mapping[str, str]) -> Dict[str, str]:
    """The settings that lead to what was started, by its URLs, but for those that lead elsewhere.

    One account, however the user names it: a connection string beside an endpoint would contradict it.
    """
    result = {}
    if COSMOS in urls and "COSMOS" not in elsewhere:
        result["COSMOS"] = settings.connection_string(urls[COSMOS])
    if SERVICEBUS in urls and "SERVICEBUS" not in elsewhere:
        result["SERVICEBUS"] = settings.servicebus_connection_string(urls[SERVICEBUS])
    return result


def elsewhere(environ: Mapping[str, str]) -> Dict[str, str]:
    """What the user's environment names instead of what is started, by the setting that would lead to it.

    It has no secret in it.
    """
    named = {
        "COSMOS": settings.own_account(environ),
        "SERVICEBUS": settings.own_namespace(environ),
        settings.ENDPOINT: settings.own_collector(environ),
    }
    return {name: address for name, address in named.items() if address}
