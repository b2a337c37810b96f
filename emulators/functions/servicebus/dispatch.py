"""From received messages to an invocation and back: what the host calls, and what it tells the broker afterwards."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum

from emulators.functions.console import Console
from emulators.functions.engine import Call
from emulators.functions.failures import message_of
from emulators.functions.indexing import Function
from emulators.functions.invocation import Failure, Invoker, Success, report
from emulators.functions.retrying import invoke_with_retries
from emulators.functions.servicebus.binding_data import BindingData
from emulators.functions.servicebus.client import ServiceBusClient
from emulators.functions.servicebus.errors import BusError, LockLostError
from emulators.functions.servicebus.message import ReceivedMessage, iso
from emulators.functions.servicebus.receiver import ABANDON, COMPLETE, RELEASE, Delivery, Receiver, Settlement
from emulators.functions.servicebus.renewal import Renewal


class Verdict(Enum):
    """How an invocation ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    # Given up while it waited for a retry because the host stops: as if it had not been delivered.
    INTERRUPTED = "interrupted"


_SETTLEMENTS: dict[Verdict, Settlement] = {
    Verdict.SUCCEEDED: COMPLETE,
    Verdict.FAILED: ABANDON,
    Verdict.INTERRUPTED: RELEASE,
}


class Dispatcher:
    """Hands deliveries to one function and settles them. `halt` tells to wait for no further retry.

    The lock of a message that came without a session is renewed while the function works on it, for at most
    `max_lock_renewal` seconds (None: without end).
    """

    def __init__(
        self,
        function: Function,
        data: BindingData,
        client: ServiceBusClient,
        invoker: Invoker,
        console: Console,
        *,
        auto_complete: bool,
        max_lock_renewal: float | None,
        hurry: float,
        halt: asyncio.Event,
    ) -> None:
        self._function = function
        self._data = data
        self._client = client
        self._invoker = invoker
        self._console = console
        self._auto_complete = auto_complete
        self._max_lock_renewal = max_lock_renewal
        self._hurry = hurry
        self._halt = halt

    async def one(self, receiver: Receiver, delivery: Delivery, *, ask: int) -> None:
        """Call the function with one message and settle it, asking for `ask` more at once.

        Raises LockLostError if the lock of the session is lost, another BusError if the link is.
        """
        started = time.monotonic()
        try:
            message = ReceivedMessage.of(delivery)
            inputs, metadata = self._data.single(message, _lock(receiver))
        except Exception as error:  # noqa: BLE001 - a message may be anything; the listener goes on with the next one
            what = f"a message{_of(receiver)}"
            report(self._console, self._function.name, _not_called(error, started), what)
            await self._settle(receiver, delivery, Verdict.FAILED, what, ask)
            return
        what = _about(message, receiver)
        renewal = None if receiver.session_id is not None else self._renewal(receiver, delivery, message)
        try:
            verdict = await self._call(Call(inputs, metadata), what)
            await self._settle(receiver, delivery, verdict, what, ask)
        finally:
            if renewal is not None:
                renewal.stop()

    async def many(self, receiver: Receiver, deliveries: Sequence[Delivery]) -> None:
        """Call the function with all of them and settle all alike. Raises BusError if the link or the lock is lost."""
        started = time.monotonic()
        what = f"{len(deliveries)} message{'' if len(deliveries) == 1 else 's'}{_of(receiver)}"
        try:
            inputs, metadata = self._data.batch([ReceivedMessage.of(each) for each in deliveries], _lock(receiver))
        except Exception as error:  # noqa: BLE001 - as above
            report(self._console, self._function.name, _not_called(error, started), what)
            verdict = Verdict.FAILED
        else:
            verdict = await self._call(Call(inputs, metadata), what)
        settled = await asyncio.gather(
            *(self._settle(receiver, each, verdict, what, 0) for each in deliveries), return_exceptions=True
        )
        for each in settled:
            if isinstance(each, BaseException):
                raise each

    def _renewal(self, receiver: Receiver, delivery: Delivery, message: ReceivedMessage) -> Renewal | None:
        token = delivery.lock_token
        if self._max_lock_renewal == 0 or token is None:
            return None

        def failed(error: BusError) -> None:
            self._console.outcome(self._function.name, f"cannot renew the lock of {_about(message, receiver)}: {error}")

        return Renewal(
            lambda: self._client.renew_message_lock(receiver.entity, token),
            message.locked_until,
            self._max_lock_renewal,
            failed,
        )

    async def _call(self, call: Call, what: str) -> Verdict:
        outcome = await invoke_with_retries(
            self._function,
            call,
            what,
            invoker=self._invoker,
            console=self._console,
            hurry=self._hurry,
            halt=self._halt,
        )
        if outcome is None:
            return Verdict.INTERRUPTED
        return Verdict.SUCCEEDED if isinstance(outcome, Success) else Verdict.FAILED

    async def _settle(self, receiver: Receiver, delivery: Delivery, verdict: Verdict, what: str, ask: int) -> None:
        if verdict is Verdict.SUCCEEDED and not self._auto_complete:
            # Nobody settles it, so the broker delivers it again when its lock ends.
            receiver.ask(ask)
            return
        try:
            if not receiver.live and receiver.session_id is None:
                await self._settle_without_link(receiver, delivery, verdict)
            elif verdict is Verdict.INTERRUPTED:
                receiver.give_back([delivery])
                receiver.ask(ask)
            else:
                await receiver.settle(delivery, _SETTLEMENTS[verdict], ask=ask)
        except BusError as error:
            lost = "its lock was lost" if isinstance(error, LockLostError) else "it was not settled"
            self._console.outcome(self._function.name, f"{what}: {lost}, the broker delivers it again: {error}")
            # The lock of one message is of no concern to the others; without its session nothing goes on.
            if receiver.session_id is not None or not isinstance(error, LockLostError):
                raise

    async def _settle_without_link(self, receiver: Receiver, delivery: Delivery, verdict: Verdict) -> None:
        """The lock of a message outlives the link that it came by, so it is settled by its token, as in the SDKs."""
        if delivery.lock_token is not None and verdict is not Verdict.INTERRUPTED:
            await self._client.settle_by_token(
                receiver.entity, delivery.lock_token, complete=verdict is Verdict.SUCCEEDED
            )


def _not_called(error: Exception, started: float) -> Failure:
    return Failure(message_of(error), "", time.monotonic() - started)


def _about(message: ReceivedMessage, receiver: Receiver) -> str:
    again = f" (delivery {message.delivery_count})" if message.delivery_count > 1 else ""
    return f"message {message.sequence_number}{_of(receiver)}{again}"


def _of(receiver: Receiver) -> str:
    return "" if receiver.session_id is None else f" of session {receiver.session_id}"


def _lock(receiver: Receiver) -> str | None:
    if receiver.session_id is None:
        return None
    return f"{iso(datetime.fromtimestamp(receiver.locked_until, UTC))}+00:00"
