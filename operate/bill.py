"""The bill of materials of a package says what Azure installs beside it: `requirements.txt`, and what that needs."""

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from operate.failure import CommandFailed


def bill(root: Path, name: str) -> Mapping[str, Any]:
    """Returns it in CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/), with the versions of this environment.

    Raises CommandFailed where this environment is not that of `requirements.txt`.
    """
    lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    asked = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    needs = _needs(asked)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": name, "bom-ref": name}},
        "components": [_component(each) for each in sorted(needs)],
        "dependencies": [
            {"ref": name, "dependsOn": sorted(_purl(each.name) for each in asked if _applies(each))},
            *({"ref": _purl(each), "dependsOn": sorted(map(_purl, needs[each]))} for each in sorted(needs)),
        ],
    }


def _needs(asked: list[Requirement]) -> dict[str, set[str]]:
    """Returns every distribution that is asked for, and by what is asked for, with those that it needs itself."""
    found: dict[str, set[str]] = {}
    extras: dict[str, set[str]] = {}
    open_ = [each for each in asked if _applies(each)]
    while open_:
        requirement = open_.pop()
        name = canonicalize_name(requirement.name)
        if name in found and requirement.extras <= extras[name]:
            continue
        extras.setdefault(name, set()).update(requirement.extras)
        distribution = _distribution(requirement)
        needed = [Requirement(line) for line in distribution.requires or ()]
        needed = [each for each in needed if _applies(each, extras[name])]
        found[name] = {canonicalize_name(each.name) for each in needed}
        open_ += needed
    return found


def _applies(requirement: Requirement, extras: set[str] | None = None) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *(extras or ())))


def _distribution(requirement: Requirement) -> metadata.Distribution:
    try:
        found = metadata.distribution(requirement.name)
    except metadata.PackageNotFoundError:
        found = None
    if found is None or found.version not in requirement.specifier:
        raise CommandFailed(f"{requirement} is not installed here: `make setup`")
    return found


def _component(name: str) -> Mapping[str, Any]:
    distribution = metadata.distribution(name)
    return {
        "type": "library",
        "name": name,
        "version": distribution.version,
        "purl": _purl(name),
        "bom-ref": _purl(name),
    }


def _purl(name: str) -> str:
    return f"pkg:pypi/{canonicalize_name(name)}@{metadata.distribution(name).version}"
