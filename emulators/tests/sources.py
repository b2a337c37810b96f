"""What sources say: what they import, and how their docstrings are written."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
"""The emulators, wherever the folder stands."""

_ROLE = re.compile(r":\w+:`")


def modules(package: Path, prefix: str = "") -> dict[str, Path]:
    """The files of a package and the packages in it, by the names of their modules."""
    name = f"{prefix}{package.name}"
    found = {name if file.stem == "__init__" else f"{name}.{file.stem}": file for file in sorted(package.glob("*.py"))}
    for folder in sorted(package.iterdir()):
        if (folder / "__init__.py").exists():
            found |= modules(folder, f"{name}.")
    return found


def imported(file: Path) -> Iterator[tuple[str, str | None]]:
    """What is imported anywhere in a file, also in functions and for the type checker alone: the module, the name."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            yield from ((str(node.module), alias.name) for alias in node.names)


def circles(files: Mapping[str, Path]) -> list[list[str]]:
    """The sets of modules that import each other, in however many steps."""
    targets = {name: _targets(file, files) for name, file in files.items()}
    reached = {name: _reached(name, targets) for name in targets}
    found = {tuple(sorted(other for other in reached[name] if name in reached[other])) for name in targets}
    return sorted(list(circle) for circle in found if circle)


def _targets(file: Path, files: Mapping[str, Path]) -> set[str]:
    return {
        target
        for module, name in imported(file)
        for target in (module, f"{module}.{name}")
        # The name of a package that only leads to a module in it is no target: what is in `__init__.py` is a docstring.
        if target in files and files[target].name != "__init__.py"
    }


def _reached(start: str, targets: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for target in targets[waiting.pop()] - found:
            found.add(target)
            waiting.append(target)
    return found


def badly_written(file: Path) -> list[str]:
    """The docstrings that are not in the one style: text from the quotes on, Markdown, nothing of reST."""
    return [
        f"{file.name}:{line}"
        for line, text in _docstrings(ast.parse(file.read_text(encoding="utf-8")))
        if text[:1].isspace() or "``" in text or _ROLE.search(text)
    ]


def _docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Of modules, classes and functions, and the texts behind constants."""
    for node in ast.walk(tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield node.lineno, text
