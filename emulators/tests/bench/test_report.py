"""Timing and tables."""

from emulators.bench.measure import Timings, percentile
from emulators.bench.report import Goal, Table

TABLE = Table("Title", "what was done", ["", "ms"], [["ours", 1.25], ["theirs", 1234.5]], [Goal("speed", 1.3, 1.25)])


def test_a_ratio_is_taken_within_rounds_so_that_noise_hits_both_sides() -> None:
    timings = Timings({"a": [2.0, 20.0, 2.2], "b": [1.0, 10.0, 1.1]})
    assert (2.0, 1.1) == (timings.ratio("a", "b"), timings.median("b"))


def test_a_percentile_is_one_of_the_values() -> None:
    hundred = [float(number) for number in range(1, 101)]
    assert [50.0, 99.0, 1.0] == [percentile(hundred, share) for share in (50, 99, 1)]
    assert 7.0 == percentile([7.0], 99)


def test_a_goal_says_whether_it_is_met() -> None:
    assert "speed: goal ≤ 1.3, measured 1.25: met" == str(TABLE.goals[0])
    assert "speed: goal ≥ 3, measured 2: missed" == str(Goal("speed", 3, 2, at_least=True))


def test_a_table_becomes_text_and_markdown() -> None:
    assert "  theirs  1,234" in TABLE.to_text()
    assert "| theirs | 1,234 |" in TABLE.to_markdown()
