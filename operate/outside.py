"""Each error of what a command connects to becomes one line that says what to do."""

import socket
import ssl
from collections.abc import Iterator
from typing import Final

from engine.errors import AccessRefused, UnsuitableAccount
from engine.settings import EngineSettings
from operate.target import bus_address, is_here

_READERS: Final = ("azure.", "engine.storing.cosmos_account")
_START: Final = "start it with `make run`, or check"


def explained(error: BaseException, engine: EngineSettings) -> str:
    """Says what is wrong with the account of these settings, by the errors that led to this one."""
    return _of_the_bus(error, engine) if "Service Bus" in str(error) else _of_the_store(error, engine)


def first_line(error: BaseException) -> str:
    """Gives what it says, without the pages that an SDK adds."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].strip()


def misunderstood(error: Exception, engine: EngineSettings) -> str | None:
    """Says what an SDK, or what reads its containers, has stumbled over; None for a defect of ours."""
    module = _raised_in(error)
    if module.startswith("azure.servicebus"):
        return f"SERVICEBUS cannot be used: {first_line(error)}"
    return _no_cosmos(engine) if module.startswith(_READERS) else None


def _raised_in(error: Exception) -> str:
    """Names the module that raised it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else str(trace.tb_frame.f_globals.get("__name__"))


def _no_cosmos(engine: EngineSettings) -> str:
    return f"what answers at {engine.cosmos.endpoint.rstrip('/')} is no Cosmos DB: check {_setting(engine)}"


def _setting(engine: EngineSettings) -> str:
    return "COSMOS" if engine.cosmos.key is not None else "COSMOS__accountEndpoint"


def _of_the_store(error: BaseException, engine: EngineSettings) -> str:
    address = engine.cosmos.endpoint.rstrip("/")
    setting = _setting(engine)
    if isinstance(error, UnsuitableAccount):
        return first_line(error)
    if (said := _unreachable(error, address, setting)) is not None:
        return said
    status, kinds = _status(error), _kinds(error)
    if status == 401:
        return f"Cosmos DB {address} refuses the key: check {setting}"
    if status == 403:
        return f"Cosmos DB {address} refuses access (403): check {setting}, the rights and the firewall of the account"
    if "DecodeError" in kinds or (status == 404 and not isinstance(error, AccessRefused)):
        return _no_cosmos(engine)
    if status == 404:
        return (
            f"Cosmos DB {address} has no database {engine.cosmos_database} with the containers of this service: "
            "`operate provision` makes them"
        )
    if "ClientAuthenticationError" in kinds or "CredentialUnavailableError" in kinds:
        return f"no identity here is let in at {address}: `az login`, or check {setting} and COSMOS__clientId"
    return first_line(error)


def _of_the_bus(error: BaseException, engine: EngineSettings) -> str:
    address = bus_address(engine).removeprefix("sb://")
    setting = (
        "SERVICEBUS" if engine.service_bus.connection_string is not None else "SERVICEBUS__fullyQualifiedNamespace"
    )
    if isinstance(error, AccessRefused):
        return f"{first_line(error)} ({address}, {setting})"
    if (said := _unreachable(error, address, setting)) is not None:
        return said
    if "ServiceBusError" in _kinds(error):
        return f"what answers at {address} is no Service Bus: check {setting}"
    return f"{first_line(error)}: check {setting}"


def _unreachable(error: BaseException, address: str, setting: str) -> str | None:
    """Says why nobody could be spoken to; None if somebody answered."""
    for each in _chain(error):
        if isinstance(each, socket.gaierror):
            return f"there is no host of {address}: check {setting}"
        if isinstance(each, ssl.SSLError):
            return f"what answers at {address} does not speak TLS as it should: check {setting}"
        if isinstance(each, ConnectionRefusedError):
            here = is_here(address if "//" in address else f"//{address}")
            return f"nothing answers at {address}: {_START if here else 'check the network, and'} {setting}"
        if isinstance(each, TimeoutError):
            return f"no answer from {address} in time: is it what it should be? Check {setting}"
        if isinstance(each, ConnectionError):
            return f"what listens at {address} hangs up: check {setting}"
    return None


def _status(error: BaseException) -> int | None:
    """Gives the status of HTTP that an SDK has noted."""
    found = (getattr(each, "status_code", None) for each in _chain(error))
    return next((status for status in found if isinstance(status, int)), None)


def _kinds(error: BaseException) -> frozenset[str]:
    """Gives their classes by name: an SDK is imported by its adapters alone."""
    return frozenset(kind.__name__ for each in _chain(error) for kind in type(each).__mro__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Goes through the error and what led to it, also where an SDK hides that."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__
