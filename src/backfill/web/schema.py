"""JSON Schema (2020-12, as OpenAPI 3.1 has it) from shapes."""

from __future__ import annotations

import attrs

from backfill.jsonvalues import JsonValue
from backfill.web.render import write
from backfill.web.shapes import (
    Anything,
    Array,
    Choice,
    Day,
    Flag,
    Integer,
    Moment,
    Nullable,
    Number,
    Object,
    OneOf,
    Shape,
    Table,
    Text,
)

DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

Schema = dict[str, JsonValue]
Components = dict[str, JsonValue]


def schema_of(shape: Shape, components: Components) -> Schema:
    """Return the schema of *shape*; the schemas of classes go into *components*, once each, and are referred to."""
    match shape:
        case Object() | OneOf():
            return _refer(shape.name, shape, components)
        case Array():
            found: Schema = {"type": "array", "items": schema_of(shape.item, components)}
            return found | ({"minItems": shape.at_least} if shape.at_least else {})
        case Table():
            return _table(shape, components)
        case Nullable():
            return _nullable(schema_of(shape.inner, components))
        case Choice():
            return _refer(shape.members.__name__, shape, components)
        case _:
            return _plain(shape)


def _plain(shape: Text | Flag | Integer | Number | Day | Moment | Anything) -> Schema:
    match shape:
        case Text():
            found: Schema = {"type": "string"}
            return found if shape.pattern is None else {**found, "pattern": f"^{shape.pattern}$"}
        case Flag():
            return {"type": "boolean"}
        case Integer() | Number():
            limits: Schema = {"minimum": shape.least, "maximum": shape.most}
            kind: Schema = {"type": "integer" if isinstance(shape, Integer) else "number"}
            return kind | {name: limit for name, limit in limits.items() if limit is not None}
        case Day():
            return {"type": "string", "format": "date", "pattern": DAY}
        case Moment():
            return {"type": "string", "format": "date-time"}
        case _:
            return {"description": "Any JSON value."}


def _refer(name: str, shape: Object | OneOf | Choice, components: Components) -> Schema:
    if name not in components:
        components[name] = None  # seen, before its members are: classes may hold each other
        components[name] = _component(shape, components)
    return {"$ref": f"#/components/schemas/{name}"}


def _component(shape: Object | OneOf | Choice, components: Components) -> Schema:
    match shape:
        case Choice():
            summary = (shape.members.__doc__ or "").partition("\n")[0]
            return {"type": "string", "description": summary, "enum": [str(member) for member in shape.members]}
        case OneOf():
            options = [schema_of(option, components) for option in shape.options]
            mapping: Schema = {str(option.tag): found["$ref"] for option, found in zip(shape.options, options, strict=True)}
            return {"oneOf": list[JsonValue](options), "discriminator": {"propertyName": "kind", "mapping": mapping}}
        case _:
            return _object(shape, components)


def _object(shape: Object, components: Components) -> Schema:
    properties: Schema = {} if shape.tag is None else {"kind": {"type": "string", "const": shape.tag}}
    required: list[JsonValue] = list(properties)
    for member in shape.members:
        found = schema_of(member.shape, components)
        if member.description:
            found["description"] = member.description
        if member.default is attrs.NOTHING or not shape.incoming:
            required.append(member.name)
        else:
            found["default"] = write(member.shape, member.default)
        properties[member.name] = found
    return {
        "type": "object",
        "description": shape.description,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _table(shape: Table, components: Components) -> Schema:
    found: Schema = {"type": "object", "additionalProperties": schema_of(shape.value, components)}
    if isinstance(shape.key, Choice):
        found["propertyNames"] = schema_of(shape.key, components)
    if shape.whole is not None:
        found["description"] = f"The key {shape.whole!r} stands for the day as a whole."
    return found


def _nullable(inner: Schema) -> Schema:
    if "$ref" in inner:
        return {"anyOf": [inner, {"type": "null"}]}
    return {**inner, "type": [inner["type"], "null"]}
