"""A client in this process that holds every answer against the published document (P8), and short cuts for tests of the interface."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import cast

import httpx
from jsonschema import Draft202012Validator, FormatChecker

from backfill import BackfillService
from backfill.protocols import Clock, DataSource, Fetcher, JobStore, ScopeResolver, SnapshotStore
from backfill.testing.source import ScriptedDashboard
from backfill.web import WebLimits, create_app, everybody
from service_doubles import PATIENCE, serving

App = Callable[..., Awaitable[None]]
Json = dict[str, object]

PROTECTIVE = {
    "content-security-policy": "frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
"""What every answer carries, whatever it says."""

KNOWN = ("location", "etag", "retry-after", "allow")
"""Headers that an operation only sends where its document says so."""


FORMATS = FormatChecker(["date"])


def is_moment(value: object) -> bool:
    """Return whether *value* is a date and time with its offset from UTC."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


FORMATS.checks("date-time", raises=ValueError)(is_moment)


class Client:
    """Asks an application, each time in an event loop of its own, and checks every answer against its document.

    Args:
        app: The application.
        root: Where it is mounted.
        headers: Sent with every request.

    Attributes:
        seen: Which statuses each operation has answered with, by method and path.
    """

    def __init__(self, app: App, *, root: str = "", headers: Mapping[str, str] | None = None) -> None:
        self.app = app
        self.root = root
        self.headers = dict(headers or {})
        self.seen: set[tuple[str, str, int]] = set()

    @cached_property
    def document(self) -> Json:
        """The published document."""
        return cast("Json", self.send("GET", "/openapi.json").json())

    def get(self, path: str, **options: object) -> httpx.Response:
        """Ask with GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, body: object = None, **options: object) -> httpx.Response:
        """Ask with POST; *body* is sent as JSON."""
        return self.request("POST", path, **({} if body is None else {"json": body}), **options)

    def put(self, path: str, body: object, **options: object) -> httpx.Response:
        """Ask with PUT; *body* is sent as JSON."""
        return self.request("PUT", path, json=body, **options)

    def request(self, method: str, path: str, **options: object) -> httpx.Response:
        """Ask, and check the answer."""
        response = self.send(method, path, **options)
        self.check(method, path.partition("?")[0], response)
        return response

    def send(self, method: str, path: str, **options: object) -> httpx.Response:
        """Ask, and check nothing."""
        headers = {**self.headers, **cast("dict[str, str]", options.pop("headers", {}))}

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, root_path=self.root)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                return await client.request(method, self.root + path, headers=headers, **options)  # type: ignore[arg-type] # of any kind

        return asyncio.run(ask())

    def check(self, method: str, path: str, response: httpx.Response) -> None:
        """Hold *response* against the document: status, media type, body, headers; a problem also against itself."""
        for name, value in PROTECTIVE.items():
            assert value in response.headers[name], name
        assert re.fullmatch(r"[A-Za-z0-9._~-]{1,64}", response.headers["x-request-id"])
        media_type = response.headers.get("content-type", "").partition(";")[0]
        operation = self.find("GET" if method == "HEAD" else method, path)
        if operation is None:
            assert media_type == "application/problem+json"
        else:
            self._check_operation(operation, response, media_type)
            self.seen.add((method, operation[0], response.status_code))
        if media_type == "application/problem+json" and method != "HEAD":
            self._check_problem(response)

    def find(self, method: str, path: str) -> tuple[str, Json] | None:
        """Return the template and the published operation for a request; ``None`` = it is published nowhere."""
        for template, item in cast("dict[str, Json]", self.document["paths"]).items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path) and method.lower() in item:
                return template, cast("Json", item[method.lower()])
        return None

    def _check_operation(self, operation: tuple[str, Json], response: httpx.Response, media_type: str) -> None:
        responses = cast("dict[str, Json]", operation[1]["responses"])
        listed = responses.get(str(response.status_code))
        assert listed or '"code":"refused"' in response.text, (operation[0], response.status_code, response.text)
        published = listed or responses["default"]
        sent = {name for name in KNOWN if name in response.headers}
        assert sent <= {name.lower() for name in cast("Json", published["headers"])}, sent
        content = cast("dict[str, Json]", published.get("content", {}))
        by_type = {name.partition(";")[0]: media for name, media in content.items()}
        if not by_type:
            assert (media_type, response.content) == ("", b"")
            return
        assert media_type in by_type
        if media_type.endswith("json") and response.content:
            self.validate(by_type[media_type]["schema"], response.json())

    def _check_problem(self, response: httpx.Response) -> None:
        problem = response.json()
        self.validate({"$ref": "#/components/schemas/Problem"}, problem)
        assert problem["status"] == response.status_code
        assert problem["requestId"] == response.headers["x-request-id"]
        assert problem["detail"]
        assert problem["remedy"]
        assert problem["type"].endswith("#" + problem["code"])
        assert response.headers["cache-control"] == "no-store"

    def validate(self, schema: object, value: object) -> None:
        """Hold *value* against a schema of the document."""
        found = sorted(self.validator(schema).iter_errors(value), key=lambda error: list(error.absolute_path))
        assert not found, f"{found[0].json_path}: {found[0].message}"

    def validator(self, schema: object) -> Draft202012Validator:
        """Return what holds values against a schema of the document."""
        return Draft202012Validator({**cast("Json", schema), "components": self.document["components"]}, format_checker=FORMATS)


@contextmanager
def offering(
    source: DataSource | None = None,
    *,
    store: SnapshotStore | None = None,
    scope: ScopeResolver | None = None,
    jobs: JobStore | None = None,
    fetch: Fetcher | None = None,
    clock: Clock | None = None,
    root: str = "",
    limits: WebLimits | None = None,
) -> Iterator[tuple[BackfillService, Client]]:
    """Hand out a service on a virtual clock with a client of its interface, and close the service afterwards."""
    with serving(source or ScriptedDashboard(), store, scope=scope, jobs=jobs, fetch=fetch, clock=clock) as service:
        yield service, Client(create_app(service, authorize=everybody, limits=limits or WebLimits()), root=root)


def start(client: Client, **body: object) -> str:
    """Start a job over the interface and return its identifier."""
    response = client.post(
        "/backfills", {"startDate": "2026-01-05", "endDate": "2026-01-06", "targetDistricts": ["A", "B"]} | body
    )
    assert response.status_code == 202, response.text
    return cast("str", response.json()["backfillId"])


def finish(service: BackfillService, client: Client, **body: object) -> str:
    """Start a job over the interface, wait for its end, and return its identifier."""
    backfill_id = start(client, **body)
    service.get_job(backfill_id).wait(PATIENCE)
    return backfill_id


def problem(response: httpx.Response, status: int, code: str) -> Json:
    """Return the problem in *response*, which must be of this status and kind."""
    assert (response.status_code, response.json().get("code")) == (status, code), response.text
    return cast("Json", response.json())


def pointers(found: Json) -> list[tuple[str, str]]:
    """Return where the wrong values of a problem stand."""
    errors = cast("list[dict[str, str]]", found["errors"])
    assert all(error["detail"] and error["remedy"] for error in errors)
    return [(error["in"], error["pointer"]) for error in errors]


class Raw:
    """Asks an application as a server does, message by message: for what no client would send, and for streams.

    Args:
        app: The application.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    def scope(
        self, method: str = "GET", path: str = "/health", *, query: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None
    ) -> dict[str, object]:
        """Return the scope of a request for this machine."""
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "root_path": "",
            "headers": [(b"host", b"localhost")] if headers is None else headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }

    def ask(self, scope: dict[str, object], *chunks: bytes) -> httpx.Response:
        """Send a request whose body comes in *chunks*, and return the answer."""
        messages: list[MutableMapping[str, object]] = [
            {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
            for number, chunk in enumerate(chunks or (b"",), start=1)
        ]
        sent: list[MutableMapping[str, object]] = []

        async def receive() -> MutableMapping[str, object]:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, object]) -> None:
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))  # type: ignore[arg-type] # a coroutine it is
        body = b"".join(cast("bytes", message.get("body", b"")) for message in sent[1:])
        headers = cast("list[tuple[bytes, bytes]]", sent[0]["headers"])
        return httpx.Response(cast("int", sent[0]["status"]), headers=headers, content=body)


def events_in(stream: bytes) -> list[tuple[int, Json]]:
    """Return the events of a stream: their numbers, and what they say."""
    found = re.findall(rb"^id: (\d+)\ndata: (.*)\n\n", stream, re.MULTILINE)
    return [(int(seq), cast("Json", json.loads(data))) for seq, data in found]
