"""Settings: parsed once, every problem named."""

from datetime import UTC, datetime, timedelta

import pytest

from composition.settings import Settings
from engine.settings import SettingsError

KEY = "AccountEndpoint=http://localhost:8081/;AccountKey=c2VjcmV0;"
BUS = "Endpoint=sb://localhost:5672;SharedAccessKeyName=root;SharedAccessKey=geheim;UseDevelopmentEmulator=true;"
WHOLE = {"COSMOS": KEY, "COSMOS_DATABASE": "orders", "SERVICEBUS": BUS}


def test_a_connection_string_is_read() -> None:
    settings = Settings.from_mapping({**WHOLE, "TRUST_EASYAUTH": "1"})
    assert ("http://localhost:8081/", "c2VjcmV0") == (settings.engine.cosmos.endpoint, settings.engine.cosmos.key)
    assert ("orders", True) == (settings.engine.cosmos_database, settings.engine.trust_easyauth)


def test_an_identity_needs_an_endpoint_only() -> None:
    settings = Settings.from_mapping(
        {
            "COSMOS__accountEndpoint": "https://x.documents.azure.com:443/",
            "COSMOS_DATABASE": "orders",
            "SERVICEBUS__fullyQualifiedNamespace": "x.servicebus.windows.net",
        }
    )
    assert settings.engine.cosmos.key is None
    assert (None, "x.servicebus.windows.net") == (
        settings.engine.service_bus.connection_string,
        settings.engine.service_bus.namespace,
    )
    assert settings.engine.trust_easyauth is False


@pytest.mark.parametrize(
    ("operators", "trust", "sign_in"),
    [("", "0", "key"), ("key", "0", "key"), ("key", "1", "key"), ("easyauth", "1", "easyauth")],
)
def test_operators_sign_in_with_a_key_unless_the_platform_asks_them(operators: str, trust: str, sign_in: str) -> None:
    environment = {**WHOLE, "OPERATORS_SIGN_IN": operators, "TRUST_EASYAUTH": trust}
    assert sign_in == Settings.from_mapping(environment).engine.operators_sign_in


@pytest.mark.parametrize(
    ("operators", "trust"), [("easyauth", "0"), ("easyauth", ""), ("Easyauth", "1"), ("none", "1")]
)
def test_operators_never_sign_in_by_a_header_that_anybody_could_send(operators: str, trust: str) -> None:
    with pytest.raises(SettingsError, match="OPERATORS_SIGN_IN"):
        Settings.from_mapping({**WHOLE, "OPERATORS_SIGN_IN": operators, "TRUST_EASYAUTH": trust})


def test_a_connection_string_wins_over_an_endpoint() -> None:
    environment = {**WHOLE, "COSMOS__accountEndpoint": "https://x/"}
    assert "http://localhost:8081/" == Settings.from_mapping(environment).engine.cosmos.endpoint


def test_all_problems_are_listed_at_once() -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_mapping({"COSMOS": "nonsense", "TRUST_EASYAUTH": "yes"})
    assert ["COSMOS", "COSMOS_DATABASE", "SERVICEBUS", "TRUST_EASYAUTH"] == [
        each.split()[0] for each in raised.value.problems
    ]


@pytest.mark.parametrize(
    "environment",
    [{}, {"COSMOS": "AccountEndpoint=localhost;AccountKey=x"}, {"COSMOS": "AccountEndpoint=http://x/"},
     {"COSMOS__accountEndpoint": "x.documents.azure.com"}],
)  # fmt: skip
def test_a_connection_that_cannot_be_one_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="COSMOS"):
        Settings.from_mapping({**environment, "COSMOS_DATABASE": "orders", "SERVICEBUS": BUS})


@pytest.mark.parametrize(
    "environment",
    [{}, {"SERVICEBUS": "nonsense"}, {"SERVICEBUS": "Endpoint=sb://x/"}, {"SERVICEBUS": "Endpoint=http://x;SharedAccessKey=x"},
     {"SERVICEBUS__fullyQualifiedNamespace": "sb://x.servicebus.windows.net"}],
)  # fmt: skip
def test_a_bus_that_cannot_be_one_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="SERVICEBUS"):
        Settings.from_mapping({**environment, "COSMOS": KEY, "COSMOS_DATABASE": "orders"})


def test_the_optional_settings_have_defaults() -> None:
    settings = Settings.from_mapping(WHOLE)
    assert timedelta(minutes=15) == settings.payment_deadline
    assert settings.engine.notifications is None
    assert settings.engine.relay_replay_until is None
    assert not settings.operators_tools


def test_the_optional_settings_are_read() -> None:
    settings = Settings.from_mapping(
        {
            **WHOLE,
            "PAYMENT_DEADLINE": "01:02:03",
            "NOTIFICATIONS_WEBHOOK": "https://example.com/hook",
            "NOTIFICATIONS_SECRET": "geheim",
            "RELAY_REPLAY_UNTIL": "2026-11-25T18:00:00Z",
            "OPERATORS_TOOLS": "1",
        }
    )
    assert timedelta(hours=1, minutes=2, seconds=3) == settings.payment_deadline
    assert settings.operators_tools
    assert settings.engine.notifications is not None
    assert "https://example.com/hook" == settings.engine.notifications.url
    assert datetime(2026, 11, 25, 18, tzinfo=UTC) == settings.engine.relay_replay_until


@pytest.mark.parametrize(
    ("name", "value"),
    [("PAYMENT_DEADLINE", "15"), ("PAYMENT_DEADLINE", "00:00:00"), ("PAYMENT_DEADLINE", "00:61:00"),
     ("PAYMENT_DEADLINE", "-00:15:00"), ("NOTIFICATIONS_WEBHOOK", "example.com"),
     ("RELAY_REPLAY_UNTIL", "tomorrow"), ("RELAY_REPLAY_UNTIL", "2026-11-25T18:00:00"),
     ("OPERATORS_TOOLS", "true")],
)  # fmt: skip
def test_a_malformed_optional_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_mapping({**WHOLE, "NOTIFICATIONS_SECRET": "geheim", name: value})


def test_a_webhook_needs_a_secret() -> None:
    with pytest.raises(SettingsError, match="NOTIFICATIONS_SECRET"):
        Settings.from_mapping({**WHOLE, "NOTIFICATIONS_WEBHOOK": "https://example.com"})


def test_a_secret_is_never_shown() -> None:
    environment = {**WHOLE, "NOTIFICATIONS_WEBHOOK": "https://example.com", "NOTIFICATIONS_SECRET": "geheim"}
    shown = repr(Settings.from_mapping(environment))
    assert "c2VjcmV0" not in shown
    assert "geheim" not in shown
