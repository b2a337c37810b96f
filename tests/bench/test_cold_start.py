"""The measurement of cold starts, in its smallest form: what it starts, and reads, are processes of their own."""

from bench import cold_start
from emulators.bench.scale import Scale


def test_it_measures_a_cold_start_of_each_kind() -> None:
    imports, first_answers, loaded = cold_start.run(Scale(rounds=1, fresh_processes=1, seconds=0.0, many=0))
    assert ["function_app", "azure.functions"] == [title for title, *_ in imports.rows]
    assert all(isinstance(cell, float) for _, *cells in first_answers.rows[:-1] for cell in cells)
    assert "aiohttp" in [title for title, *_ in loaded.rows]
