"""A Cosmos DB that is reached as one in Azure is by an identity: by TLS, with tokens of Entra ID, and with roles.

The local one takes keys alone. This stands before it: it checks the token, and signs the request with the key.
"""

import base64
import hashlib
import hmac
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

import aiohttp
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from emulators.cosmos.account import KEY
from emulators.cosmos.server import CosmosServer
from engine.clock import utc_now

TOKEN: Final = "token-of-an-operator"
_OUR_OWN: Final = ("Host", "Authorization", "Content-Length", "Transfer-Encoding", "Content-Encoding")

NO_ROLE: Final = (
    5301,
    (
        "Request blocked by Auth local : Request is blocked because principal [1d3f] does not have required RBAC "
        "permissions to perform action [Microsoft.DocumentDB/databaseAccounts/readMetadata] on resource [/]."
    ),
)
FIREWALL: Final = (
    0,
    (
        "Request originated from IP 203.0.113.7 through public internet. This is blocked by your Cosmos DB account "
        "firewall settings. More info: https://aka.ms/cosmosdb-tsg-forbidden"
    ),
)
NOT_BY_A_ROLE: Final = (
    5300,
    "Request blocked by Auth local : The given request [POST /dbs] cannot be authorized by AAD token in data plane.",
)


@dataclass
class Front:
    """`token` is what an identity gets; `refusal` is the sub-status and message of a 403 that answers everything."""

    url: str
    settings: Mapping[str, str]
    token: str = TOKEN
    refusal: tuple[int, str] | None = None
    tokens: list[str] = field(default_factory=list)


@asynccontextmanager
async def entra(server: CosmosServer, folder: Path) -> AsyncIterator[Front]:
    """Yields what stands before the server; its settings are those of a process with a managed identity."""
    context = _certificate(folder)
    front = Front("", {})
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def token(_: web.BaseRequest) -> web.StreamResponse:
            told = {"access_token": front.token, "expires_on": "4102444800", "resource": "r", "token_type": "b"}
            return web.json_response(told)

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            return await _answer(front, server, session, request)

        async with _serving(answer, context) as port, _serving(token, None) as identity_port:
            front.url = f"https://localhost:{port}"
            front.settings = {
                "COSMOS": "",
                "COSMOS__accountEndpoint": front.url,
                "IDENTITY_ENDPOINT": f"http://localhost:{identity_port}/token",
                "IDENTITY_HEADER": "h",
                "SSL_CERT_FILE": str(folder / "certificate.pem"),
            }
            yield front


async def _answer(
    front: Front, server: CosmosServer, session: aiohttp.ClientSession, request: web.BaseRequest
) -> web.StreamResponse:
    given = dict(part.split("=", 1) for part in unquote(request.headers.get("Authorization", "")).split("&") if part)
    front.tokens.append(given.get("sig", ""))
    if given.get("type") != "aad" or given.get("sig") != TOKEN:
        return web.json_response({"code": "Unauthorized", "message": "no such token"}, status=401)
    if front.refusal is not None:
        sub_status, message = front.refusal
        return web.json_response(
            {"code": "Forbidden", "message": message}, status=403, headers={"x-ms-substatus": str(sub_status)}
        )
    headers = {name: value for name, value in request.headers.items() if name not in _OUR_OWN}
    date = headers.setdefault("x-ms-date", "Thu, 27 Nov 2026 00:00:00 GMT")
    headers["Authorization"] = _signed(request.method, request.path, date)
    body = await request.read()
    async with session.request(
        request.method, f"{server.url}{request.path_qs}", headers=headers, data=body
    ) as answered:
        read = await answered.read()
        kept = {name: value for name, value in answered.headers.items() if name not in _OUR_OWN}
        if request.path == "/":
            account: dict[str, Any] = json.loads(read)
            for kind in ("writableLocations", "readableLocations"):
                account[kind] = [{**each, "databaseAccountEndpoint": front.url} for each in account[kind]]
            read = json.dumps(account).encode()
        return web.Response(body=read, status=answered.status, headers=kept)


def _signed(method: str, path: str, date: str) -> str:
    segments = [unquote(each) for each in path.strip("/").split("/") if each]
    kind, link = (segments[-1], segments[:-1]) if len(segments) % 2 else (segments[-2] if segments else "", segments)
    text = f"{method.lower()}\n{kind}\n{'/'.join(link)}\n{date.lower()}\n\n"
    signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), hashlib.sha256)).decode()
    return quote(f"type=master&ver=1.0&sig={signature}", safe="")


@asynccontextmanager
async def _serving(answer: Any, context: ssl.SSLContext | None) -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    try:
        await web.TCPSite(runner, "localhost", 0, ssl_context=context).start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _certificate(folder: Path) -> ssl.SSLContext:
    """Writes a certificate of localhost that vouches for itself, and returns what serves by it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(utc_now() - timedelta(days=1))
        .not_valid_after(utc_now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = folder / "certificate.pem", folder / "key.pem"
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    return context
