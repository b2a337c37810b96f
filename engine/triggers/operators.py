"""Operators have a right by the key of its function, which the host asks for, or by an app role of Entra ID."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import azure.functions as func

from engine.settings import OperatorsSignIn
from engine.triggers.problems import BadRequest


class NotSignedIn(BadRequest):
    def __init__(self) -> None:
        super().__init__(
            "Nobody is signed in. Sign in with an account of this organization.", status=401, title="Not signed in"
        )


class RoleMissing(BadRequest):
    def __init__(self, role: str) -> None:
        super().__init__(f"This takes the app role {role}.", status=403, title="Role missing")


@dataclass(frozen=True, slots=True)
class Operators:
    """Says who may do what: with `key`, whoever the host lets through."""

    sign_in: OperatorsSignIn

    def demand(self, req: func.HttpRequest, role: str) -> None:
        """Returns if the caller has the right that `role` stands for. Raises NotSignedIn and RoleMissing."""
        if self.sign_in == "easyauth" and role not in _roles(req):
            raise RoleMissing(role)

    def name(self, req: func.HttpRequest) -> str:
        """Returns who the caller is, for the log: the id of the principal, or `key` for whoever has the key."""
        return "key" if self.sign_in == "key" else req.headers.get("x-ms-client-principal-id", "")


def _roles(req: func.HttpRequest) -> frozenset[str]:
    """Returns the app roles of the principal that platform authentication has put into a header, in place of any other.

    It is JSON in Base64; `role_typ` is the type of its claims that are roles
    (https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities).
    """
    try:
        principal: Any = json.loads(base64.b64decode(req.headers.get("x-ms-client-principal", ""), validate=True))
        types = {"roles", principal["role_typ"]}
        return frozenset(str(claim["val"]) for claim in principal["claims"] if claim["typ"] in types)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotSignedIn from None
