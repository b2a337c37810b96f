"""Who may read the dashboard, and who may release: by the key of a function, or by an app role."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from engine.settings import OperatorsSignIn
from tests.api.conftest import Api
from tests.rest import Answered

ROOT: Final = Path(__file__).resolve().parents[3]

LEVELS: Final = """
import json, function_app
levels = {
    str(each.get_function_name()): json.loads(each.get_function_json())["bindings"][0]["authLevel"]
    for each in function_app.app.get_functions()
    if each.is_http_function()
}
print(json.dumps(levels))
"""


def levels(sign_in: str | None) -> Mapping[str, str]:
    """What the host asks of those who call, by function."""
    environment = {name: value for name, value in os.environ.items() if name != "OPERATORS_SIGN_IN"}
    if sign_in is not None:
        environment["OPERATORS_SIGN_IN"] = sign_in
    done = subprocess.run(
        [sys.executable, "-c", LEVELS], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("sign_in", [None, "", "key", "Easyauth", "easyauth ", "nonsense"])
def test_the_host_asks_for_a_key_unless_the_setting_says_otherwise_to_the_letter(sign_in: str | None) -> None:
    found = levels(sign_in)
    assert ("FUNCTION", "FUNCTION") == (found["read_dashboard"], found["release_parked"])


def test_with_platform_authentication_the_functions_themselves_decide() -> None:
    by_key, by_role = levels("key"), levels("easyauth")
    changed = {name for name in by_key if by_key[name] != by_role[name]}
    assert {"read_dashboard", "release_parked"} == changed
    assert ("ANONYMOUS", "ANONYMOUS") == (by_role["read_dashboard"], by_role["release_parked"])


def principal(*roles: str) -> str:
    claims = [{"typ": "roles", "val": role} for role in roles]
    return base64.b64encode(json.dumps({"role_typ": "roles", "claims": claims}).encode()).decode()


async def reading(sign_in: OperatorsSignIn, header: str | None) -> Answered:
    headers = {} if header is None else {"x-ms-client-principal": header}
    return await Api(sign_in=sign_in).send("read_dashboard", headers=headers, what="overview")


async def releasing(sign_in: OperatorsSignIn, header: str | None) -> Answered:
    headers = {} if header is None else {"x-ms-client-principal": header}
    body = {"consumer": "order-details@1", "name": "order-1"}
    return await Api(sign_in=sign_in).send("release_parked", body, headers=headers)


@pytest.mark.parametrize(
    ("header", "read", "released"),
    [
        (None, (401, "not-signed-in"), (401, "not-signed-in")),
        ("nonsense", (401, "not-signed-in"), (401, "not-signed-in")),
        (principal(), (403, "role-missing"), (403, "role-missing")),
        (principal("Operations.Read"), (200, None), (403, "role-missing")),
        (principal("Operations.Release"), (403, "role-missing"), (404, "not-found")),
        (principal("Operations.Read", "Operations.Release"), (200, None), (404, "not-found")),
    ],
)
async def test_each_right_takes_its_role(
    header: str | None, read: tuple[int, str | None], released: tuple[int, str | None]
) -> None:
    assert read == kind(await reading("easyauth", header))
    assert released == kind(await releasing("easyauth", header))


@pytest.mark.parametrize("header", [None, "nonsense", principal(), principal("Operations.Read")])
async def test_behind_a_key_a_principal_changes_nothing(header: str | None) -> None:
    assert (200, None) == kind(await reading("key", header))
    assert (404, "not-found") == kind(await releasing("key", header))


def kind(answered: Answered) -> tuple[int, str | None]:
    """The status of an answer, and what kind of problem it is."""
    return answered.status, answered.body["type"].rpartition(":")[2] if answered.status >= 400 else None
