"""What the weather service does on its bus."""

import asyncio
import os
import sys
from typing import List  # noqa: UP035 - the worker knows no other list

import azure.functions as func

alarms = func.Blueprint()  # type: ignore[no-untyped-call]

BUS = "BUS"


def say(line: str) -> None:
    """A whole line in one write: several functions speak at the same time."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@alarms.service_bus_queue_trigger(arg_name="message", connection=BUS, queue_name="%ALARMS%")
def alarm(message: func.ServiceBusMessage) -> None:
    """Fails on false alarms, which end as dead letters."""
    text = message.get_body().decode()
    if text == "false":
        raise ValueError("a false alarm")
    say(f"alarm: {text} {message.delivery_count}")


@alarms.service_bus_topic_trigger(
    arg_name="message", connection=BUS, topic_name="forecasts", subscription_name="storms", data_type="BINARY"
)
async def storm(message: func.ServiceBusMessage, context: func.Context) -> None:
    say(f"storm: {message.get_body().decode()} {message.application_properties}")


@alarms.service_bus_queue_trigger(
    arg_name="message", connection=BUS, queue_name="stations", is_sessions_enabled=True, data_type="BINARY"
)
async def station(message: func.ServiceBusMessage) -> None:
    """Each station in its order."""
    await asyncio.sleep(0.005)
    say(f"station: {message.session_id} {message.get_body().decode()} {os.getpid()}")


@alarms.service_bus_queue_trigger(
    arg_name="messages", connection=BUS, queue_name="digests", cardinality="many", data_type="BINARY"
)
def digest(messages: List[func.ServiceBusMessage]) -> None:  # noqa: UP006
    say(f"digest: {sorted(message.get_body().decode() for message in messages)}")
