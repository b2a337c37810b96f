"""`page` shows the description of a REST interface in HTML that loads nothing: no script, and no other host."""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Any, Final

_STYLE: Final = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; background: Canvas; color: CanvasText; }
code, pre { font: 0.9em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { padding: 0.75rem; overflow-x: auto; white-space: pre-wrap; border: 1px solid GrayText; }
details { border-top: 1px solid GrayText; padding: 0.5rem 0; }
summary { cursor: pointer; }
h3 { font-size: 1rem; }
summary b { display: inline-block; min-width: 3.5rem; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
dt { margin-top: 0.5rem; font-weight: 600; }
dd { margin-left: 1.5rem; }
section, details > div { scroll-margin-top: 4rem; }
:target { border-left: 4px solid Highlight; padding-left: 0.75rem; }
"""

STYLE_SOURCE: Final = f"'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'"
"""Names the style of the page in a Content-Security-Policy."""

_REFERENCE: Final = "#/components/schemas/"


def page(description: Mapping[str, Any]) -> str:
    """Returns the page. Whatever the description says is shown as text."""
    title = escape(description["info"]["title"])
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
</head>
<body>
<header><h1>{title}</h1>
{_prose(description["info"]["description"])}
<nav aria-label="Contents"><a href="#operations">Operations</a> · <a href="#problems">Problems</a> ·
<a href="#schemas">Schemas</a> · <a href="openapi.json">OpenAPI</a></nav></header>
<main>
<h2 id="operations">Operations</h2>
{"".join(_operations(description))}
<h2 id="problems">Problems</h2>
{"".join(_problems(description))}
<h2 id="schemas">Schemas</h2>
{"".join(_schemas(description))}
</main>
</body>
</html>
"""


def _operations(description: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json")
            yield (
                f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
                f'{_inline(operation["summary"])}</summary><div id="{escape(operation["operationId"])}">'
                f"{'' if operation['security'] else '<p>It needs no key.</p>'}"
                f"{_section('Parameters', map(_parameter, operation['parameters']))}"
                f"{'' if body is None else _body(body)}"
                f"{_section('Answers', (_answer(*each) for each in operation['responses'].items()))}</div></details>\n"
            )


def _parameter(parameter: Mapping[str, Any]) -> tuple[str, str]:
    name = f"<code>{escape(parameter['name'])}</code> in the {escape(parameter['in'])}"
    said = (_inline(parameter.get("description", "")), _type(parameter["schema"]))
    return name, "<br>".join(filter(None, said))


def _body(media: Mapping[str, Any]) -> str:
    return f"<h3>Body</h3><p>{_type(media['schema'])}</p><pre>{escape(_json(media['example']))}</pre>"


def _answer(status: str, response: Mapping[str, Any]) -> tuple[str, str]:
    said = [_inline(response["description"])]
    for media_type, media in response.get("content", {}).items():
        kinds = (f'<a href="#{escape(kind)}">{escape(kind)}</a>' for kind in media.get("examples", {}))
        said.append(", ".join(kinds) or f"<code>{escape(media_type)}</code> {_type(media['schema'])}")
        if "example" in media:
            said.append(f"<pre>{escape(_json(media['example']))}</pre>")
    if headers := response.get("headers"):
        said.append("Headers: " + ", ".join(f"<code>{escape(name)}</code>" for name in headers))
    return f"<code>{status}</code>", "<br>".join(said)


def _problems(description: Mapping[str, Any]) -> Iterator[str]:
    for kind, example in description["components"]["examples"].items():
        yield (
            f'<section id="{escape(kind)}"><h3>{escape(example["summary"])}</h3>'
            f"<p>{_inline(example['description'])}</p><pre>{escape(_json(example['value']))}</pre></section>\n"
        )


def _schemas(description: Mapping[str, Any]) -> Iterator[str]:
    for name, schema in description["components"]["schemas"].items():
        required = schema.get("required", ())
        properties = (
            (f"<code>{escape(each)}</code>{'' if each in required else ' (may be missing)'}", _type(of))
            for each, of in schema.get("properties", {}).items()
        )
        # What a link leads to is within the details: so the browser opens them.
        shown = f'<div id="schema-{escape(name)}">{_list(properties)}</div>'
        yield f"<details><summary>{escape(name)}</summary>{shown}</details>\n"


def _type(schema: Mapping[str, Any]) -> str:
    """Returns what a value may be, in a line: the classes as links, everything else as JSON Schema has it."""
    if name := schema.get("$ref", "").removeprefix(_REFERENCE):
        return f'<a href="#schema-{escape(name)}">{escape(name)}</a>'
    if members := schema.get("oneOf") or schema.get("anyOf"):
        return " or ".join(map(_type, members))
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    said = {name: value for name, value in schema.items() if name not in ("title", "type", "description")}
    texts = (
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in said.items()
    )
    details = escape(", ".join(f"{name} {text}" for name, text in texts))
    return f"{escape(schema.get('type', ''))} <code>{details}</code>" if said else escape(schema.get("type", ""))


def _section(title: str, entries: Iterable[tuple[str, str]]) -> str:
    shown = _list(entries)
    return f"<h3>{title}</h3>{shown}" if shown else ""


def _list(entries: Iterable[tuple[str, str]]) -> str:
    shown = "".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in entries)
    return f"<dl>{shown}</dl>" if shown else ""


def _prose(text: str) -> str:
    return "".join(f"<p>{_inline(each)}</p>" for each in text.split("\n\n"))


def _inline(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
