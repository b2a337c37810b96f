"""A `File` is answered as it is, or as a 304 to a client that has it."""

import hashlib
from dataclasses import dataclass, field
from typing import Self

import azure.functions as func

from engine.triggers.http_requests import is_current


@dataclass(frozen=True, slots=True)
class File:
    """Changes with the build alone. `tag` is a digest of its content."""

    content: bytes = field(repr=False)
    media_type: str
    tag: str

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Self:
        return cls(content, media_type, hashlib.sha256(content).hexdigest()[:16])

    def answer(self, req: func.HttpRequest, **headers: str) -> func.HttpResponse:
        # `no-cache` means: to be kept, and asked for before each use whether it is still the same.
        headers = {"ETag": f'"{self.tag}"', "Cache-Control": "no-cache", **headers}
        if is_current(req, self.tag):
            return func.HttpResponse(status_code=304, headers=headers)
        return func.HttpResponse(self.content, mimetype=self.media_type, headers=headers)
