"""Settings of the service as tests want them."""

from typing import Final

from composition.settings import Settings

NO_BUS: Final = "Endpoint=sb://localhost:1;SharedAccessKeyName=n;SharedAccessKey=k;UseDevelopmentEmulator=true;"
"""For what never sends: nothing listens there."""


def settings_for(cosmos: str, database: str = "orders", bus: str = NO_BUS, **others: str) -> Settings:
    """Both are connection strings."""
    return Settings.from_mapping({"COSMOS": cosmos, "COSMOS_DATABASE": database, "SERVICEBUS": bus, **others})
