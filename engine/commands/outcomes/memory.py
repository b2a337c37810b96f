"""The store of outcomes in memory has full semantics, for tests."""

from engine.commands.outcomes.port import Done, Outcome, Pending, Refused, replaces


class MemoryOutcomeStore:
    """Implements `OutcomeStore`."""

    def __init__(self) -> None:
        self._outcomes: dict[str, Outcome] = {}

    async def get(self, command_id: str) -> Outcome | None:
        return self._outcomes.get(command_id)

    async def begin(self, command_id: str, fingerprint: str) -> Outcome:
        return self._outcomes.setdefault(command_id, Pending(fingerprint))

    async def finish(self, command_id: str, outcome: Done | Refused) -> None:
        there = self._outcomes.get(command_id)
        if there is None or replaces(outcome, there.status):
            self._outcomes[command_id] = outcome
