"""Invoking a function again after a failure, as its retry policy says."""

import asyncio
from dataclasses import replace

from emulators.functions.console import Console
from emulators.functions.context import RetryContext
from emulators.functions.engine import Call
from emulators.functions.indexing import Function
from emulators.functions.invocation import Failure, Invoker, Outcome, report


async def invoke_with_retries(
    function: Function, call: Call, what: str, *, invoker: Invoker, console: Console, hurry: float, halt: asyncio.Event
) -> Outcome | None:
    """The outcome of the last attempt, or None if `halt` was set while waiting for another one.

    Every attempt has the same input and invocation id. Intervals are divided by `hurry`; `what` says in the
    console what the function works on.
    """
    policy = None if function.retry is None else function.retry.hurried(hurry)
    if policy is not None:
        call = replace(call, retry=RetryContext(max_retry_count=policy.max_retry_count))
    attempt = 0
    while True:
        outcome = await invoker.invoke(function, call)
        report(console, function.name, outcome, f"{what} (retry {attempt})" if attempt else what)
        if not isinstance(outcome, Failure) or policy is None:
            return outcome
        attempt += 1
        if not policy.allows(attempt):
            console.outcome(function.name, f"Function execution failed after '{attempt - 1}' retries.")
            return outcome
        delay = policy.delay(attempt)
        console.outcome(function.name, f"retry {attempt} of {what} in {delay:.1f} s")
        if await _set_within(halt, delay):
            return None
        previous = outcome.as_rpc_exception(function.name)
        call = replace(call, retry=RetryContext(attempt, policy.max_retry_count, previous))


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
