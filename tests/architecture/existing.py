"""What there is to be named: files, names of Python, words, settings, targets, commands and routes, read once each."""

import ast
import builtins
import contextlib
import functools
import importlib
import io
import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent
_CONFIGURATION: Final = (
    "*.json",
    "*.toml",
    "*.tf",
    "requirements*.txt",
    "*.example",
    ".funcignore",
    ".gitignore",
    "Makefile",
)
_WORD: Final = re.compile(r"[\w@][\w@./-]*[\w]|\w")
_ABOUT_NAMES: Final = ("tests/architecture/test_docs_names.py",)
_SETTING: Final = re.compile(r"[A-Z]+(?:_[A-Z]+)+")

_FUNCTIONS: Final = """
import json, function_app
functions = function_app.app.get_functions()
print(json.dumps({each.get_function_name(): json.loads(each.get_function_json())["bindings"] for each in functions}))
"""

Arguments = list[str]


@functools.cache
def files() -> frozenset[str]:
    """Every file of the project, and every folder with a slash at its end."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    names = {name for name in done.stdout.splitlines() if (ROOT / name).exists()}
    folders = {f"{parent}/" for name in names for parent in Path(name).parents if parent != Path()}
    return frozenset(names | folders)


@functools.cache
def left_out() -> frozenset[str]:
    """What a run makes and git ignores."""
    return frozenset((ROOT / ".gitignore").read_text(encoding="utf-8").split())


def is_file(name: str) -> bool:
    """From the root, or the end of a path, or one that the code itself names; `<…>` stands for anything."""
    pattern = re.sub(r"<[^<>]*>", "*", name)
    return (
        not {name, f"{name}/"}.isdisjoint(left_out())
        or any(fnmatchcase(file, each) for file in files() for each in (pattern, f"*/{pattern}"))
        or any(fnmatchcase(file, f"*/{pattern}/") or file == f"{pattern}/" for file in files())
        or name in code().strings
    )


@dataclass(slots=True)
class Code:
    """Names and texts of the Python of this project. `members` are those of classes, `modules` what each defines."""

    names: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    members: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    modules: dict[str, set[str]] = field(default_factory=dict)
    text: str = ""
    sources: list[str] = field(default_factory=list)

    def add(self, module: str, tree: ast.Module, *, test: bool) -> None:
        self.modules[module] = {name for node in tree.body for name in _defined(node)}
        for node in ast.walk(tree):
            match node:
                case ast.ClassDef(name=name, body=body):
                    self.names.add(name)
                    self.members[name] |= {each for statement in body for each in _defined(statement)}
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.arg(arg=name):
                    self.names.add(name)
                case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name):
                    self.names.add(name)
                case ast.keyword(arg=str() as name) | ast.alias(name=name):
                    self.names.add(name)
                case ast.Constant(value=str() as text) if not test or _SETTING.fullmatch(text):
                    self.strings.add(text)
                case ast.Expr(value=ast.Constant(value=str() as text)):
                    # What documents is no proof that it is so.
                    self.strings.discard(text)

    def finish(self) -> None:
        """Names as clients and the store see them count too: `customerId` for `customer_id`."""
        self.names |= {_camel(name) for name in self.names}
        self.text = "\n".join(self.strings)

    def says(self, piece: str) -> bool:
        """Whether a text of the code has this piece."""
        return piece in self.text


def _defined(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def _camel(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


@functools.cache
def code() -> Code:
    found = Code()
    for name in sorted(file for file in files() if file.endswith(".py") and file not in _ABOUT_NAMES):
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        text = (ROOT / name).read_text(encoding="utf-8")
        found.sources.append(text)
        found.add(module, ast.parse(text), test=re.search(r"(^|/)tests/", name) is not None)
    found.finish()
    return found


@functools.cache
def configuration() -> str:
    """Our files of configuration, without their comments."""
    names = [file for file in files() if any(fnmatchcase(file.rpartition("/")[2], each) for each in _CONFIGURATION)]
    texts = ((ROOT / name).read_text(encoding="utf-8") for name in names if "tests/" not in name)
    return "\n".join(re.sub(r"(?m)(?:^|\s)#.*$", "", text) for text in texts)


@functools.cache
def words() -> frozenset[str]:
    """Of our configuration, the names of files, folders and modules, and Python's own."""
    parts = {part for file in files() for part in file.rstrip("/").split("/")}
    modules = {part.removesuffix(".py") for part in parts}
    return frozenset(_WORD.findall(configuration())) | parts | modules | {*dir(builtins), *sys.stdlib_module_names}


@functools.cache
def host_settings() -> frozenset[str]:
    """Every key of host.json by its path."""

    def paths(value: object, path: str) -> Iterator[str]:
        if isinstance(value, Mapping):
            for key, below in value.items():
                yield f"{path}{key}"
                yield from paths(below, f"{path}{key}.")

    return frozenset(paths(json.loads((ROOT / "host.json").read_text(encoding="utf-8")), ""))


@functools.cache
def targets() -> Mapping[str, bool]:
    """Targets of the Makefile; its variables are beside them, as False."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    made = dict.fromkeys(re.findall(r"^([a-z-]+):", text, re.MULTILINE), True)
    return {**made, **dict.fromkeys(re.findall(r"^([A-Z_]+) \??=", text, re.MULTILINE), False)}


@functools.cache
def functions() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The bindings of every function of the app, by its name."""
    # In a process of its own: an app tells its functions once.
    done = subprocess.run([sys.executable, "-c", _FUNCTIONS], cwd=ROOT, capture_output=True, text=True, check=True)
    told: Mapping[str, Sequence[Mapping[str, Any]]] = json.loads(done.stdout)
    return told


@functools.cache
def routes() -> frozenset[tuple[str, str]]:
    """Method and route of every function of HTTP."""
    bindings = [each for bindings in functions().values() for each in bindings if each["type"] == "httpTrigger"]
    return frozenset((method, each["route"]) for each in bindings for method in each["methods"])


def is_route(method: str, path: str) -> bool:
    """`path` with or without `/api`; where the route has a parameter, the path has its name or a value."""

    def fits(given: str, part: str) -> bool:
        return given == part or (part.startswith("{") and not given.startswith("{"))

    parts = path.removeprefix("/api").strip("/").split("/")
    return any(
        method == its_method
        and len(parts) == len(route.split("/"))
        and all(fits(*each) for each in zip(parts, route.split("/"), strict=True))
        for its_method, route in routes()
    )


def _devstack(arguments: Arguments) -> object:
    if arguments[0] in ("cosmos", "servicebus", "functions"):
        return importlib.import_module("emulators.__main__").main(arguments)
    return importlib.import_module("devstack.up.arguments").parser().parse_args(arguments)


def _operate(arguments: Arguments) -> object:
    # It gives its exit status, where the others end with it.
    sys.exit(importlib.import_module("operate.__main__").main(arguments))


_COMMAND_LINES: Final[Mapping[str, Callable[[Arguments], object]]] = {
    "devstack": _devstack,
    "emulators": lambda arguments: importlib.import_module("emulators.__main__").main(arguments),
    "operate": _operate,
}


@functools.cache
def is_command(module: str, arguments: Sequence[str] = ()) -> bool:
    """Whether its help knows these commands and options; values in between are taken as they are."""
    if module in _COMMAND_LINES:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            try:
                _COMMAND_LINES[module]([*arguments, "--help"])
            except SystemExit as ended:
                known = {*re.findall(r"--[a-z-]+", said.getvalue())}
                return ended.code == 0 and all(each in known for each in arguments if each.startswith("--"))
        return False
    if is_ours(module):
        # Those of the benches: their parts and options are texts of the code, and not worth all that they import.
        known = code().strings | {"--help"}
        is_run = module in code().modules if "." in module else f"{module}.__main__" in code().modules
        return (is_run or f"{module}.__main__" in code().modules) and all(each in known for each in arguments)
    return is_importable(module)


def is_ours(module: str) -> bool:
    return module.split(".")[0] in {each.split(".")[0] for each in code().modules}


@functools.cache
def is_importable(dotted: str) -> bool:
    """A name of the standard library or of an installed package, attributes included."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        value: object
        try:
            value = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for part in parts[length:]:
            value = getattr(value, part, None)
        return value is not None
    return hasattr(builtins, parts[0])


def is_dotted_name(dotted: str) -> bool:
    """A module of ours and what it defines, a class and its member, a key of host.json, or a name of a library."""
    *parents, last = dotted.split(".")
    modules = code().modules
    parent = parents[-1]
    inside = ".".join(parents)
    return (
        dotted in modules
        or dotted in host_settings()
        or last in code().members.get(parent, ())
        or any(last in names for module, names in modules.items() if f".{module}".endswith(f".{inside}"))
        or (not is_ours(dotted) and is_importable(dotted))
    )
