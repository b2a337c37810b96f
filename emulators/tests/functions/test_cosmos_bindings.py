"""Input and output bindings of Cosmos DB against a real server."""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import azure.functions as func
import pytest
from azure.functions.meta import Datum

from emulators.cosmos.server import CosmosServer
from emulators.functions.binding_expressions import evaluate
from emulators.functions.bindings import BindingError
from emulators.functions.cosmos_account import ConnectionStringError, account_of
from emulators.functions.cosmos_bindings import CosmosBindings
from emulators.functions.cosmos_wire import Container, CosmosClient, CosmosError
from emulators.functions.indexing import Function
from emulators.tests.functions.apps import indexed

pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
async def server() -> AsyncIterator[CosmosServer]:
    async with CosmosServer.start() as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def bindings(server: CosmosServer, session: aiohttp.ClientSession) -> CosmosBindings:
    return CosmosBindings(session, {"COSMOS": server.connection_string})


@pytest.fixture
async def items(server: CosmosServer, session: aiohttp.ClientSession) -> Container:
    account = account_of("C", {"C": server.connection_string})
    container = CosmosClient(account, session).container("db", "items")
    await container.create_if_missing({"id": "items", "partitionKey": {"paths": ["/pk"], "kind": "Hash", "version": 2}})
    return container


def function_with(direction: str, **fields: Any) -> Function:
    app = func.FunctionApp()
    wanted = {"arg_name": "it", "connection": "COSMOS", "database_name": "db", "container_name": "items", **fields}

    def output(timer: func.TimerRequest, it: func.Out[func.Document]) -> None: ...

    def source(timer: func.TimerRequest, it: func.DocumentList) -> None: ...

    bind = app.cosmos_db_output if direction == "out" else app.cosmos_db_input
    handler = app.timer_trigger(arg_name="timer", schedule="0 * * * * *")(output if direction == "out" else source)
    bind(**wanted)(handler)
    (function,) = indexed(app).values()
    assert function.problem is None
    return function


async def read(bindings: CosmosBindings, metadata: dict[str, Datum] | None = None, **fields: Any) -> Any:
    function = function_with("in", **fields)
    binding = next(each for each in function.bindings if each.name == "it")
    return json.loads((await bindings.read(binding, metadata or {})).value)


async def write(bindings: CosmosBindings, value: Any, **fields: Any) -> None:
    function = function_with("out", **fields)
    binding = next(each for each in function.bindings if each.name == "it")
    await bindings.write(binding, Datum(json.dumps(value), "json"))


@pytest.mark.verified("docs", feature="Names of connections")
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("Db", {"Db": "wrong", "AzureWebJobsDb": "right"}),
        ("db", {"DB": "right"}),
        ("Db", {"ConnectionStrings__Db": "right", "Db": "wrong"}),
        ("ConnectionStrings:Db", {"ConnectionStrings__Db": "right"}),
    ],
)
def test_an_account_is_found_as_the_configuration_of_dotnet_finds_it(name: str, settings: dict[str, str]) -> None:
    environment = {key: f"AccountEndpoint=http://{host}:1/;AccountKey=a2V5;" for key, host in settings.items()}
    assert "right" == account_of(name, environment).host


@pytest.mark.verified("docs", feature="Names of connections")
@pytest.mark.parametrize("endpoint", ["http://[bad", "nonsense", "http://h:port", "ftp://h", "http://"])
def test_an_account_at_no_address_is_an_error_of_its_setting(endpoint: str) -> None:
    with pytest.raises(ConnectionStringError, match="the setting Db must hold AccountEndpoint"):
        account_of("Db", {"Db": f"AccountEndpoint={endpoint};AccountKey=a2V5;"})


class TestInput:
    @pytest.mark.verified("trace", feature="Cosmos DB input by id")
    async def test_an_item_is_read_by_id_and_key(self, bindings: CosmosBindings, items: Container) -> None:
        await items.create({"id": "1", "pk": "p", "n": 1}, ("p",))
        assert 1 == (await read(bindings, id="1", partition_key="p"))["n"]

    @pytest.mark.verified("docs", feature="Cosmos DB input by id")
    async def test_a_missing_item_is_null(self, bindings: CosmosBindings, items: Container) -> None:
        assert await read(bindings, id="1", partition_key="p") is None

    @pytest.mark.verified("docs", feature="Binding expressions")
    async def test_names_of_the_trigger_are_put_into_id_and_key(
        self, bindings: CosmosBindings, items: Container
    ) -> None:
        await items.create({"id": "1", "pk": "p", "n": 1}, ("p",))
        metadata = {"orderId": Datum("1", "string"), "Query": Datum('{"pk":"p"}', "json")}
        assert 1 == (await read(bindings, metadata, id="{orderid}", partition_key="{Query.pk}"))["n"]

    @pytest.mark.verified("trace", feature="Cosmos DB input by query")
    async def test_a_query_gives_all_rows(self, bindings: CosmosBindings, items: Container) -> None:
        for number in range(3):
            await items.create({"id": str(number), "pk": str(number), "n": number}, (str(number),))
        rows = await read(bindings, sql_query="SELECT c.n FROM c WHERE c.n > 0")
        assert [{"n": 1}, {"n": 2}] == sorted(rows, key=lambda row: row["n"])

    @pytest.mark.verified("docs", feature="Cosmos DB input by query")
    async def test_a_query_of_a_split_container_is_combined_by_nobody_and_refused(
        self, bindings: CosmosBindings, items: Container, server: CosmosServer
    ) -> None:
        for number in range(4):
            await items.create({"id": str(number), "pk": str(number), "n": number}, (str(number),))
        assert [4] == await read(bindings, sql_query="SELECT VALUE COUNT(1) FROM c")
        server.split("db", "items")
        assert 4 == len(await read(bindings, sql_query="SELECT c.n FROM c"))
        with pytest.raises(CosmosError, match="query plans that combine the partitions"):
            await read(bindings, sql_query="SELECT VALUE COUNT(1) FROM c")
        assert [1] == await read(bindings, sql_query="SELECT VALUE COUNT(1) FROM c", partition_key="1")

    @pytest.mark.verified("docs", feature="Binding expressions")
    async def test_a_name_in_a_query_is_a_parameter_not_text(self, bindings: CosmosBindings, items: Container) -> None:
        await items.create({"id": "1", "pk": "p", "name": "it's"}, ("p",))
        metadata = {"name": Datum("it's", "string")}
        rows = await read(bindings, metadata, sql_query="SELECT * FROM c WHERE c.name = {name}", partition_key="p")
        assert ["1"] == [row["id"] for row in rows]

    @pytest.mark.verified("docs", feature="Binding expressions")
    def test_a_name_that_the_trigger_does_not_give_is_an_error(self) -> None:
        with pytest.raises(BindingError, match="No value for named parameter 'nobody'"):
            evaluate("{nobody}", {})
        with pytest.raises(BindingError, match=r"No value for named parameter 'Query\.nobody'"):
            evaluate("{Query.nobody}", {"Query": Datum("{}", "json")})


class TestOutput:
    @pytest.mark.verified("trace", feature="Cosmos DB output")
    async def test_every_item_is_upserted_under_its_own_key(self, bindings: CosmosBindings, items: Container) -> None:
        await items.create({"id": "1", "pk": "p", "n": 1}, ("p",))
        await write(bindings, [{"id": "1", "pk": "p", "n": 2}, {"id": "2", "pk": "q"}, {"id": "3"}])
        rows = await items.query("SELECT c.id, c.n FROM c", {})
        assert [{"id": "1", "n": 2}, {"id": "2"}, {"id": "3"}] == sorted(rows, key=lambda row: row["id"])

    @pytest.mark.verified("trace", feature="Cosmos DB output: dates are kept")
    async def test_date_strings_are_kept(self, bindings: CosmosBindings, items: Container) -> None:
        await write(bindings, {"id": "1", "pk": "p", "at": "2026-01-02T03:04:05.000Z"})
        assert "2026-01-02T03:04:05.000Z" == (await items.read("1", ("p",)))[0]["at"]

    @pytest.mark.verified("trace", feature="Cosmos DB output: createIfNotExists")
    async def test_the_container_is_made_when_asked_for(
        self, bindings: CosmosBindings, items: Container, server: CosmosServer
    ) -> None:
        await write(bindings, {"id": "1"}, container_name="out", create_if_not_exists=True)
        assert 1 == len(server.requests.of("upsert", container="out"))

    @pytest.mark.verified("trace", feature="Cosmos DB output")
    async def test_a_missing_container_fails_the_write(self, bindings: CosmosBindings, items: Container) -> None:
        with pytest.raises(CosmosError, match="404"):
            await write(bindings, {"id": "1"}, container_name="out")
