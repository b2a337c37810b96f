"""The figures of docs/cost.md: what commands print, what a month comes to with other settings, and the rates.

`python -m bench.cost_page` writes them anew.
"""

import json
import re
import sys
from typing import Final

from bench.cloud import ROOT, run_python
from operate.costs.tariff import Rate, tariff

PAGE: Final = ROOT / "docs" / "cost.md"
_PER_MONTH: Final = re.compile(r"(?<=--per-month )\d+")
_BLOCK: Final = re.compile(r"(<!-- output of operate ([^\n]+) -->\n```\n).*?(```\n)", re.DOTALL)
_TURNS: Final = re.compile(r"(<!-- turns -->\n(?:[^\n]*\n){2})(.*?)(<!-- end -->)", re.DOTALL)
_RATES: Final = re.compile(r"(<!-- rates -->\n).*?(<!-- end -->)", re.DOTALL)


def written(page: str) -> str:
    """Returns the page with the figures of today. Raises CalledProcessError."""
    page = _BLOCK.sub(lambda match: f"{match[1]}{_operate(match[2])}{match[3]}", page)
    page = _TURNS.sub(lambda match: f"{match[1]}{''.join(map(_turn, match[2].splitlines()))}{match[3]}", page)
    return _RATES.sub(lambda match: f"{match[1]}{_rates()}{match[2]}", page)


def _turn(row: str) -> str:
    """Returns a row of the table with what its command comes to, and with what it does where nothing comes."""
    _, what, command, *_ = (cell.strip() for cell in row.split("|"))
    arguments = command.strip("`").removeprefix("operate ")
    usd = (_together(each) for each in (arguments, _PER_MONTH.sub("0", arguments)))
    return f"| {what} | {command} | {' | '.join(f'{each:,.0f}' for each in usd)} |\n"


def _together(arguments: str) -> float:
    lines = json.loads(_operate(f"{arguments} --json"))["lines"]
    return float(lines[-1]["usd"])


def _operate(arguments: str) -> str:
    return run_python("-m", "operate", *arguments.split())


def _rates() -> str:
    head = "| | USD | for | region | as of | source |\n|---|---:|---|---|---|---|\n"
    return head + "".join(map(_rate, tariff().rates.all()))


def _rate(rate: Rate) -> str:
    steps = "; ".join(
        f"{step.usd:f}" + (f" above {step.above:,}" if step.above else "")
        for step in rate.steps
        if step.usd or step.above
    )
    per = rate.unit if rate.per == 1 else f"{rate.per:,} {rate.unit}"
    return f"| {rate.what} | {steps} | {per} | {rate.region} | {rate.date} | [source]({rate.source}) |\n"


def main() -> int:
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
