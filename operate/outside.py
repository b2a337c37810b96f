"""Each error of what a command connects to becomes one line that says what to do."""

import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from engine.errors import AccessRefused, UnsuitableAccount
from engine.settings import EngineSettings
from operate.target import bus_address, is_here

_READERS: Final = ("azure.", "engine.storing.cosmos_account")
_ROLES_OF_THE_BUS: Final = (
    "an identity needs the roles Azure Service Bus Data Receiver and Azure Service Bus Data Sender (docs/deploying.md)"
)
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
    if (said := _of_the_identity(kinds, address, setting, "COSMOS__clientId")) is not None:
        return said
    if engine.cosmos.key is None and address.startswith("http:"):
        return f"an identity needs https, and {setting} is {address}: a local Cosmos DB takes a key, in COSMOS"
    if status == 401:
        what = "key" if engine.cosmos.key is not None else "token of this identity"
        return f"Cosmos DB {address} refuses the {what}: check {setting}"
    if status == 403:
        return f"Cosmos DB {address} {_forbidden(error)} (403): {_REMEDIES.get(_forbidden(error), f'check {setting}')}"
    if "DecodeError" in kinds or (status == 404 and not isinstance(error, AccessRefused)):
        return _no_cosmos(engine)
    if status == 404:
        return (
            f"Cosmos DB {address} has no database {engine.cosmos_database} with the containers of this service: "
            "`operate provision` makes them"
        )
    return first_line(error)


_NO_ROLE: Final = "gives this identity no role on its data"
_NO_CONTAINERS: Final = "lets no identity make or change containers"
_FIREWALL: Final = "keeps this machine out"
_FORBIDDEN: Final = "refuses access"

_REMEDIES: Final[Mapping[str, str]] = {
    _NO_ROLE: "`OPERATOR_ID` and `azd provision` give it one, which counts some minutes later (docs/deploying.md)",
    _NO_CONTAINERS: "infrastructure code does, by `azd provision`, or the account's key in COSMOS (docs/deploying.md)",
    _FIREWALL: "let its address in by the firewall of the account, or go there from inside its network",
    _FORBIDDEN: "check the rights and the firewall of the account",
}


def _forbidden(error: BaseException) -> str:
    """Says why Cosmos DB answers 403.

    It answers 5301 and 5302 where an identity lacks a role, and 5300 where no role would help:
    https://aka.ms/cosmos-native-rbac. The texts are in https://aka.ms/cosmosdb-tsg-forbidden.
    """
    text = " ".join(map(str, _chain(error)))
    if _noted(error, "sub_status") == 5300 or "cannot be authorized by AAD token" in text:
        return _NO_CONTAINERS
    if _noted(error, "sub_status") in (5301, 5302) or "required RBAC permissions" in text:
        return _NO_ROLE
    return _FIREWALL if "firewall settings" in text else _FORBIDDEN


def _of_the_identity(kinds: Collection[str], address: str, setting: str, client_id: str) -> str | None:
    """Says that there is none here, or none that is let in; None if that is not what is wrong."""
    if "ClientAuthenticationError" in kinds or "CredentialUnavailableError" in kinds:
        return f"no identity here is let in at {address}: `az login`, or check {setting} and {client_id}"
    return None


def _of_the_bus(error: BaseException, engine: EngineSettings) -> str:
    address = bus_address(engine).removeprefix("sb://")
    setting = (
        "SERVICEBUS" if engine.service_bus.connection_string is not None else "SERVICEBUS__fullyQualifiedNamespace"
    )
    if (said := _of_the_identity(_kinds(error), address, setting, "SERVICEBUS__clientId")) is not None:
        return said
    if isinstance(error, AccessRefused):
        roles = "" if engine.service_bus.connection_string is not None else f"; {_ROLES_OF_THE_BUS}"
        return f"{first_line(error)} ({address}, {setting}){roles}"
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
    return _noted(error, "status_code")


def _noted(error: BaseException, name: str) -> int | None:
    found = (getattr(each, name, None) for each in _chain(error))
    return next((each for each in found if isinstance(each, int)), None)


def _kinds(error: BaseException) -> frozenset[str]:
    """Gives their classes by name: an SDK is imported by its adapters alone."""
    return frozenset(kind.__name__ for each in _chain(error) for kind in type(each).__mro__)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Goes through the error and what led to it, also where an SDK hides that."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__
