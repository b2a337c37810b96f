"""The page of compatibility says what the tests say."""

from emulators.tests.compatibility import PAGE, SERVICES, marks, page


def test_the_tables_are_those_of_the_marks() -> None:
    assert page() == PAGE.read_text(encoding="utf-8"), "write it with: python -m emulators.tests.compatibility"


def test_every_service_has_features() -> None:
    assert all(len(marks(service)) > (5 if service == "traces" else 50) for service in SERVICES)
