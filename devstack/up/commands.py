"""What each command of `python -m devstack` does."""

import argparse
import importlib.util
import json
import os
import signal
import sys
from dataclasses import asdict
from typing import Dict, List, NoReturn, Optional

from devstack.up import claim, data_folder, entities, environment, installer, services, settings
from devstack.up.arguments import parser
from devstack.up.claim import Claim, Stack
from devstack.up.console import Console
from devstack.up.errors import FAILED, StackError
from devstack.up.foreground import run_stack
from devstack.up.services import COSMOS, FUNCTIONS, SERVICEBUS, TRACES, Options

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_STOP_PATIENCE = 60.0  # seconds
_INTERRUPTED = 128 + signal.SIGINT


def run(arguments: List[str]) -> int:
    """Do what the command line asks for; returns the exit status."""
    console = Console()
    try:
        if arguments and arguments[0] in (COSMOS, SERVICEBUS, FUNCTIONS, TRACES):
            _become("emulators." + arguments[0], _given(arguments[0], arguments[1:]) + arguments[1:])
        return _command(parser().parse_args(arguments), console)
    except StackError as error:
        console.complain(str(error))
        return error.status
    except OSError as error:
        console.complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        console.complain("interrupted")
        return _INTERRUPTED


def _command(arguments: argparse.Namespace, console: Console) -> int:
    if arguments.command == "up":
        return _up(arguments, console)
    if arguments.command == "status":
        return _status(arguments.json, console)
    if arguments.command == "setup":
        return _setup(arguments.this_python, console)
    return {"down": _down, "reset": _reset}[arguments.command](console)


def _up(arguments: argparse.Namespace, console: Console) -> int:
    root = _root()
    variables = settings.variables(os.environ)
    options = Options(
        root=root,
        data=_data(),
        functions_port=variables.functions_port,
        cosmos_port=variables.cosmos_port,
        servicebus_port=variables.servicebus_port,
        traces_port=variables.traces_port,
        instances=arguments.instances,
        hurry=arguments.hurry,
        lag=arguments.lag,
        engine=arguments.engine,
    )
    return run_stack(
        options, arguments.reload, lambda: _make_all_ready(options, console, arguments.this_python), console
    )


def _setup(insist: bool, console: Console) -> int:
    _make_ready(_root(), console, insist)
    return 0


def _down(console: Console) -> int:
    data = _data()
    stack = claim.running(data)
    if stack is None:
        console.say("no stack runs over %s" % data_folder.shown(data))
        return 0
    os.kill(stack.pid, signal.SIGTERM)
    if not claim.wait_until_ended(data, _STOP_PATIENCE):
        raise StackError("the stack (pid %d) did not end within %.0f s" % (stack.pid, _STOP_PATIENCE))
    console.say("stopped; the data stays in %s" % data_folder.shown(data))
    return 0


def _status(as_json: bool, console: Console) -> int:
    data = _data()
    stack = claim.running(data)
    if as_json:
        found = asdict(stack) if stack else {"pid": None, "ready": False, "services": {}, "elsewhere": {}}
        console.plain(json.dumps(dict(running=stack is not None, data=data, settings=_settings_of(stack), **found)))
    elif stack is None:
        console.say("no stack runs over %s" % data_folder.shown(data))
    else:
        state = "ready" if stack.ready else "starting"
        console.say("%s (pid %d), data in %s" % (state, stack.pid, data_folder.shown(data)))
        for name, service in stack.services.items():
            console.plain("  %-10s  %s  (pid %d)" % (name, service.url or "starting", service.pid))
    return 0 if stack and stack.ready else 1


def _settings_of(stack: Optional[Stack]) -> Dict[str, str]:
    """By which a tool works on what the functions of the stack work on."""
    if stack is None:
        return {}
    urls = {name: service.url for name, service in stack.services.items() if service.url}
    return services.connections(urls, stack.elsewhere)


def _reset(console: Console) -> int:
    data = _data()
    shown = data_folder.shown(data)
    if not os.path.isdir(data):
        console.say("there is no %s, nothing to remove" % shown)
        return 0
    data_folder.require_marker(data)
    stack = claim.running(data)
    if stack:
        raise StackError(
            "a stack already runs over %s (pid %d); `python -m devstack down` stops it, then run this again"
            % (shown, stack.pid)
        )
    with Claim.take(data, lambda: console.say("waiting for the services of an earlier stack to end")):
        parts = ["%s %.1f MB" % (name, size / 1e6) for name, size in data_folder.sizes(data).items()]
        console.say("reset removes %s (%s)" % (shown, ", ".join(parts) or "empty"))
        if sys.stdin.isatty() and input("Go ahead? [y/N] ").strip().lower() not in ("y", "yes"):
            raise StackError("nothing was removed")
        data_folder.remove(data)
    return 0


def _make_ready(root: str, console: Console, insist: bool) -> None:
    environment.prepare(root, console, insist=insist)
    if settings.create_file(root):
        console.say("created %s from its example" % settings.FILE)


def _make_all_ready(options: Options, console: Console, insist: bool) -> None:
    _make_ready(options.root, console, insist)
    entities.write(options.root, options.data)


def _given(service: str, arguments: List[str]) -> List[str]:
    """What Service Bus gets unless it is told otherwise: the entities of this project."""
    if service != SERVICEBUS or any(each in ("-h", "--help", "--config") for each in arguments):
        return []
    return ["--config", entities.write(_ROOT, _data())]


def _become(module: str, arguments: List[str]) -> NoReturn:
    """Go on as `module`, under the environment's Python where there is one."""
    python = installer.interpreter(_ROOT)
    if not os.path.exists(python):
        python = sys.executable
        if importlib.util.find_spec("aiohttp") is None:
            raise StackError(
                "the services need packages that are not installed; `python -m devstack setup` installs them"
            )
    os.execv(python, [python, "-m", module, *arguments])  # noqa: S606 - the project's own interpreter and module


def _root() -> str:
    if not os.path.samefile(os.getcwd(), _ROOT):
        raise StackError("run it in the root of the project: cd %s" % _ROOT)
    return _ROOT


def _data() -> str:
    return os.path.join(_root(), settings.variables(os.environ).data)
