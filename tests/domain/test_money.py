"""Money in and out, without losing or inventing a cent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import DECIMALS, LARGEST_AMOUNT, Money


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [("12.50", "EUR", 1250), ("12.5", "EUR", 1250), ("12", "EUR", 1200), ("0", "EUR", 0), ("0.07", "EUR", 7),
     ("1250", "JPY", 1250), ("1.234", "KWD", 1234)],
)  # fmt: skip
def test_a_decimal_string_is_read_to_the_minor_unit(text: str, currency: str, amount: int) -> None:
    assert Money(amount, currency) == Money.parse(text, currency)


@pytest.mark.parametrize(
    ("text", "currency", "message"),
    [("12.505", "EUR", "decimals"), ("12.5", "JPY", "decimals"), ("-1.00", "EUR", "decimal string"),
     ("1e3", "EUR", "decimal string"), ("+1", "EUR", "decimal string"), (" 1", "EUR", "decimal string"),
     ("01.00", "EUR", "decimal string"), ("1.", "EUR", "decimal string"), ("", "EUR", "decimal string"),
     ("NaN", "EUR", "decimal string"), ("١", "EUR", "decimal string"), ("1", "XXX", "ISO 4217"),
     ("1", "eur", "ISO 4217"), ("9" * 5000, "EUR", "larger"), ("90071992547409.92", "EUR", "larger")],
)  # fmt: skip
def test_anything_else_is_refused_with_its_reason(text: str, currency: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Money.parse(text, currency)


@given(st.integers(0, LARGEST_AMOUNT), st.sampled_from(sorted(DECIMALS)))
def test_every_amount_survives_its_text(amount: int, currency: str) -> None:
    money = Money(amount, currency)
    assert money == Money.parse(str(money), currency)


def test_a_negative_amount_is_shown_with_its_sign() -> None:
    assert str(Money(-5, "EUR")) == "-0.05"
