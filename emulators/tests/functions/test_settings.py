"""`local.settings.json`, the environment, and references to settings."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulators.functions.settings import (
    SettingMissingError,
    SettingsError,
    apply_to_environment,
    read_local_settings,
    resolve,
)


def written(folder: Path, content: Any) -> Path:
    (folder / "local.settings.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.mark.verified("docs", feature="local.settings.json")
def test_an_app_without_a_settings_file_has_no_settings(tmp_path: Path) -> None:
    assert {} == read_local_settings(tmp_path).values


@pytest.mark.verified("docs", feature="local.settings.json")
def test_values_and_the_hosts_own_section_are_read(tmp_path: Path) -> None:
    content = {
        "IsEncrypted": False,
        "Values": {"A": "1"},
        "Host": {"CORS": "http://a, http://b", "CORSCredentials": True},
    }
    settings = read_local_settings(written(tmp_path, content))
    assert {"A": "1"} == settings.values
    assert ("http://a", "http://b") == settings.cors_origins
    assert settings.cors_credentials
    assert () == settings.warnings


@pytest.mark.verified("docs", feature="local.settings.json: as people write it")
def test_comments_commas_numbers_and_connection_strings_are_taken(tmp_path: Path) -> None:
    text = """{
      // for this machine alone
      "IsEncrypted": "false",
      "Values": {"N": 5, "F": 1.5, "T": true, "E": "", /* later */ "URL": "http://h//p", },
      "ConnectionStrings": {"Bus": "Endpoint=…", "Sql": {"ConnectionString": "Server=…", "ProviderName": "x"}},
      "Host": {"CORSCredentials": "false"},
    }"""
    (tmp_path / "local.settings.json").write_text(text, encoding="utf-8")
    settings = read_local_settings(tmp_path)
    assert {
        "N": "5",
        "F": "1.5",
        "T": "True",
        "E": "",
        "URL": "http://h//p",
        "ConnectionStrings:Bus": "Endpoint=…",
        "ConnectionStrings:Sql": "Server=…",
    } == settings.values
    assert (False, ()) == (settings.cors_credentials, settings.warnings)


@pytest.mark.verified("docs", feature="local.settings.json: as people write it")
@pytest.mark.parametrize(
    ("content", "warning"),
    [
        ({"IsEncrypted": False, "Values": {"A": None}}, "'A' is skipped, it has no value"),
        ({"IsEncrypted": False, "Values": {"": "x"}}, "'' is skipped, it has no name"),
        ({"Values": {}}, "take it for encrypted"),
    ],
)
def test_what_the_core_tools_skip_is_told(tmp_path: Path, content: Any, warning: str) -> None:
    settings = read_local_settings(written(tmp_path, content))
    assert {} == settings.values
    assert warning in settings.warnings[0]


@pytest.mark.verified("docs", feature="local.settings.json")
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"IsEncrypted": True}, "encrypted"),
        ({"IsEncrypted": "true"}, "encrypted"),
        ({"IsEncrypted": "maybe"}, "'IsEncrypted' must be true or false"),
        ({"Values": {"A": {"B": 1}}}, "'A' must be a text"),
        ({"ConnectionStrings": ["x"]}, "'ConnectionStrings' must be a JSON object"),
        ({"Values": []}, "'Values' must be a JSON object"),
        ([], "must hold a JSON object"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_its_reason(tmp_path: Path, content: Any, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        read_local_settings(written(tmp_path, content))


@pytest.mark.verified("docs", feature="local.settings.json")
def test_the_environment_wins_over_the_file() -> None:
    environment = {"A": "from the environment", "C": ""}
    apply_to_environment({"A": "from the file", "B": "from the file", "C": "from the file"}, environment)
    assert ("from the environment", "from the file") == (environment["A"], environment["B"])
    assert "from the file" == environment["C"]


@pytest.mark.verified("docs", feature="local.settings.json")
def test_a_local_app_is_in_development_whatever_its_file_says() -> None:
    environment: dict[str, str] = {}
    apply_to_environment({"AZURE_FUNCTIONS_ENVIRONMENT": "Production"}, environment)
    assert "Development" == environment["AZURE_FUNCTIONS_ENVIRONMENT"]


@pytest.mark.verified("trace", feature="%SETTING% references")
def test_references_are_replaced_wherever_they_stand() -> None:
    assert "x-1-2" == resolve("x-%A%-%B%", {"A": "1", "B": "2"})


@pytest.mark.verified("docs", feature="%SETTING% references")
def test_a_missing_setting_is_named_as_the_host_does() -> None:
    with pytest.raises(SettingMissingError, match="'%NOPE%' does not resolve to a value"):
        resolve("%NOPE%", {})
