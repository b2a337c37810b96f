"""Settings: parsed once, every problem named."""

import pytest

from composition.settings import Settings, SettingsError

KEY = "AccountEndpoint=http://localhost:8081/;AccountKey=c2VjcmV0;"


def test_a_connection_string_is_read() -> None:
    settings = Settings.from_mapping({"COSMOS": KEY, "COSMOS_DATABASE": "orders", "TRUST_EASYAUTH": "1"})
    assert ("http://localhost:8081/", "c2VjcmV0") == (settings.cosmos.endpoint, settings.cosmos.key)
    assert ("orders", True) == (settings.cosmos_database, settings.trust_easyauth)


def test_an_identity_needs_an_endpoint_only() -> None:
    settings = Settings.from_mapping(
        {"COSMOS__accountEndpoint": "https://x.documents.azure.com:443/", "COSMOS_DATABASE": "orders"}
    )
    assert settings.cosmos.key is None
    assert settings.trust_easyauth is False


def test_a_connection_string_wins_over_an_endpoint() -> None:
    environment = {"COSMOS": KEY, "COSMOS__accountEndpoint": "https://x/", "COSMOS_DATABASE": "orders"}
    assert "http://localhost:8081/" == Settings.from_mapping(environment).cosmos.endpoint


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_mapping({"COSMOS": "nonsense", "TRUST_EASYAUTH": "yes"})
    assert ["COSMOS", "COSMOS_DATABASE", "TRUST_EASYAUTH"] == [each.split()[0] for each in raised.value.problems]


@pytest.mark.parametrize(
    "environment",
    [{}, {"COSMOS": "AccountEndpoint=localhost;AccountKey=x"}, {"COSMOS": "AccountEndpoint=http://x/"},
     {"COSMOS__accountEndpoint": "x.documents.azure.com"}],
)  # fmt: skip
def test_a_connection_that_cannot_be_one_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="COSMOS"):
        Settings.from_mapping({**environment, "COSMOS_DATABASE": "orders"})


def test_a_key_is_never_shown() -> None:
    settings = Settings.from_mapping({"COSMOS": KEY, "COSMOS_DATABASE": "orders"})
    assert "c2VjcmV0" not in repr(settings)
