"""Takes a request apart: path, query, headers and body, each checked against what its operation publishes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast
from urllib.parse import quote

from starlette.requests import Request

from backfill.jsonvalues import JsonValue, dumps, loads
from backfill.model.checks import FrozenMapping
from backfill.service import BackfillService
from backfill.web.bodies import WrongValue
from backfill.web.convert import Misfit, pointer, read, show
from backfill.web.operations import HEADERS, JSON, PATH, Call, Operation, State, WebLimits
from backfill.web.shapes import Array, Integer, Nullable, Object, Shape
from backfill.web.trouble import Trouble

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_JSON = re.compile(r"application/json(?:\s*;\s*charset=\"?utf-8\"?)?", re.IGNORECASE)


async def read_call(operation: Operation, request: Request, service: BackfillService, limits: WebLimits, state: State) -> Call:
    """Return what the operation's handler is given.

    Raises:
        Trouble: The body is too large, no JSON, or not declared as such.
        Misfit: Something does not fit the published schema.
        InvalidRequest: The body fits, but the class made of it refuses it.
    """
    path = _path(request)
    headers = _headers(operation, request)
    query = read(operation.query or _NOTHING, _query(operation.query or _NOTHING, request), place="query")
    body = await _body(operation, request, limits.max_body)
    root = quote(request.scope.get("root_path", "").rstrip("/"))
    return Call(
        service=service,
        limits=limits,
        state=state,
        root=root,
        path=path,
        query=query,
        body=None if operation.body is None else read(operation.body, body),
        headers=headers,
        address=_address(root, request),
    )


_NOTHING = Object(dict, "Nothing", "", ())


def _path(request: Request) -> Mapping[str, object]:
    return FrozenMapping(
        {name: _read_one(PATH[name], text, name, "path") for name, text in cast("dict[str, str]", request.path_params).items()}
    )


def _headers(operation: Operation, request: Request) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name in operation.headers:
        given = request.headers.getlist(name)
        if len(given) > 1:
            raise _once(name, "header")
        if given:
            found[name] = str(_read_one(HEADERS[name][0], given[0], name, "header"))
    return FrozenMapping(found)


def _read_one(shape: Shape, text: str, name: str, place: str) -> object:
    try:
        return read(shape, text, place=place)
    except Misfit as error:
        raise Misfit([WrongValue(place, pointer(name), value.detail, value.remedy) for value in error.wrong]) from None


def _once(name: str, place: str) -> Misfit:
    return Misfit([WrongValue(place, pointer(name), "it stands there more than once", "write it once")])


def _query(shape: Object, request: Request) -> dict[str, JsonValue]:
    """Return the query as the JSON value that *shape* describes; a number that is none stays text, which the reader refuses."""
    shapes = {member.name: member.shape for member in shape.members}
    found: dict[str, JsonValue] = {}
    for name, text in request.query_params.multi_items():
        expected = shapes.get(name)
        inner = expected.inner if isinstance(expected, Nullable) else expected
        if isinstance(inner, Array):
            cast("list[JsonValue]", found.setdefault(name, [])).append(_plain(inner.item, text))
        elif name in found:
            raise _once(name, "query")
        else:
            found[name] = _plain(inner, text)
    return found


def _plain(shape: Shape | None, text: str) -> JsonValue:
    if isinstance(shape, Integer) and _WHOLE.fullmatch(text):
        return int(text)
    return text


async def _body(operation: Operation, request: Request, most: int) -> JsonValue:
    if operation.method == "GET":
        return None  # what a body of a GET would mean is nowhere defined; the server lets go of it
    declared = request.headers.get("content-type")
    if operation.body is not None and not _JSON.fullmatch((declared or "").strip()):
        raise _undeclared("it is not declared at all" if declared is None else f"it is declared as {show(declared)}")
    coded = request.headers.get("content-encoding", "identity").strip().lower()
    if coded not in {"", "identity"}:
        detail = f"the body is declared to be encoded as {show(coded)}"
        raise Trouble("unsupported-media-type", detail, "send it as it is", headers={"Accept-Encoding": "identity"})
    content = await _content(request, most)
    if operation.body is None:
        if content:
            raise Trouble("malformed-body", "nothing is expected in the body", "send it without one")
        return None
    try:
        value = loads(content)
        dumps(value)  # refuses what JSON's grammar allows and nothing can carry on: lone surrogates, numbers beyond all bounds
    except ValueError as error:
        detail = f"it cannot be read as JSON in UTF-8: {show(str(error))}"
        raise Trouble("malformed-body", detail, "send one JSON object, each name once, without NaN and infinities") from None
    return value


def _undeclared(detail: str) -> Trouble:
    return Trouble("unsupported-media-type", detail, f"send JSON, with Content-Type: {JSON}", headers={"Accept": JSON})


async def _content(request: Request, most: int) -> bytes:
    """Return the body, counted as it comes: what Content-Length says need not be so."""
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said[:18]) > most:
        raise _too_large(most)
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise _too_large(most)
    return bytes(content)


def _too_large(most: int) -> Trouble:
    return Trouble("body-too-large", f"it has more than {most:,} bytes", "ask for less at once", headers={"Connection": "close"})


def _address(root: str, request: Request) -> str:
    path = request.scope["path"]
    root_path = request.scope.get("root_path", "").rstrip("/")
    below = path.removeprefix(root_path) if root_path and path.startswith(root_path + "/") else path
    query = request.scope.get("query_string", b"").decode("latin-1")
    return root + quote(below) + (f"?{query}" if query else "")
