"""Types for the panel's modules, made of the published document: `types.js` is what this prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from backfill.jsonvalues import JsonValue
from backfill.web.openapi import document_of
from backfill.web.routes import OPERATIONS

HEAD = """// What stands on the wire. Made of the published document by `python -m backfill.web.panel.typedefs`; a test holds the two together.
"""


def render_types() -> str:
    """Return the text of ``types.js``. Pure."""
    document = document_of(OPERATIONS, "", "")
    schemas = _object(_object(document["components"])["schemas"])
    return "\n".join(
        [HEAD, *(line for name, schema in schemas.items() for line in _typedef(name, _object(schema))), "export {};", ""]
    )


def _typedef(name: str, schema: Mapping[str, JsonValue]) -> Iterator[str]:
    yield "/**"
    if schema.get("type") == "object" and "properties" in schema:
        yield f" * {schema['description']}"
        yield f" * @typedef {{object}} {name}"
        required = cast("list[JsonValue]", schema["required"])
        for member, said in _object(schema["properties"]).items():
            text = str(_object(said).get("description", "")).replace("*/", "* /")
            shown = member if member in required else f"[{member}]"
            yield f" * @property {{{_type(_object(said))}}} {shown} {text}".rstrip()
    else:
        yield f" * @typedef {{{_type(schema)}}} {name}"
    yield " */"
    yield ""


def _type(schema: Mapping[str, JsonValue]) -> str:  # noqa: PLR0911 - a case, a return
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "const" in schema:
        return f'"{schema["const"]}"'
    if "enum" in schema:
        return " | ".join(f'"{choice}"' for choice in cast("list[JsonValue]", schema["enum"]))
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " | ".join(_type(_object(option)) for option in cast("list[JsonValue]", schema[several]))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_type({**schema, "type": option}) for option in kind)
    if kind == "array":
        return f"readonly ({_type(_object(schema['items']))})[]"
    if kind == "object":
        return f"Readonly<Record<string, {_type(_object(schema.get('additionalProperties', {})))}>>"
    return {"integer": "number", None: "unknown"}.get(cast("str | None", kind), str(kind))


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    return cast("Mapping[str, JsonValue]", value)


if __name__ == "__main__":  # pragma: no cover - a test runs it in a process of its own
    print(render_types(), end="")  # noqa: T201 - to be written to the file
