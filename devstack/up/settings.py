"""Where the stack's settings come from: the environment, then local.settings.json, made from its example once."""

import json
import os
import re
from dataclasses import dataclass
from typing import Dict, Mapping, Optional
from urllib.parse import urlsplit

from devstack.up.errors import StackError

FILE = "local.settings.json"
EXAMPLE = FILE + ".example"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"

# The published key of every Cosmos DB emulator; it protects nothing.
_EMULATOR_KEY = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="


@dataclass(frozen=True)
class Variables:
    """What the environment chooses. A port of 0 takes a free one."""

    functions_port: int
    cosmos_port: int
    servicebus_port: int
    traces_port: int
    data: str


def variables(environ: Mapping[str, str]) -> Variables:
    """Raises StackError that names the variable with an impossible value."""
    return Variables(
        functions_port=_port(environ, "DEVSTACK_FUNCTIONS_PORT", 7071),
        cosmos_port=_port(environ, "DEVSTACK_COSMOS_PORT", 8081),
        servicebus_port=_port(environ, "DEVSTACK_SERVICEBUS_PORT", 5672),
        traces_port=_port(environ, "DEVSTACK_TRACES_PORT", 0),
        data=environ.get("DEVSTACK_DATA") or ".devstack",
    )


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise StackError("%s is %r; it takes a port number, 0 to 65535" % (name, text))
    return int(text)


def create_file(root: str) -> bool:
    """Copy the example to local.settings.json unless there is one; whether it did."""
    try:
        with open(os.path.join(root, EXAMPLE), "rb") as example:
            content = example.read()
        with open(os.path.join(root, FILE), "xb") as file:
            file.write(content)
    except (FileExistsError, FileNotFoundError):
        return False
    return True


def file_values(root: str) -> Dict[str, str]:
    """`Values` of local.settings.json; empty without the file. Raises StackError for a file that is no JSON object."""
    try:
        with open(os.path.join(root, FILE), encoding="utf-8-sig") as file:
            content = json.load(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise StackError("%s is not JSON (%s); correct it, or delete it and run this again" % (FILE, error)) from error
    values = content.get("Values", {}) if isinstance(content, dict) else None
    if not isinstance(values, dict):
        raise StackError('%s is not of the form {"Values": {…}}; correct it, or delete it and run this again' % FILE)
    return {str(name): str(value) for name, value in values.items()}


def connection_string(cosmos_url: str) -> str:
    return "AccountEndpoint=%s/;AccountKey=%s;" % (cosmos_url, _EMULATOR_KEY)


def own_account(environ: Mapping[str, str]) -> Optional[str]:
    """The endpoint of the Cosmos DB account that the user's environment names, if it names one."""
    endpoint = environ.get("COSMOS__accountEndpoint")
    if endpoint:
        return endpoint
    connection = environ.get("COSMOS")
    if not connection:
        return None
    named = re.search(r"AccountEndpoint=([^;]+)", connection, re.IGNORECASE)
    # The rest of a connection string is a secret.
    return named.group(1) if named else "an account without an AccountEndpoint"


def servicebus_connection_string(servicebus_url: str) -> str:
    """In the form of the official emulator, whose key protects nothing."""
    return (
        "Endpoint=sb://%s;SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;"
        "UseDevelopmentEmulator=true;" % urlsplit(servicebus_url).netloc
    )


def own_namespace(environ: Mapping[str, str]) -> Optional[str]:
    """The Service Bus namespace that the user's environment names, if it names one."""
    name = environ.get("SERVICEBUS__fullyQualifiedNamespace")
    if name:
        return name
    connection = environ.get("SERVICEBUS")
    if not connection:
        return None
    named = re.search(r"Endpoint=([^;]+)", connection, re.IGNORECASE)
    # The rest of a connection string is a secret.
    return named.group(1) if named else "a namespace without an Endpoint"


def own_collector(environ: Mapping[str, str]) -> Optional[str]:
    """Where the user's environment has traces go, if it says so; `nowhere` where it is empty, which turns them off."""
    if ENDPOINT not in environ:
        return None
    address = urlsplit(environ[ENDPOINT])
    # Before the host there may be a password, and behind it a key.
    return "%s://%s" % (address.scheme, address.netloc.rpartition("@")[2]) if address.netloc else "nowhere"


def is_local(endpoint: str) -> bool:
    return urlsplit(endpoint).hostname in ("localhost", "127.0.0.1", "::1")
