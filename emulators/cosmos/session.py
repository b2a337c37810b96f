"""Session tokens: `<range id>:<version>#<LSN>`, several joined by commas."""

from __future__ import annotations

from collections.abc import Iterable

from emulators.cosmos.errors import bad_request


def session_lsn(token: str | None) -> int | None:
    """The LSN that a session has seen. Ranges share their container's counter, so the greatest one counts.

    Raises 400 for a token that is none.
    """
    if not token:
        return None
    try:
        return max(_lsn(part) for part in token.split(","))
    except (ValueError, IndexError):
        raise bad_request(f"The session token provided '{token}' is invalid.") from None


def _lsn(part: str) -> int:
    _, colon, vector = part.partition(":")
    if not colon:
        raise ValueError(part)
    # "-1#42", and for accounts with several regions "0#62#27=-1"
    fields = vector.split("#")
    return int(fields[1] if len(fields) > 1 else fields[0])


def session_token(range_ids: Iterable[str], lsn: int) -> str:
    return ",".join(f"{range_id}:-1#{lsn}" for range_id in range_ids)
