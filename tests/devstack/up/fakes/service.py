"""A service that keeps the contract of devstack's services, and serves nothing.

It notes its life in `journal.jsonl` of the working directory. `faults.json` there makes it misbehave, and who connects
to its port ends it with the status that he sends.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import Any

NAME = Path(__file__).parent.name


def note(event: str, **details: Any) -> None:
    with Path("journal.jsonl").open("a") as journal:
        journal.write(json.dumps({"name": NAME, "event": event, "pid": os.getpid(), **details}) + "\n")


def serve(port: int, faults: dict[str, Any]) -> None:
    # Unlike an Event, it may be used in a signal handler that interrupts the wait for it.
    stop: SimpleQueue[None] = SimpleQueue()

    def asked(number: int, _: object) -> None:
        if number == signal.SIGINT:
            note("interrupt")
        if not faults.get("stubborn"):
            stop.put(None)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)

    def end_with_stdin() -> None:
        sys.stdin.buffer.read()
        if not faults.get("stubborn"):
            stop.put(None)

    def end_when_told(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        status = int(connection.recv(16))
        # Nobody reads it once the supervisor was killed.
        with contextlib.suppress(BrokenPipeError):
            print(f"{NAME} gives up", flush=True)
        os._exit(status)

    with socket.create_server(("127.0.0.1", port)) as listener:
        if os.environ.get("DEVSTACK_SUPERVISED") == "1":
            threading.Thread(target=end_with_stdin, daemon=True).start()
        threading.Thread(target=end_when_told, args=(listener,), daemon=True).start()
        if not faults.get("mute"):
            print(f"devstack: {NAME} ready at http://localhost:{listener.getsockname()[1]}", flush=True)
        stop.get()
    note("stop")
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(prog=f"python -m devstack.{NAME}")
    parser.add_argument("--port", type=int, required=True)
    for option in ("--data", "--config", "--app", "--instances", "--hurry", "--lag", "--engine"):
        parser.add_argument(option)
    arguments = parser.parse_args()
    faults = json.loads(Path("faults.json").read_text()).get(NAME, {})
    addresses = {name.lower(): os.environ.get(name) for name in ("COSMOS", "SERVICEBUS")}
    telemetry = {name: value for name, value in os.environ.items() if name.startswith("OTEL_")}
    note("start", arguments=sys.argv[1:], telemetry=telemetry, **addresses)
    if "broken" in faults and Path(faults["broken"]).read_text() == "broken":
        print("the app does not load")
        sys.exit(5)
    serve(arguments.port, faults)


if __name__ == "__main__":
    main()
