"""Who has the rights of operators, by the principal that platform authentication puts into a header."""

import base64
import json
from collections.abc import Sequence
from typing import Any

import azure.functions as func
import pytest

from engine.triggers.operators import NotSignedIn, Operators, RoleMissing
from engine.triggers.problems import problem_of

SIGNED_IN = Operators("easyauth")
ROLE = "Operations.Read"


def encoded(principal: Any) -> str:
    return base64.b64encode(json.dumps(principal).encode()).decode()


def principal(*claims: tuple[str, str], role_type: str = "roles") -> str:
    """As the platform makes it of a token."""
    return encoded(
        {
            "auth_typ": "aad",
            "name_typ": "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress",
            "role_typ": role_type,
            "claims": [{"typ": kind, "val": value} for kind, value in claims],
        }
    )


def asked(header: str | None) -> func.HttpRequest:
    headers = {} if header is None else {"X-MS-CLIENT-PRINCIPAL": header}
    return func.HttpRequest("GET", "http://localhost/api", headers=headers, body=b"")


NO_CLAIMS: Sequence[Any] = (None, 7, [None], ["roles"], [{}], [{"typ": "roles"}], [{"typ": [], "val": ROLE}])
LONG_TYPE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"


@pytest.mark.parametrize(
    "header",
    [
        principal(("name", "Ada"), ("roles", ROLE)),
        principal(("roles", "Another"), ("roles", ROLE)),
        principal((LONG_TYPE, ROLE), role_type=LONG_TYPE),
        principal(("roles", ROLE), role_type=LONG_TYPE),
    ],
)
def test_whoever_has_the_role_may(header: str) -> None:
    SIGNED_IN.demand(asked(header), ROLE)


@pytest.mark.parametrize(
    "header",
    [
        principal(),
        principal(("roles", "Operations.Release")),
        principal(("roles", "operations.read")),
        principal(("name", ROLE)),
        principal((LONG_TYPE, ROLE)),
        principal(("roles", f"{ROLE},Another")),
    ],
)
def test_whoever_is_signed_in_without_it_may_not(header: str) -> None:
    with pytest.raises(RoleMissing, match=ROLE) as refused:
        SIGNED_IN.demand(asked(header), ROLE)
    assert 403 == problem_of(refused.value).status_code


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "not base64",
        "ü",
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b"not JSON").decode(),
        base64.b64encode(b"[" * 100_000).decode(),
        *map(encoded, (None, 7, "roles", [], {}, {"claims": []}, {"role_typ": "roles"})),
        *(encoded({"role_typ": "roles", "claims": each}) for each in NO_CLAIMS),
        encoded({"role_typ": {}, "claims": []}),
    ],
)
def test_a_principal_that_is_none_is_nobody(header: str | None) -> None:
    with pytest.raises(NotSignedIn) as refused:
        SIGNED_IN.demand(asked(header), ROLE)
    assert 401 == problem_of(refused.value).status_code


@pytest.mark.parametrize("header", [None, "not base64", principal(), principal(("roles", ROLE))])
def test_with_keys_the_host_has_decided_and_the_header_is_worth_nothing(header: str | None) -> None:
    Operators("key").demand(asked(header), ROLE)
