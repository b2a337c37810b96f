"""Commands work by an identity as they do by a key; where it is not let in, one line says what to do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from composition.provisioning import provision_database
from composition.services import build
from composition.settings import Settings
from domain.stock.aggregate import STOCK
from domain.stock.commands import ReceiveStock
from emulators.cosmos.server import CosmosServer
from engine.errors import AccessRefused, Unavailable
from operate import outside
from operate.exit_status import ExitStatus
from tests.engine.contexts import context
from tests.operate.entra import FIREWALL, NO_ROLE, NOT_BY_A_ROLE, TOKEN, Front, entra
from tests.operate.process import ROOT, operate
from tests.settings import NO_BUS


@pytest.fixture
async def front(tmp_path: Path) -> AsyncIterator[Front]:
    async with CosmosServer.start(port=0) as server, entra(server, tmp_path) as front:
        settings = Settings.from_mapping(
            {"COSMOS": server.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
        )
        await provision_database(settings, lambda _: None)
        async with build(settings) as services:
            await services.commands.handle(STOCK, context("r-1").to("stock-mug", ReceiveStock("mug", 1)))
        yield front


async def test_an_identity_reads_and_writes_as_a_key_does(front: Front) -> None:
    for arguments, said in (
        (["streams", "list"], "stock-mug"),
        (["streams", "state", "stock-mug"], '"onHand": 1'),
        (["parked", "release", "relay", "--all", "--json"], ""),
        (["projections", "status"], "relay"),
    ):
        ended = await operate(*arguments, folder=ROOT, **front.settings)
        assert ExitStatus.DONE == ended.status, ended.err
        assert said in ended.out
        assert f"Cosmos DB {front.url} database orders" in ended.err
    assert {TOKEN} == set(front.tokens)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (NO_ROLE, "gives this identity no role on its data (403): `OPERATOR_ID` and `azd provision` give it one"),
        (FIREWALL, "keeps this machine out (403): let its address in by the firewall of the account"),
        (NOT_BY_A_ROLE, "lets no identity make or change containers (403): infrastructure code does"),
        ((0, "Forbidden"), "refuses access (403): check the rights and the firewall of the account"),
    ],
    ids=["no role", "firewall", "not by a role", "anything else"],
)
@pytest.mark.parametrize("arguments", [["streams", "list"], ["provision"]], ids=" ".join)
async def test_a_refusal_says_what_is_missing(
    front: Front, arguments: list[str], refusal: tuple[int, str], said: str
) -> None:
    front.refusal = refusal
    ended = await operate(*arguments, folder=ROOT, **front.settings)
    assert ExitStatus.FAILED == ended.status
    assert ended.complaint.startswith(f"Cosmos DB {front.url} {said}"), ended.err


async def test_a_token_that_is_refused(front: Front) -> None:
    front.token = "one of another tenant"
    ended = await operate("streams", "list", folder=ROOT, **front.settings)
    said = f"Cosmos DB {front.url} refuses the token of this identity: check COSMOS__accountEndpoint"
    assert (ExitStatus.FAILED, said) == (ended.status, ended.complaint)


async def test_where_nobody_has_signed_in() -> None:
    nobody = {"COSMOS": "", "COSMOS__accountEndpoint": "https://nowhere.invalid", "PATH": "/nowhere"}
    ended = await operate("streams", "list", AZURE_TOKEN_CREDENTIALS="AzureCliCredential", folder=ROOT, **nobody)
    said = "no identity here is let in at https://nowhere.invalid: `az login`, or check COSMOS__accountEndpoint and "
    assert (ExitStatus.FAILED, f"{said}COSMOS__clientId") == (ended.status, ended.complaint)


async def test_without_tls_it_is_said_that_a_key_is_needed() -> None:
    async with CosmosServer.start(port=0) as server:
        known = {"COSMOS": "", "COSMOS__accountEndpoint": server.url, "IDENTITY_HEADER": "h"}
        ended = await operate("streams", "list", IDENTITY_ENDPOINT="http://localhost:1", folder=ROOT, **known)
        assert ExitStatus.FAILED == ended.status
        assert f"COSMOS__accountEndpoint is {server.url}: a local Cosmos DB takes a key, in COSMOS" in ended.complaint


def test_a_bus_that_refuses_an_identity_says_which_roles_it_needs() -> None:
    class ClientAuthenticationError(Exception):
        pass

    known = {"COSMOS__accountEndpoint": "https://x", "COSMOS_DATABASE": "orders"}
    by_identity = {**known, "SERVICEBUS__fullyQualifiedNamespace": "x.servicebus.windows.net"}
    engine = Settings.from_mapping(by_identity).engine
    refused = AccessRefused("Service Bus refuses access to commands: check the connection and the entity")
    said = outside.explained(refused, engine)
    assert "needs the roles Azure Service Bus Data Receiver and Azure Service Bus Data Sender" in said
    assert "roles" not in outside.explained(refused, Settings.from_mapping({**known, "SERVICEBUS": NO_BUS}).engine)
    unknown = Unavailable("no answer from Service Bus for commands (ClientAuthenticationError)")
    unknown.__cause__ = ClientAuthenticationError("pages of it")
    assert outside.explained(unknown, engine) == (
        "no identity here is let in at x.servicebus.windows.net: `az login`, or check "
        "SERVICEBUS__fullyQualifiedNamespace and SERVICEBUS__clientId"
    )
