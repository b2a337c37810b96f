"""What is generic has no word of the shop: not in a name, not in a text, not in a comment."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from operate.copies.rooms import carried

ROOT: Final = Path(__file__).resolve().parent.parent.parent
GENERIC: Final = ("engine", "operate", "tests/engine")
INFRASTRUCTURE: Final = [file for name, file in carried(ROOT).items() if name.startswith("infra/")]
OF_AZURE: Final = frozenset({"sku", "order", "price", "currency"})
"""Azure has these too: a tier, what sorts the rows of a query, and what a subscription pays."""

FILES: Final = [
    file
    for folder in GENERIC
    for file in sorted((ROOT / folder).rglob("*"))
    if file.suffix in (".py", ".json") and "template/infra" not in file.as_posix()
]

SHOP: Final = frozenset(
    [
        "order",
        "orders",
        "payment",
        "payments",
        "paid",
        "refund",
        "refunds",
        "refunded",
        "refunding",
        "price",
        "prices",
        "priced",
        "sale",
        "sales",
        "money",
        "currency",
        "euro",
        "euros",
        "eur",
        "invoice",
        "invoices",
        "cart",
        "carts",
        "checkout",
        "purchase",
        "purchases",
        "sku",
        "skus",
        "stock",
        "stocks",
        "reservation",
        "reservations",
        "fulfil",
        "fulfils",
        "fulfilled",
        "fulfilment",
        "shipment",
        "shipments",
        "ship",
        "ships",
        "shipped",
        "shipping",
        "parcel",
        "parcels",
        "carrier",
        "carriers",
        "warehouse",
        "customer",
        "customers",
        "mug",
        "mugs",
        "shop",
        "shops",
    ]
)

SEQUENCE: Final = re.compile(
    r"\b(?:in(?: any| no| this)?|its|their) order(?![\w…-])|\border (?:of|by|in which)\b", re.IGNORECASE
)
"""`order` as the English word for what comes after what, in running text. In a name it is never that."""


def words(text: str) -> Iterator[str]:
    """Lower-case: of `orderId`, `order_id`, `ORDER-7c0e` and `OrderPlaced`, each has `order`."""
    for run in re.findall(r"[A-Za-z]+", text):
        yield run.lower()
        yield from (part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", run))


def of_the_shop(text: str) -> frozenset[str]:
    """In a name, or in a text: that is one with a space in it."""
    prose = " ".join(text.split())
    return SHOP & set(words(SEQUENCE.sub(" ", prose) if " " in prose else prose))


def pieces(source: str) -> Iterator[tuple[int, str]]:
    """Every name, text and comment with its line. The name of a test is a sentence."""
    fstring = getattr(tokenize, "FSTRING_MIDDLE", None)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        line, text = token.start[0], token.string
        if token.type == tokenize.NAME:
            yield line, text.replace("_", " ") if text.startswith("test_") else text
        elif token.type == tokenize.STRING:
            yield line, _value(text)
        elif token.type in (tokenize.COMMENT, fstring):
            yield line, text


def _value(literal: str) -> str:
    try:
        value = ast.literal_eval(literal)
    except ValueError:  # one with expressions in it, which are looked at as they stand
        return literal
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_nothing_generic_has_a_word_of_the_shop(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    looked_at = pieces(text) if file.suffix == ".py" else enumerate(re.findall(r'"[^"]*"', text), start=1)
    found = [
        f"{number}: {piece!r} has {sorted(of_the_shop(piece))}" for number, piece in looked_at if of_the_shop(piece)
    ]
    assert [] == [*of_the_shop(file.stem), *found]


@pytest.mark.parametrize("file", INFRASTRUCTURE, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_infrastructure_that_every_service_gets_has_none_either(file: Path) -> None:
    lines = enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    assert [] == [f"{number}: {line}" for number, line in lines if of_the_shop(line) - OF_AZURE]


@pytest.mark.parametrize(
    "source",
    [
        "order_id = 1", "def place_orders(): ...", "class OrderPlaced: ...", "of_the_order = 1", "x.orderId",
        "SKUs = 1",
        "'order-7c0e…'", "'stock-mug'", "f'order-{x}'", "f'for {sku} there'", "b'orderId'", r"'a\norder'",
        "'the order is confirmed'", "'an event in order-1'", "'PlaceOrder by its name'", "'in OrderPlaced'",
        "# knows no customer", "# the order of a customer", "def test_an_order_is_placed(): ...", "'ORDER'",
        "'''One\n    order'''",
    ],
)  # fmt: skip
def test_a_word_of_the_shop_is_found(source: str) -> None:
    assert any(of_the_shop(piece) for _, piece in pieces(source))


@pytest.mark.parametrize(
    "source",
    [
        "'SELECT * FROM c ORDER BY c.id'", "# in the order of their streams", "'''read in\n    order.'''",
        "# come in any order, repeated", "# those of one stream arrive in order",
        "# it must not cost the session its order",
        "from collections import OrderedDict", "reordered = sorted(x)", "def test_all_is_read_in_order(): ...",
        "'The order of notifications is not promised.'", "# it prints, stockings and costs aside",
    ],
)  # fmt: skip
def test_the_order_of_a_sequence_is_none(source: str) -> None:
    assert [] == [piece for _, piece in pieces(source) if of_the_shop(piece)]
