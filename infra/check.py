"""Checks the infrastructure code without Azure: what can run on this machine runs, and what cannot is named.

Plans are made by the real provider over resources that Terraform mocks, one for each set of parameters in infra/tests,
and kept as text in infra/plans, so that a change of infrastructure is read in review; `--write` writes them anew.
Terraform gets the provider from where its settings say, TF_CLI_CONFIG_FILE included.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

INFRA: Final = Path(__file__).resolve().parent
ROOT: Final = INFRA.parent
PLANS: Final = INFRA / "plans"
UNKNOWN: Final = "(known after apply)"

_NOT_PREPARED: Final = ("Missing required provider", "there is no package for", "Inconsistent dependency lock file")
"""Terraform says so of a folder that it has not prepared; the latter two where versions are locked."""


class CheckFailed(Exception):
    """Is raised by a check that has found something; the message is what."""


class NotHere(Exception):
    """Is raised by a check that this machine cannot run; the message says what it lacks."""


def main(arguments: Sequence[str]) -> int:
    """Runs every check; 0 if none has failed, 1 otherwise."""
    write = "--write" in arguments
    checks: Mapping[str, Callable[[], str]] = {
        "model": _model,
        "terraform fmt": lambda: _run("terraform", "fmt", "-check", "-diff", "-recursive", str(INFRA)),
        "terraform validate": _validate,
        "terraform test": lambda: _plans(write=write),
        "tflint": lambda: _run("tflint", f"--chdir={INFRA}"),
        "checkov": _policies,
        "actionlint": lambda: _run("actionlint"),
        "zizmor": lambda: _run("zizmor", "--offline", "--quiet", ".github"),
    }
    failed, not_run = [], []
    for name, check in checks.items():
        try:
            print(f"{name}: {check() or 'clean'}", flush=True)
        except CheckFailed as error:
            failed.append(name)
            print(f"{name}: FAILED\n{error}", flush=True)
        except NotHere as error:
            not_run.append(name)
            print(f"{name}: NOT RUN, {error}", flush=True)
    print(f"infra: {len(checks) - len(failed) - len(not_run)} clean, {len(failed)} failed, {len(not_run)} not run here")
    return 1 if failed else 0


def _model() -> str:
    """What the code defines is what Terraform is told of it."""
    told = subprocess.run(
        [sys.executable, "-m", "operate", "infra"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if told.returncode:
        raise CheckFailed(told.stderr)
    if told.stdout != (INFRA / "model.json").read_text(encoding="utf-8"):
        raise CheckFailed("infra/model.json is not what the code defines; `make infra-plans`, then look at `git diff`")
    return ""


def _run(program: str, *arguments: str) -> str:
    done = _done(program, *arguments)
    if done.returncode:
        raise CheckFailed(done.stdout + done.stderr)
    return ""


def _done(program: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs a program of the environment of this Python, or of the machine. Raises NotHere."""
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which(program, path=search)
    if found is None:
        raise NotHere(f"{program} is not installed")
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "NO_COLOR": "1"}
    return subprocess.run(  # noqa: S603 - the tools that are named above
        [found, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def _terraform(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs Terraform in the folder, which it prepares where that is needed. Raises NotHere without a provider."""
    here = f"-chdir={INFRA}"
    told = _done("terraform", here, "validate", "-json").stdout
    if any(each in told for each in _NOT_PREPARED):
        begun = _done("terraform", here, "init", "-backend=false", "-input=false", "-no-color")
        if begun.returncode:
            raise NotHere(f"its provider cannot be had: {' '.join(begun.stderr.partition('Error: ')[2].split())}")
    return _done("terraform", here, *arguments)


def _validate() -> str:
    done = _terraform("validate", "-json")
    told = json.loads(done.stdout)
    if not told["valid"]:
        raise CheckFailed("\n".join(_diagnostic(each) for each in told["diagnostics"]))
    return ""


def _plans(*, write: bool) -> str:
    done = _terraform("test", "-json", "-verbose")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode:
        said = (_diagnostic(each["diagnostic"]) for each in told if "diagnostic" in each)
        raise CheckFailed("\n".join(said) or done.stderr)
    plans = (each for each in told if each["type"] == "test_plan" and each["@testfile"].endswith("plans.tftest.hcl"))
    texts = {each["@testrun"]: _text(each["test_plan"]) for each in plans}
    kept = {file.stem: file.read_text(encoding="utf-8") for file in PLANS.glob("*.txt")}
    differ = sorted(name for name in texts.keys() | kept.keys() if texts.get(name) != kept.get(name))
    if write:
        _write(texts)
        return f"{len(texts)} plans, {len(differ)} of them new or changed"
    if differ:
        names = ", ".join(differ)
        raise CheckFailed(f"not as in infra/plans: {names}; `make infra-plans`, then look at `git diff`")
    return f"{len(texts)} plans as they are kept"


def _write(texts: Mapping[str, str]) -> None:
    shutil.rmtree(PLANS, ignore_errors=True)
    PLANS.mkdir()
    for name, text in texts.items():
        (PLANS / f"{name}.txt").write_text(text, encoding="utf-8")


def _text(plan: Mapping[str, Any]) -> str:
    """Says what a plan creates, a value in each line, in an order of its own; what is not set is left out."""
    (provider,) = plan["provider_schemas"].values()
    lines: list[str] = []
    for each in sorted(plan["resource_changes"], key=lambda each: str(each["address"])):
        change, block = each["change"], provider["resource_schemas"][each["type"]]["block"]
        lines.append(each["address"])
        planned = _planned(change["after"], change["after_unknown"], change["after_sensitive"], block)
        lines += [f"  {path} = {value}" for path, value in _leaves(planned)]
        lines.append("")
    return "\n".join(lines)


def _planned(after: Any, unknown: Any, sensitive: Any, block: Mapping[str, Any]) -> Any:
    """Returns what is planned, without what only Azure says, and with a word for what is unknown or secret."""
    if unknown is True:
        return UNKNOWN
    if sensitive is True:
        return "(sensitive)"
    if isinstance(after, list):
        return [_planned(each, _at(unknown, n), _at(sensitive, n), block) for n, each in enumerate(after)]
    if not isinstance(after, dict):
        return after
    attributes, blocks = block.get("attributes", {}), block.get("block_types", {})
    return {
        name: _planned(after.get(name), _at(unknown, name), _at(sensitive, name), blocks.get(name, {}).get("block", {}))
        for name in after.keys() | (unknown or {}).keys()
        if name != "id" and (name not in attributes or {"required", "optional"} & attributes[name].keys())
    }


def _at(tree: Any, place: Any) -> Any:
    if isinstance(tree, dict):
        return tree.get(place)
    return tree[place] if isinstance(tree, list) and place < len(tree) else None


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    match value:
        case dict():
            for name in sorted(value):
                yield from _leaves(value[name], f"{path}.{name}" if path else name)
        case list() if any(isinstance(each, dict | list) for each in value):
            for place, each in enumerate(value):
                yield from _leaves(each, f"{path}[{place}]")
        case None | []:
            return
        case str() if path.endswith("_json"):
            yield from _leaves(json.loads(value), path)
        case _:
            yield path, value if value == UNKNOWN else json.dumps(value, ensure_ascii=False)


def _policies() -> str:
    done = _done(
        "checkov", "--directory", str(INFRA), "--framework", "terraform", "--skip-download", "--output", "json"
    )
    try:
        told = json.loads(done.stdout)
    except ValueError:
        raise CheckFailed(done.stdout + done.stderr) from None
    counts = told["summary"]
    # It is content with what it could not read.
    if counts["failed"] or counts["parsing_errors"] or not counts["passed"]:
        found = (
            f"{each['check_id']} {each['resource']}: {each['check_name']}" for each in told["results"]["failed_checks"]
        )
        raise CheckFailed("\n".join(found) or json.dumps(counts))
    return f"{counts['passed']} passed, {counts['skipped']} explained in the files"


def _diagnostic(each: Mapping[str, Any]) -> str:
    place = each.get("range", {})
    where = f"{place['filename']}:{place['start']['line']}: " if place else ""
    return f"{where}{each['summary']}: {each.get('detail', '')}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
