"""A page for people that says what the application offers: made on the server, without scripts, loading nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import cast

from backfill.jsonvalues import JsonValue

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; background: #fff }
h2 { border-bottom: 1px solid #767676; margin-top: 2.5rem } h3 { margin-bottom: 0.25rem } code, pre { font: 14px/1.5 ui-monospace, monospace }
table { margin: 1rem 0 } pre { background: #f4f4f4; padding: 0.75rem; overflow-x: auto } th, td { text-align: left; vertical-align: top; padding: 0.25rem 1rem 0.25rem 0 }
a { color: #0b57d0 } .method { display: inline-block; min-width: 3.5rem; font-weight: 700 }
@media (prefers-color-scheme: dark) { body { color: #e8e8e8; background: #161616 } table { margin: 1rem 0 } pre { background: #262626 } a { color: #8ab4f8 } }
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def render_docs(document: Mapping[str, JsonValue], root: str) -> tuple[bytes, str]:
    """Return the page of a published document, and the content security policy under which it may be shown."""
    info = _object(document["info"])
    body = [
        f"<h1>{_text(info['title'])} <small>{_text(info['version'])}</small></h1>",
        f'<p>{_text(info["description"])} The same for programs: <a href="{_text(root)}/openapi.json">openapi.json</a>.</p>',
        *_paths(document),
        "<h2>What the bodies hold</h2>",
        *_schemas(document),
    ]
    head = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{_text(info['title'])}: what it offers</title><style>{STYLE}</style>"
        '<link rel="icon" href="data:,"></head><body><main>'
    )
    return (head + "\n".join(body) + "</main></body></html>").encode(), POLICY


def _paths(document: Mapping[str, JsonValue]) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, item in _object(document["paths"]).items():
        for method, operation in _object(item).items():
            said = _object(operation)
            tag = str(cast("list[JsonValue]", said["tags"])[0])
            by_tag.setdefault(tag, []).append("".join(_operation(method.upper(), path, said)))
    for each in cast("list[JsonValue]", document["tags"]):
        name = str(_object(each)["name"])
        if name in by_tag:
            yield f"<h2>{_text(name.capitalize())}</h2>" + "".join(by_tag[name])


def _operation(method: str, path: str, said: Mapping[str, JsonValue]) -> Iterator[str]:
    yield f'<h3 id="{_text(said["operationId"])}"><span class="method">{method}</span> <code>{_text(path)}</code></h3>'
    yield f"<p>{_prose(said['summary'])} {_prose(said.get('description', ''))}</p>"
    parameters = cast("list[JsonValue]", said["parameters"])
    if parameters:
        yield '<table><thead><tr><th scope="col">Parameter</th><th scope="col">In</th><th scope="col">What</th></tr></thead><tbody>'
        for parameter in map(_object, parameters):
            needed = " (required)" if parameter["required"] else ""
            what = _prose(parameter.get("description", ""))
            yield f"<tr><td><code>{_text(parameter['name'])}</code>{needed}</td><td>{_text(parameter['in'])}</td><td>{what}</td></tr>"
        yield "</tbody></table>"
    if "requestBody" in said:
        yield f"<p>Body: {_link(_object(said['requestBody']))}</p>"
    yield '<table><thead><tr><th scope="col">Status</th><th scope="col">What</th><th scope="col">Body</th></tr></thead><tbody>'
    for status, response in _object(said["responses"]).items():
        reply = _object(response)
        yield f"<tr><td>{status}</td><td>{_prose(reply['description'])}</td><td>{_link(reply)}</td></tr>"
    yield "</tbody></table>"


def _link(holder: Mapping[str, JsonValue]) -> str:
    links: list[str] = []
    for media_type, content in _object(holder.get("content", {})).items():
        reference = str(_object(_object(content)["schema"]).get("$ref", ""))
        name = reference.rpartition("/")[2]
        links.append(f'<a href="#{_text(name)}">{_text(name)}</a>' if name else _text(media_type))
    return ", ".join(links)


def _schemas(document: Mapping[str, JsonValue]) -> Iterator[str]:
    for name, schema in _object(_object(document["components"])["schemas"]).items():
        yield f'<h3 id="{_text(name)}">{_text(name)}</h3><pre tabindex="0">{_text(json.dumps(schema, indent=2, ensure_ascii=False))}</pre>'


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    return cast("Mapping[str, JsonValue]", value)


def _text(value: JsonValue) -> str:
    return escape(str(value))


def _prose(value: JsonValue) -> str:
    """Return a text for people, in which what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _text(value))
