"""The dashboard answers with these problems beside those of the engine. The text of each says what a client does."""

from engine.triggers.problems import BadRequest


class StreamUnreadable(BadRequest):
    """Mend or delete the item that `detail` names: `order` shows what can be read beside it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, status=409, title="Stream unreadable")


class StillParked(BadRequest):
    """Mend the cause, which `detail` says, and release it again. What was handled before it stays handled."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, status=409, title="Still parked")
