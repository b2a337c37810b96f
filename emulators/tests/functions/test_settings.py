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
    content = {"Values": {"A": "1"}, "Host": {"CORS": "http://a, http://b", "CORSCredentials": True}}
    settings = read_local_settings(written(tmp_path, content))
    assert {"A": "1"} == settings.values
    assert ("http://a", "http://b") == settings.cors_origins
    assert settings.cors_credentials


@pytest.mark.verified("docs", feature="local.settings.json")
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"IsEncrypted": True}, "encrypted"),
        ({"Values": {"A": 1}}, "'A' must be a string"),
        ({"Values": []}, "'Values' must be a JSON object"),
        ([], "must hold a JSON object"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_its_reason(tmp_path: Path, content: Any, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        read_local_settings(written(tmp_path, content))


@pytest.mark.verified("docs", feature="local.settings.json")
def test_the_environment_wins_over_the_file() -> None:
    environment = {"A": "from the environment"}
    apply_to_environment({"A": "from the file", "B": "from the file"}, environment)
    assert ("from the environment", "from the file") == (environment["A"], environment["B"])


@pytest.mark.verified("trace", feature="%SETTING% references")
def test_references_are_replaced_wherever_they_stand() -> None:
    assert "x-1-2" == resolve("x-%A%-%B%", {"A": "1", "B": "2"})


@pytest.mark.verified("docs", feature="%SETTING% references")
def test_a_missing_setting_is_named_as_the_host_does() -> None:
    with pytest.raises(SettingMissingError, match="'%NOPE%' does not resolve to a value"):
        resolve("%NOPE%", {})
