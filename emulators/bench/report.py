"""What a part of the benchmark says: tables with the work that was done, and how far the goals are met."""

import inspect
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on one figure. `at_least` turns the bound around."""

    what: str
    bound: float
    measured: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    @property
    def limit(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {shown(self.bound)}"

    def __str__(self) -> str:
        verdict = "met" if self.met else "missed"
        return f"{self.what}: goal {self.limit}, measured {shown(self.measured)}: {verdict}"


@dataclass(frozen=True, slots=True)
class Table:
    """`work` says what was done for the figures, on every side of a comparison; its indentation does not matter."""

    title: str
    work: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    goals: Sequence[Goal] = field(default=())

    def to_json(self) -> Mapping[str, Any]:
        return {**asdict(self), "goals": [{**asdict(goal), "met": goal.met} for goal in self.goals]}

    def to_text(self) -> str:
        """For a terminal: aligned columns, numbers to the right."""
        cells = [[shown(cell) for cell in row] for row in self.rows]
        widths = [max(len(text) for text in column) for column in zip(self.columns, *cells, strict=True)]
        numeric = [_is_numeric(column) for column in zip(*self.rows, strict=True)]

        def line(texts: Sequence[str]) -> str:
            aligned = (
                text.rjust(width) if right else text.ljust(width)
                for text, width, right in zip(texts, widths, numeric, strict=True)
            )
            return "  " + "  ".join(aligned).rstrip()

        rule = "  " + "  ".join("-" * width for width in widths)
        return "\n".join(
            [
                self.title,
                textwrap.indent(inspect.cleandoc(self.work), "  "),
                "",
                line(self.columns),
                rule,
                *(line(row) for row in cells),
                *(f"  {goal}" for goal in self.goals),
            ]
        )

    def to_markdown(self) -> str:
        numeric = [_is_numeric(column) for column in zip(*self.rows, strict=True)]
        lines = [
            "| " + " | ".join(self.columns) + " |",
            "|" + "|".join("---:" if right else "---" for right in numeric) + "|",
            *("| " + " | ".join(shown(cell) for cell in row) + " |" for row in self.rows),
        ]
        parts = [f"**{self.title}**", inspect.cleandoc(self.work), "\n".join(lines)]
        if self.goals:
            parts.append("\n".join(f"- {goal}" for goal in self.goals))
        return "\n\n".join(parts)


def shown(cell: Cell) -> str:
    """Three significant digits are all that a noisy machine can tell."""
    if cell is None:
        return "-"
    if isinstance(cell, float):
        if abs(cell) >= 100:
            return f"{round(cell):,}"
        return f"{cell:.3g}"
    if isinstance(cell, int):
        return f"{cell:,}"
    return cell


def _is_numeric(column: Sequence[Cell]) -> bool:
    return all(cell is None or not isinstance(cell, str) for cell in column)
