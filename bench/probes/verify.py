"""A process that verifies, and says how long it took and what it held: `python -m bench.probes.verify`."""

import asyncio
import contextlib
import json
import os
import resource
import time
from datetime import timedelta

from operate import verify
from operate.failure import CommandFailed

begun = time.perf_counter()
# Nobody follows the feed here, which it finds.
with contextlib.suppress(CommandFailed):
    asyncio.run(verify.run(os.environ, None, None, timedelta(days=14), as_json=True))
lasted = time.perf_counter() - begun
print(json.dumps({"seconds": lasted, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
