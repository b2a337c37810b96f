"""Bindings of a function: what the decorators produced, which fields the real host knows, what is done here."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from emulators.functions.settings import SettingMissingError, resolve

_COMMON = {"type", "name", "direction", "dataType"}
# The attributes of the extensions of bundle 4.x (Cosmos DB 4.16, Service Bus 5.17, MCP 1.x), as binding fields.
_FIELDS: Mapping[str, frozenset[str]] = {
    "httpTrigger": frozenset({"methods", "authLevel", "route", "webHookType"}),
    "http": frozenset(),
    "cosmosDBTrigger": frozenset(
        {
            "connection",
            "databaseName",
            "containerName",
            "leaseConnection",
            "leaseDatabaseName",
            "leaseContainerName",
            "leaseContainerPrefix",
            "leasesContainerThroughput",
            "createLeaseContainerIfNotExists",
            "feedPollDelay",
            "leaseAcquireInterval",
            "leaseExpirationInterval",
            "leaseRenewInterval",
            "maxItemsPerInvocation",
            "startFromBeginning",
            "startFromTime",
            "preferredLocations",
            "changeFeedMode",
        }
    ),
    "cosmosDB": frozenset(
        {
            "connection",
            "databaseName",
            "containerName",
            "id",
            "sqlQuery",
            "partitionKey",
            "createIfNotExists",
            "containerThroughput",
            "preferredLocations",
        }
    ),
    "serviceBusTrigger": frozenset(
        {
            "connection",
            "queueName",
            "topicName",
            "subscriptionName",
            "accessRights",
            "isSessionsEnabled",
            "cardinality",
            "autoCompleteMessages",
            "maxMessageBatchSize",
        }
    ),
    "serviceBus": frozenset({"connection", "queueName", "topicName", "subscriptionName", "accessRights"}),
    "mcpToolTrigger": frozenset(
        {
            "toolName",
            "description",
            "toolProperties",
            "metadata",
            "useResultSchema",
            "inputSchema",
            "outputSchema",
            "useWorkerInputSchema",
        }
    ),
    "timerTrigger": frozenset({"schedule", "runOnStartup", "useMonitor"}),
    "warmupTrigger": frozenset(),
}
_SUPPORTED = frozenset(_FIELDS)
# Fields that the real host does not resolve: `connection` names a setting, a route has its own braces.
_NOT_RESOLVED = frozenset({"name", "type", "direction", "dataType", "connection", "leaseConnection", "methods"})


@dataclass(frozen=True)
class Binding:
    """One binding as the decorators wrote it, in the camel case of function.json."""

    type: str
    name: str
    direction: str
    data_type: str | None
    fields: Mapping[str, Any]

    @staticmethod
    def from_json(content: Mapping[str, Any]) -> "Binding":
        """A binding from one of the strings that the worker sends to the host as `raw_bindings`."""
        return Binding(
            type=content["type"],
            name=content["name"],
            direction=content.get("direction", "IN").upper(),
            data_type=content.get("dataType"),
            fields={name: value for name, value in content.items() if name not in _COMMON},
        )


class BindingError(Exception):
    """This function cannot run; the others can. The message says why, in terms of the decorator."""


def resolve_binding(binding: Binding, environment: Mapping[str, str]) -> Binding:
    """The binding with its `%SETTING%` references replaced.

    Raises BindingError for a type that this host does not know, and for a setting that does not exist.
    """
    if binding.type not in _SUPPORTED:
        raise BindingError(
            f"The binding type(s) '{binding.type}' were not found: devstack drives {', '.join(sorted(_SUPPORTED))}. "
            "Call the service by its SDK in the function, or run the app under the Core Tools (`func start`)"
        )
    try:
        fields = {
            name: resolve(value, environment) if isinstance(value, str) and name not in _NOT_RESOLVED else value
            for name, value in binding.fields.items()
        }
    except SettingMissingError as error:
        raise BindingError(f"{binding.type} '{binding.name}': {error}") from error
    return Binding(binding.type, binding.name, binding.direction, binding.data_type, fields)


def unknown_fields(binding: Binding) -> list[str]:
    """What is to be told of fields that the real host ignores without a word."""
    known = _FIELDS.get(binding.type, frozenset(binding.fields))
    return [
        f"{binding.type} '{binding.name}' has no field {name!r}, the host ignores it (it knows "
        f"{', '.join(get_close_matches(name, known, n=1) or sorted(known)) or 'none'})"
        for name in sorted(set(binding.fields) - known)
    ]


def flag(binding: Binding, name: str) -> bool:
    """A field that is true or false; the decorators take the words as well. Raises BindingError otherwise."""
    value = binding.fields.get(name, False)
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise BindingError(f"{binding.type} '{binding.name}': {name} must be true or false, not {value!r}")


def number(binding: Binding, name: str, default: int) -> int:
    """A field that is a positive number. Raises BindingError otherwise."""
    value = binding.fields.get(name, default)
    try:
        if int(value) > 0:
            return int(value)
    except (TypeError, ValueError):
        pass
    raise BindingError(f"{binding.type} '{binding.name}': {name} must be a positive number, not {value!r}")


def text(binding: Binding, name: str, default: str | None = None) -> str:
    """A field that is a string; without a default it must be there. Raises BindingError otherwise."""
    value = binding.fields.get(name, default)
    if isinstance(value, str) and value:
        return value
    if value == default and default is not None:
        return default
    raise BindingError(f"{binding.type} '{binding.name}': {name} must be a text, not {value!r}")
