"""The published document (OpenAPI 3.1), from the table of operations and the shapes of what they take and return."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus

import attrs

from backfill.jsonvalues import JsonValue
from backfill.model import JobEvent
from backfill.web.bodies import Problem
from backfill.web.operations import EVENTS, HEADERS, JSON, PATH, PROBLEM, Operation, Reply
from backfill.web.schema import Components, Schema, schema_of
from backfill.web.trouble import KINDS
from backfill.web.wire import object_of

EVERYWHERE = (400, 401, 403, 421, 500, 503)
"""The statuses of problems that every operation may answer with."""

_TAGS = {
    "backfills": "Jobs.",
    "plans": "What would be done.",
    "gaps": "What is missing.",
    "rebuilds": "What is made anew from the archive.",
    "coverage": "What is there, and why the rest is not.",
    "snapshots": "What is stored.",
    "configuration": "Which districts may be collected.",
    "events": "What happens.",
    "about": "How the application is, and what it offers.",
}

_SENT: Mapping[str, tuple[str, Schema]] = {
    "Location": ("Address of the job.", {"type": "string"}),
    "Retry-After": ("Seconds after which to ask again.", {"type": "integer", "minimum": 0}),
    "ETag": ("Stands for this state of what was asked for.", {"type": "string"}),
    "Allow": ("The methods that the address knows.", {"type": "string"}),
}


def document_of(operations: Iterable[Operation], root: str, version: str) -> Schema:
    """Return the document for an application mounted at *root* (``""`` = not mounted)."""
    components: Components = {}
    paths: dict[str, JsonValue] = {}
    for operation in operations:
        item = paths.setdefault(operation.path, {})
        if isinstance(item, dict):  # pragma: no branch - it is one: made the line above
            item[operation.method.lower()] = _operation(operation, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "backfill",
            "version": version,
            "description": "Rebuild history: collect any range of past days for any set of districts.",
        },
        "servers": [{"url": root or "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {"schemas": dict(sorted(components.items()))},
    }


def _operation(operation: Operation, components: Components) -> Schema:
    summary, _, more = re.sub(r"\n    ", "\n", operation.handler.__doc__ or "").partition("\n")
    found: Schema = {
        "operationId": operation.name,
        "summary": summary,
        "tags": [_tag(operation.path)],
        "parameters": [*_path(operation), *_query(operation, components), *_headers(operation)],
        "responses": _responses(operation, components),
    }
    if more.strip():
        found["description"] = more.strip()
    if operation.body is not None:
        content: Schema = {JSON: {"schema": schema_of(operation.body, components)}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _tag(path: str) -> str:
    first = path.split("/")[1]
    return first if first in _TAGS else "about"


def _path(operation: Operation) -> list[JsonValue]:
    names = re.findall(r"\{(\w+)\}", operation.path)
    return [{"name": name, "in": "path", "required": True, "schema": schema_of(PATH[name], {})} for name in names]


def _query(operation: Operation, components: Components) -> list[JsonValue]:
    found: list[JsonValue] = []
    for member in () if operation.query is None else operation.query.members:
        schema = schema_of(getattr(member.shape, "inner", member.shape), components)
        required = member.default is attrs.NOTHING
        found.append(
            {"name": member.name, "in": "query", "required": required, "description": member.description, "schema": schema}
        )
    return found


def _headers(operation: Operation) -> list[JsonValue]:
    names = (*operation.headers, *(["If-None-Match"] if operation.conditional and operation.method == "GET" else []))
    return [
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": HEADERS[name][1],
            "schema": schema_of(HEADERS[name][0], {}),
        }
        for name in names
    ]


def _responses(operation: Operation, components: Components) -> Schema:
    replies = dict(operation.replies)
    if operation.conditional and operation.method == "GET":
        headers = ("ETag", *operation.replies[HTTPStatus.OK].headers)  # it carries what the whole answer would
        replies[304] = Reply("What the client has is still right.", media_type=None, headers=headers)
    found: Schema = {str(status): _reply(operation, status, reply, components) for status, reply in replies.items()}
    for status in (*EVERYWHERE, *operation.problems):
        found[str(status)] = _problem(status, components)
    return dict(sorted(found.items())) | {"default": _problem(0, components)}


def _reply(operation: Operation, status: int, reply: Reply, components: Components) -> Schema:
    names = (*reply.headers, *(["ETag"] if operation.conditional and status == HTTPStatus.OK else []))
    found: Schema = {"description": reply.description, "headers": _sent(names)}
    if reply.media_type is not None:
        schema: Schema = {"type": "string"}
        if reply.shape is not None:
            schema = schema_of(reply.shape, components)
        elif reply.media_type == EVENTS:
            schema = _event(components)
        found["content"] = {reply.media_type: {"schema": schema}}
    return found


def _event(components: Components) -> Schema:
    """Return the schema of one server-sent event, which is how tools read the schema of a stream."""
    told = schema_of(object_of(JobEvent), components)
    return {
        "type": "object",
        "description": "One server-sent event: its data is a JobEvent as JSON, or {} in the last one of a job, called end.",
        "properties": {
            "id": {"type": "string"},
            "event": {"type": "string", "enum": ["message", "end"]},
            "data": {"type": "string", "contentMediaType": JSON, "contentSchema": {"anyOf": [told, {"const": {}}]}},
            "retry": {"type": "integer"},
        },
        "required": ["data"],
    }


def _sent(names: Iterable[str]) -> Schema:
    headers: Schema = {
        "X-Request-ID": {"description": "The request, as the server's log names it.", "schema": {"type": "string"}}
    }
    for name in dict.fromkeys(names):
        text, schema = _SENT[name]
        headers[name] = {"description": text, "schema": schema}
    return headers


def _problem(status: int, components: Components) -> Schema:
    kinds = "; ".join(f"`{code}`: {title[0].lower()}{title[1:]}" for code, (of, title) in KINDS.items() if of == status)
    names = ["Retry-After"] if status in {429, 503} else []
    schema = schema_of(object_of(Problem), components)
    return {"description": kinds, "headers": _sent(names), "content": {PROBLEM: {"schema": schema}}}
