"""The settings are read from the environment once, into a frozen value: those of the engine and of this domain."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from engine.settings import EngineSettings, SettingsReader

DEFAULT_PAYMENT_DEADLINE: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Settings:
    engine: EngineSettings
    payment_deadline: timedelta
    operators_tools: bool

    @classmethod
    def from_mapping(cls, environment: Mapping[str, str]) -> Self:
        """Reads the settings that local.settings.json.example lists.

        Raises SettingsError, which names every problem.
        """
        reader = SettingsReader(environment)
        settings = cls(
            engine=EngineSettings.read(reader),
            payment_deadline=reader.time_span("PAYMENT_DEADLINE", DEFAULT_PAYMENT_DEADLINE),
            operators_tools=reader.switch("OPERATORS_TOOLS"),
        )
        reader.check()
        return settings
