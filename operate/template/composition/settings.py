"""What the environment says, parsed once into a frozen value: what the engine reads, and what this domain adds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from engine.settings import EngineSettings, SettingsReader


@dataclass(frozen=True, slots=True)
class Settings:
    engine: EngineSettings

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> Self:
        """Reads the settings of local.settings.json.example. Raises SettingsError, which names every problem."""
        reader = SettingsReader(environment)
        settings = cls(engine=EngineSettings.read(reader))
        reader.check()
        return settings
