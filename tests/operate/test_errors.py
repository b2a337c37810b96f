"""Whatever is wrong outside of `operate` is one line that says what to do, and an exit status: never a traceback."""

import asyncio
import gc
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from composition import provisioning
from composition.domain import PROJECTIONS
from composition.provisioning import provision_database
from composition.settings import Settings
from emulators.cosmos.server import CosmosServer
from engine.messaging import servicebus
from engine.storing import cosmos_account, cosmos_requests
from operate import dead_letters, messages, outside, provision
from operate.__main__ import main
from operate.failure import CommandFailed
from tests.engine.contracts.valve import valve
from tests.operate.foreign import answering, silent
from tests.operate.process import NOWHERE, ROOT, account, operate, variables
from tests.settings import NO_BUS

OTHER_KEY = "b3RoZXI="
PAGE = "<html><body><h1>It works</h1></body></html>"


class TestTheStore:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["parked", "list"],
            ["parked", "release", "commands", "--all"],
            ["dead-letters", "list"],
            ["dead-letters", "redrive", "commands"],
            ["provision"],
            ["streams", "list"],
            ["streams", "state", "order-o-1"],
            ["orders", "why", "o-1"],
            ["orders", "find", "--customer", "ada"],
            ["demo", "flash-sale"],
            ["demo", "parked"],
            ["demo", "parked", "--remove"],
        ],
        ids=" ".join,
    )
    async def test_where_nothing_answers_it_names_the_place_and_how_to_start_it(self, arguments: list[str]) -> None:
        ended = await operate(*arguments)
        assert 1 == ended.status
        assert "" == ended.out
        assert f"nothing answers at {NOWHERE}: start it with `make run`, or check COSMOS" == ended.complaint

    async def test_elsewhere_it_is_not_for_us_to_start(self) -> None:
        ended = await operate("parked", "list", COSMOS=account("http://nowhere.invalid"))
        assert (1, "there is no host of http://nowhere.invalid: check COSMOS") == (ended.status, ended.complaint)

    @pytest.mark.parametrize("arguments", [["parked", "list"], ["provision"]], ids=" ".join)
    async def test_a_key_that_is_refused(self, arguments: list[str]) -> None:
        async with CosmosServer.start(port=0) as server:
            ended = await operate(*arguments, COSMOS=account(server.url, OTHER_KEY))
            assert (1, f"Cosmos DB {server.url} refuses the key: check COSMOS") == (ended.status, ended.complaint)

    @pytest.mark.parametrize("url", ["http://[", "http://[::1"])
    async def test_an_address_that_is_none(self, url: str) -> None:
        ended = await operate("parked", "list", COSMOS=account(url))
        assert 1 == ended.status
        assert ended.complaint.startswith("COSMOS has an address that is none (")

    async def test_a_key_that_is_none(self) -> None:
        ended = await operate("parked", "list", COSMOS=account(key="abc"))
        assert 1 == ended.status
        assert "the AccountKey in COSMOS (environment) is not base64: copy the whole of it again" == ended.complaint

    async def test_a_database_that_is_not_there(self) -> None:
        async with CosmosServer.start(port=0) as server:
            ended = await operate("parked", "list", COSMOS=server.connection_string, COSMOS_DATABASE="other")
            assert 1 == ended.status
            assert ended.complaint.startswith(f"Cosmos DB {server.url} has no database other with the containers")
            assert ended.complaint.endswith("`operate provision` makes them")

    @pytest.mark.parametrize("arguments", [["parked", "list"], ["provision"]], ids=" ".join)
    @pytest.mark.parametrize(
        ("body", "kind", "status"),
        [
            (PAGE, "text/html", "200 OK"),
            (PAGE, "text/html", "404 Not Found"),
            ('{"x": 1}', "application/json", "200 OK"),
            ("[]", "application/json", "200 OK"),
        ],
        ids=["page", "no page", "other JSON", "list"],
    )
    async def test_another_server_on_its_port(self, arguments: list[str], body: str, kind: str, status: str) -> None:
        async with answering(body, kind, status) as url:
            ended = await operate(*arguments, COSMOS=account(url))
            assert (1, f"what answers at {url} is no Cosmos DB: check COSMOS") == (ended.status, ended.complaint)

    async def test_one_that_never_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cosmos_account, "_READ_TIMEOUT", 0.05)
        async with silent(asyncio.Event()) as url:
            environment = {"COSMOS": account(url), "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
            with pytest.raises(CommandFailed, match=f"^no answer from {url} in time: .* Check COSMOS$"):
                async with messages.connected(environment):
                    raise AssertionError("nobody lets us in")

    async def test_one_that_answers_no_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cosmos_requests, "REQUEST_LIFETIME", 0.05)
        monkeypatch.setattr(cosmos_account, "PROVISION_LIFETIME", 0.05)
        async with CosmosServer.start(port=0) as server, valve("localhost", server.port) as before:
            url = f"http://127.0.0.1:{before.port}"
            environment = {"COSMOS": account(url), "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
            said = f"^no answer from {url} in time: .* Check COSMOS$"
            with pytest.raises(CommandFailed, match=said):  # noqa: PT012 - connecting is not what fails
                async with messages.connected(environment) as services:
                    before.shut()
                    await services.parked.sessions("commands")
            before.is_shut = False

            async def shut_first(*arguments: Any) -> None:
                before.shut()
                await cosmos_account.provision(*arguments)

            monkeypatch.setattr(provisioning, "provision", shut_first)
            with pytest.raises(CommandFailed, match=said):
                await provision.run(environment, None, as_json=True)

    async def test_one_that_speaks_no_tls(self) -> None:
        async with CosmosServer.start(port=0) as server:
            url = server.url.replace("http:", "https:")
            ended = await operate("parked", "list", COSMOS=account(url))
            assert f"what answers at {url} does not speak TLS as it should: check COSMOS" == ended.complaint

    async def test_a_defect_of_ours_is_no_server_of_others(self) -> None:
        async with CosmosServer.start(port=0) as server:
            environment = {
                "COSMOS": server.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS
            }  # fmt: skip
            with pytest.raises(KeyError):
                async with messages.connected(environment):
                    raise KeyError("ours")


class TestTheBus:
    # The SDK (7.15) leaves a connection to the collector that never came about.
    @pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
    async def test_one_that_never_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(servicebus, "SEND_LIFETIME", 0.05)
        async with CosmosServer.start(port=0) as server, silent(asyncio.Event()) as url:
            netloc = url.removeprefix("http://")
            environment = {
                "COSMOS": server.connection_string, "COSMOS_DATABASE": "orders",
                "SERVICEBUS": NO_BUS.replace("localhost:1;", f"{netloc};"),
            }  # fmt: skip
            with pytest.raises(CommandFailed, match=f"^no answer from {netloc} in time: .* Check SERVICEBUS$"):
                await dead_letters.list_all(environment, "commands", as_json=True)
            gc.collect()

    async def test_where_nothing_answers_and_where_something_else_does(self) -> None:
        async with CosmosServer.start(port=0) as server:
            await provision_database(
                Settings.from_mapping(
                    {"COSMOS": server.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
                ),
                lambda _: None,
            )
            ended = await operate("dead-letters", "list", COSMOS=server.connection_string)
            assert (1, "nothing answers at localhost:1: start it with `make run`, or check SERVICEBUS") == (
                ended.status, ended.complaint
            )  # fmt: skip
            netloc = server.url.removeprefix("http://")
            bus = NO_BUS.replace("localhost:1;", f"{netloc};")
            ended = await operate("dead-letters", "list", COSMOS=server.connection_string, SERVICEBUS=bus)
            assert (1, f"what answers at {netloc} is no Service Bus: check SERVICEBUS") == (
                ended.status, ended.complaint
            )  # fmt: skip

    @pytest.mark.parametrize("bus", ["Endpoint=sb://x;SharedAccessKey=k", "Endpoint=sb://[;SharedAccessKey=k"])
    async def test_a_connection_string_that_is_none(self, bus: str) -> None:
        async with CosmosServer.start(port=0) as server:
            ended = await operate("dead-letters", "list", COSMOS=server.connection_string, SERVICEBUS=bus)
            assert 1 == ended.status
            assert "SERVICEBUS" in ended.complaint


class TestTheService:
    @pytest.mark.parametrize("name", [[], ["flash-sale"]], ids=str)
    async def test_where_it_is_away(self, name: list[str]) -> None:
        async with CosmosServer.start(port=0) as server:
            ended = await operate("demo", *name, "--url", f"{NOWHERE}/api", COSMOS=server.connection_string)
            assert 1 == ended.status
            assert f"nothing answers at {NOWHERE}/api: start the service with `make run`, or check --url" == (
                ended.complaint
            )

    @pytest.mark.parametrize("body", [PAGE, '{"code": "NotFound"}'], ids=["page", "JSON"])
    async def test_another_server_on_its_port(self, body: str) -> None:
        async with answering(body, "application/json", "404 Not Found") as url:
            ended = await operate("demo", "--url", url)
            assert 1 == ended.status
            assert ended.complaint.endswith(
                f"was answered 404, and not as this service answers: is it what runs at {url}?"
            )

    @pytest.mark.parametrize("url", ["localhost:7071", "http://[", "http://localhost:x", "ftp://localhost", ""])
    async def test_what_is_no_url_is_a_bad_argument(self, url: str) -> None:
        ended = await operate("demo", "--url", url)
        assert 2 == ended.status
        assert "no URL such as http://localhost:7071/api" in ended.err


class TestSettings:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ('{"Values": {\n  "COSMOS" "x"}}', "local.settings.json, line 2, column 12: Expecting ':' delimiter; "),
            ("[]", 'local.settings.json is not of the form {"Values": {…}}; '),
            ('{"Values": []}', 'local.settings.json is not of the form {"Values": {…}}; '),
        ],
    )
    def test_a_malformed_file_is_told_by_the_commands_that_read_it(
        self,
        content: str,
        said: str,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        (tmp_path / "local.settings.json").write_text(content, encoding="utf-8")
        monkeypatch.setattr("operate.__main__._ROOT", tmp_path)
        for arguments in (["parked", "list"], ["provision"], ["demo"], ["demo", "flash-sale"], ["demo", "parked"]):
            assert 1 == main(arguments)
            assert f"operate: {said}correct it, or delete it and run `make setup`\n" == capsys.readouterr().err
        for arguments in (["--help"], ["parked", "--help"], ["parked", "release", "--help"], ["demo", "--help"]):
            assert 0 == main(arguments)
            assert capsys.readouterr().out.startswith("Usage: python -m operate")
        assert 0 == main(["topology"])

    def test_a_file_that_is_no_text(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "local.settings.json").write_bytes(b"\xff\xfe")
        monkeypatch.setattr("operate.__main__._ROOT", tmp_path)
        assert 1 == main(["parked", "list"])
        assert capsys.readouterr().err.startswith("operate: local.settings.json cannot be read: ")

    async def test_a_setting_that_is_missing_or_malformed_is_named(self) -> None:
        ended = await operate("parked", "list", COSMOS_DATABASE="", COSMOS="nonsense")
        assert 1 == ended.status
        assert "COSMOS must be a connection string" in ended.complaint
        assert "COSMOS_DATABASE is missing" in ended.complaint


class TestTheCommandLine:
    async def test_names_that_there_are_not(self) -> None:
        async with CosmosServer.start(port=0) as server:
            ended = await operate("parked", "list", "comands", COSMOS=server.connection_string)
            names = [
                "commands",
                "notifications",
                *(each.consumer for each in PROJECTIONS),
                "reactions",
                "relay",
            ]
            assert 3 == ended.status
            assert ended.complaint.startswith(f"there is no consumer 'comands'; there are {', '.join(sorted(names))}")
            ended = await operate("dead-letters", "show", "comands", "1", COSMOS=server.connection_string)
            assert 3 == ended.status
            assert ended.complaint.startswith("there is no entity 'comands'; there are commands, ")

    @pytest.mark.parametrize(
        "arguments",
        [
            ["nope"],
            ["parked", "nope"],
            ["parked", "list", "--nope"],
            ["parked", "release", "commands"],
            ["parked", "release", "commands", "--all", "--name", "x"],
            ["parked", "discard", "commands", "--yes"],
            ["dead-letters", "show", "commands", "0"],
            ["demo", "flash-sale", "--units", "x"],
            ["new"],
        ],
        ids=" ".join,
    )
    def test_bad_arguments_end_with_status_2(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert 2 == main(arguments)
        assert "Usage: python -m operate" in capsys.readouterr().err

    @pytest.mark.parametrize(("wrong", "right"), [("stream", "streams"), ("parkd", "parked"), ("demos", "demo")])
    def test_a_command_that_is_misspelt_is_guessed(
        self, wrong: str, right: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert 2 == main([wrong])
        assert f"No such command {wrong!r}. Did you mean {right!r}?" in capsys.readouterr().err

    @pytest.mark.parametrize("arguments", ["topology", "--help", "new --help"])
    def test_what_reads_the_output_may_stop(self, arguments: str) -> None:
        command = f"{sys.executable} -m operate {arguments} | true"
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail; {command}"], cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False
        )
        assert ("", 141) == (done.stderr, done.returncode)


async def test_what_the_output_cannot_encode_is_escaped(tmp_path: Path) -> None:
    ended = await operate("new", str(tmp_path / "é"), "--name", "inn", PYTHONIOENCODING="ascii")
    assert (0, f"made {tmp_path}/\\xe9: the service inn") == (ended.status, ended.out.partition(",")[0]), ended.err


class TestInterrupted:
    async def test_it_is_one_line_and_status_130(self) -> None:
        ended = await _interrupted("parked", "list")
        assert ["operate: interrupted"] == ended[1:]

    async def test_what_may_have_been_done_is_said_to_stay_done(self) -> None:
        ended = await _interrupted("parked", "release", "commands", "--all")
        assert ["operate: interrupted; what was done stays done, run it again"] == ended[1:]


async def _interrupted(*arguments: str) -> list[str]:
    """The lines of stderr of a command that gets Ctrl-C while it waits for Cosmos DB."""
    connected = asyncio.Event()
    async with silent(connected) as url:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "operate", *arguments, cwd=ROOT, env=variables(COSMOS=account(url)),
            stderr=asyncio.subprocess.PIPE, preexec_fn=_take_ctrl_c,
        )  # fmt: skip
        await asyncio.wait_for(connected.wait(), 60)
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert 130 == process.returncode, err.decode()
    return [line for line in err.decode().splitlines() if line]


def _take_ctrl_c() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so do its children, were it not for this."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


async def test_what_was_done_is_said_where_something_was() -> None:
    async with CosmosServer.start(port=0) as server:
        environment = {"COSMOS": server.connection_string, "COSMOS_DATABASE": "orders", "SERVICEBUS": NO_BUS}
        for changes, end in ((True, "; what was done stays done, run it again"), (False, "")):
            with pytest.raises(CommandFailed) as raised:
                async with messages.connected(environment, changes=changes) as services:
                    await services.parked.sessions("commands")
            assert str(raised.value).endswith(f"`operate provision` makes them{end}")


def test_a_question_of_consent_on_a_terminal() -> None:
    elsewhere = account("https://x.documents.azure.com")
    for answer, said in ((b"n\n", "operate: nothing was done"), (b"y\n", "operate: there is no host of")):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "operate", "provision"], cwd=ROOT,
            env=variables(COSMOS=elsewhere.replace("x.documents.azure.com", "nowhere.invalid")),
            stdin=theirs, stdout=theirs, stderr=theirs,
        )  # fmt: skip
        os.close(theirs)
        shown = os.read(ours, 4096)
        while b"Go on? [y/N]" not in shown:
            shown += os.read(ours, 4096)
        assert b"This changes Cosmos DB https://nowhere.invalid database orders, not on this machine." in shown
        os.write(ours, answer)
        told = b""
        while said.encode() not in told:
            told += os.read(ours, 4096)
        assert 1 == process.wait(30)
        os.close(ours)


@pytest.mark.parametrize(
    "arguments",
    [
        ["provision"],
        ["parked", "release", "commands", "--all"],
        ["dead-letters", "redrive", "commands"],
        ["demo", "flash-sale"],
    ],
    ids=" ".join,
)
async def test_without_a_terminal_nothing_is_changed_elsewhere_unless_it_is_said(arguments: list[str]) -> None:
    elsewhere = account("https://nowhere.invalid")
    refused = await operate(*arguments, COSMOS=elsewhere)
    assert 1 == refused.status
    assert "Cosmos DB https://nowhere.invalid database orders" in refused.complaint
    assert refused.complaint.endswith("not on this machine, so nothing was done; --yes goes on without asking")
    gone_on = await operate(*arguments, "--yes", COSMOS=elsewhere)
    assert (1, "there is no host of https://nowhere.invalid: check COSMOS") == (gone_on.status, gone_on.complaint)


async def test_nobody_practises_elsewhere_who_does_not_mean_it() -> None:
    ended = await operate("demo", "parked", COSMOS=account("https://nowhere.invalid"))
    assert 1 == ended.status
    assert "not on this machine: `make run`, or --elsewhere" in ended.complaint
    ended = await operate("demo", "parked", "--elsewhere", COSMOS=account("https://nowhere.invalid"))
    assert "nothing was done; --yes goes on without asking" in ended.complaint


def test_an_identity_that_is_not_let_in_is_told_what_to_try() -> None:
    class ClientAuthenticationError(Exception):
        pass

    known = {
        "COSMOS__accountEndpoint": "https://x.documents.azure.com",
        "COSMOS_DATABASE": "orders",
        "SERVICEBUS": NO_BUS,
    }
    said = outside.explained(ClientAuthenticationError("a page"), Settings.from_mapping(known).engine)
    assert said == (
        "no identity here is let in at https://x.documents.azure.com: `az login`, or check COSMOS__accountEndpoint and "
        "COSMOS__clientId"
    )


def test_no_key_is_ever_shown() -> None:
    known = variables(COSMOS=account("http://localhost:1", OTHER_KEY))
    done = subprocess.run(
        [sys.executable, "-m", "operate", "parked", "list"], cwd=ROOT, env=known, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert OTHER_KEY not in done.stdout + done.stderr
    assert json.dumps(OTHER_KEY) not in done.stderr
