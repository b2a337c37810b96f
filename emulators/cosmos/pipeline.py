"""The way of a request: every step may end it by raising the error that becomes its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from emulators.cosmos import auth, routes
from emulators.cosmos.account import Account
from emulators.cosmos.errors import COLLECTION_RID_MISMATCH, bad_request
from emulators.cosmos.requests import CONSISTENCY_LEVEL, INTENDED_RID, Request
from emulators.cosmos.routes import Handler

Step = Callable[[Account, Request], None]

_STRONGER_THAN_SESSION: Final = frozenset({"Strong", "BoundedStaleness"})


def authenticate(_account: Account, request: Request) -> None:
    auth.check(request)


def locate(account: Account, request: Request) -> None:
    """Find the container of everything that is inside of one."""
    if len(request.segments) > 4 and request.segments[4] in routes.INSIDE_CONTAINER:
        request.container = account.catalog.owner(request.segments[1], request.segments[3])


def check_intended_container(_account: Account, request: Request) -> None:
    """A client that remembers a container of the same name, deleted since, is told to read it anew."""
    intended = request.header(INTENDED_RID)
    if request.container is not None and intended and intended != request.container.rid:
        raise bad_request("The collection rid of the request is not that of the collection.", COLLECTION_RID_MISMATCH)


def check_consistency(_account: Account, request: Request) -> None:
    """A request may weaken the account's consistency, never strengthen it."""
    level = request.header(CONSISTENCY_LEVEL)
    if level in _STRONGER_THAN_SESSION:
        raise bad_request(
            f"ConsistencyLevel {level} specified in the request is invalid when service is configured with consistency "
            "level Session. Ensure the request consistency level is not stronger than the service consistency level."
        )


def check_budget(account: Account, request: Request) -> None:
    account.budget.check(request.container)


STEPS: Final[tuple[Step, ...]] = (
    authenticate,
    locate,
    check_intended_container,
    check_consistency,
    check_budget,
)


def prepare(account: Account, request: Request) -> Handler:
    """What is left to do for a request. Raises CosmosError when there is nothing."""
    operation = routes.choose(request)
    request.kind = operation.kind
    for step in STEPS:
        step(account, request)
    return operation.handler
