"""The commands of `python -m operate` that know this domain: modules with a function `add(commands, settings)`.

Named, not imported: they stand above the composition, and build services by it.
"""

from typing import Final

COMMANDS: Final[tuple[str, ...]] = ()
