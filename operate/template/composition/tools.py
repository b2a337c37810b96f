"""The commands of `python -m operate` that know this domain: modules with a click command `COMMAND`.

Named, not imported: they stand above the composition, and build services by it.
"""

from typing import Final

COMMANDS: Final[tuple[str, ...]] = ()
