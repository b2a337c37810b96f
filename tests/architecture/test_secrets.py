"""No file that git tracks has a credential in it."""

import re
from pathlib import Path

import pytest

from tests.architecture import existing

ROOT = Path(__file__).resolve().parents[2]

CREDENTIAL = re.compile(
    r"(?:AccountKey|SharedAccessKey)=(?P<key>[A-Za-z0-9+/=]{16,})"
    r"|(?<!sha512-)(?P<long>[A-Za-z0-9+/]{86}==)"  # a digest of what is public, as npm writes it, is none
    r"|[?&]sig=(?P<signature>[\w%]{20,})"
    # Of Service Bus, of a function app, and of a registration in Entra ID: these name their kind.
    r"|(?P<marked>\b[A-Za-z0-9/+]{33}\+ASb[A-Za-z0-9/+]{6}=|\b[\w-]{44}AzFu[\w-]{6}==|\b[\w~.]{3}\dQ~[\w~.-]{31,34})"
    r"|(?P<private>-----BEGIN [A-Z ]*PRIVATE KEY)"
    r"|(?P<token>\beyJ[\w-]{20,}\.[\w-]{20,}|\bgh[pousr]_\w{36}|\bAKIA[A-Z0-9]{16}|\bxox[bap]-\w{10,})"
)

PUBLIC = (
    # Of every emulator of Cosmos DB, Microsoft's included.
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==",
    # Of a signature in a recorded trace, for a key that never was one.
    "Zpuw7UX3qFNf52hD2pkRVUljUIxO8UJ%2BYi6I1OnOn3k%3D",
)


def credentials(text: str) -> list[str]:
    found = (next(group for group in match.groups() if group) for match in CREDENTIAL.finditer(text))
    return [each for each in found if each not in PUBLIC]


def test_no_file_has_a_credential() -> None:
    names = [name for name in existing.files() if not name.endswith("/")]
    texts = {name: (ROOT / name).read_text(encoding="utf-8", errors="ignore") for name in names}
    assert {} == {name: found for name, text in texts.items() if (found := credentials(text))}


@pytest.mark.parametrize(
    "parts",
    [
        ("AccountEndpoint=https://a.documents.azure.com;AccountKey=", "Zm9v" * 21 + "Zg=="),
        ("Endpoint=sb://a.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=", "Zm9v" * 11),
        ("https://a.blob.core.windows.net/b?sv=2026&sig=", "Zm9v" * 10),
        ("key: ", "a" * 33 + "+ASb" + "b" * 6 + "="),
        ("x-functions-key: ", "a" * 44 + "AzFu" + "b" * 6 + "=="),
        ("client_secret = ", "abc8Q~" + "d" * 34),
        ("-----BEGIN RSA ", "PRIVATE KEY-----"),
        ("Authorization: Bearer ", "eyJ" + "a" * 30 + "." + "b" * 30),
    ],
)
def test_a_credential_is_found(parts: tuple[str, str]) -> None:
    assert len(credentials("".join(parts))) == 1
