"""`python -m emulators.bench`: measure all of it, or parts, and print or keep the tables."""

import sys
from typing import Final

from emulators.bench import at_scale, local_bus, local_cloud, tool
from emulators.bench.tool import Parts

_PROG: Final = "python -m emulators.bench"

PARTS: Final[Parts] = {
    "local-cloud": ("the local Cosmos DB under the SDK", local_cloud.run),
    "local-bus": ("the local Service Bus beside a bus that stores nothing, and a million messages", local_bus.run),
    "at-scale": ("the local Cosmos DB with a million events", at_scale.run),
}


def main() -> int:
    parser = tool.parser(_PROG, "Measures the local services on this machine.", PARTS)
    tool.measure(_PROG, PARTS, parser.parse_args())
    return 0


if __name__ == "__main__":
    sys.exit(main())
