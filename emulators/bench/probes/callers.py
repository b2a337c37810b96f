"""Calls of the SDK from one process, as many as it can make: `python -m emulators.bench.probes.callers`.

It is told by its stdin. The first line is `{"url": …, "placed": […]}`. It prints `{}` when it is connected. Each
further line names a call and seconds, `["point read", 2.0]`; the answer is `{"calls": …, "processor": seconds}`, the
process's own processor time.
"""

import asyncio
import json
import sys
import time
from typing import Any, Final

from emulators.bench import events
from emulators.bench.local_cloud import AT_ONCE, CALLS_OF, Call, Caller

_END: Final = ""


async def main() -> None:
    known = await _line()
    async with events.opened(known["url"]) as container:
        caller = Caller(container, known["placed"])
        for call in CALLS_OF.values():
            await call(caller, 0)
        await caller.drain()
        _say({})
        while (told := await _line()) is not None:
            name, seconds = told
            _say(await _load(caller, CALLS_OF[name], seconds))


async def _load(caller: Caller, call: Call, seconds: float) -> dict[str, float]:
    until = time.perf_counter() + seconds
    begun = time.process_time()

    async def client(number: int) -> int:
        made = 0
        while time.perf_counter() < until:
            await call(caller, (number + made) % len(caller.placed))
            made += 1
        return made

    made = await asyncio.gather(*(client(number) for number in range(AT_ONCE)))
    return {"calls": sum(made), "processor": time.process_time() - begun}


async def _line() -> Any:
    text = await asyncio.to_thread(sys.stdin.readline)
    return None if text == _END else json.loads(text)


def _say(value: object) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
