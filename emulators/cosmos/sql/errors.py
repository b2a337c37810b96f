"""Refusals of queries, in the words and with the codes of the service's compiler."""

from __future__ import annotations

import json

from emulators.cosmos.errors import CosmosError, bad_request


def compile_error(code: str, message: str, start: int = 0, end: int = 0) -> CosmosError:
    error = {"severity": "Error", "location": {"start": start, "end": end}, "code": code, "message": message}
    return bad_request(f"Message: {json.dumps({'errors': [error]}, separators=(',', ':'))}")


def planner_error(message: str) -> CosmosError:
    """A refusal without a place or a code."""
    return bad_request(f"Message: {json.dumps({'Errors': [message]}, separators=(',', ':'))}")


def syntax_error(text: str, start: int, end: int) -> CosmosError:
    return compile_error("SC1001", f"Syntax error, incorrect syntax near '{text}'.", start, end)
