"""`python -m operate` loads these modules for the commands that know this domain.

Each module has a click command `COMMAND`. They are named, not imported: they stand above the composition, and build
services by it.
"""

from typing import Final

COMMANDS: Final[tuple[str, ...]] = ("support.commands", "demo.commands")

COUNTED: Final = ("order", "PlaceOrder")
"""`operate cost` tells what each of these costs, which a command of this type begins."""
