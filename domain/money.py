"""Money: an integer number of minor units and its ISO 4217 currency. Never a float."""

import re
from dataclasses import dataclass
from typing import Final, Self

_WITHOUT_DECIMALS: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_WITH_TWO_DECIMALS: Final = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC "
    "CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR "
    "JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD "
    "NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN "
    "SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_WITH_THREE_DECIMALS: Final = "BHD IQD JOD KWD LYD OMR TND"

DECIMALS: Final = {
    code: decimals
    for decimals, codes in ((0, _WITHOUT_DECIMALS), (2, _WITH_TWO_DECIMALS), (3, _WITH_THREE_DECIMALS))
    for code in codes.split()
}
"""The supported currencies and the number of decimals of each (ISO 4217, table A.1)."""

LARGEST_AMOUNT: Final = 2**53 - 1
"""Cosmos DB keeps JSON numbers as IEEE 754 doubles: above this, minor units would silently be rounded."""

DECIMAL: Final = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Money:
    """`amount` minor units of `currency`: `Money(1250, "EUR")` is twelve euros fifty."""

    amount: int
    currency: str

    @classmethod
    def parse(cls, text: str, currency: str) -> Self:
        """Reads `"12.50"`. Raises ValueError for an unknown currency, more decimals than it has, or no plain number."""
        decimals = DECIMALS.get(currency)
        if decimals is None:
            raise ValueError(f"currency {currency!r} is not a supported ISO 4217 code such as EUR or USD")
        match = DECIMAL.fullmatch(text)
        if match is None:
            raise ValueError("amount must be a decimal string such as 12.50, without sign or exponent")
        whole, fraction = match[1], match[2] or ""
        if len(fraction) > decimals:
            raise ValueError(f"amount has {len(fraction)} decimals, {currency} has {decimals}")
        if len(whole) > len(str(LARGEST_AMOUNT)):
            raise ValueError(f"amount is larger than {LARGEST_AMOUNT} minor units")
        amount = int(whole + fraction.ljust(decimals, "0"))
        if amount > LARGEST_AMOUNT:
            raise ValueError(f"amount is larger than {LARGEST_AMOUNT} minor units")
        return cls(amount, currency)

    def __str__(self) -> str:
        """The decimal string that `parse` reads, with all decimals of the currency."""
        decimals = DECIMALS[self.currency]
        if decimals == 0:
            return str(self.amount)
        sign = "-" if self.amount < 0 else ""
        digits = str(abs(self.amount)).rjust(decimals + 1, "0")
        return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"
