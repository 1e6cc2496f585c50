"""The application: guards every request, hands it to its operation, and answers in one consistent way."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from attrs import evolve, field, frozen
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backfill.errors import InvalidRequest
from backfill.service import BackfillService
from backfill.web.conditions import etag_of, matches
from backfill.web.events import EventStream
from backfill.web.operations import PROBLEM, Call, Operation, State, Stream, WebLimits
from backfill.web.problems import places_of, refusal_of, trouble_of
from backfill.web.reading import read_call
from backfill.web.render import encode_as
from backfill.web.routes import offered_by
from backfill.web.security import LOOPBACK_HOSTS, Authorize, Guard, dressed, guard_of, request_id_of
from backfill.web.slots import Slots
from backfill.web.threads import Threads
from backfill.web.trouble import Trouble

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""The methods that are counted by their names: whoever can reach the server may make up any number of others."""

OTHER_METHOD = "other"
"""What all other methods are counted as."""


def create_app(
    service: BackfillService,
    *,
    authorize: Authorize,
    allowed_hosts: Iterable[str] = LOOPBACK_HOSTS,
    trusted_origins: Iterable[str] = (),
    limits: WebLimits = WebLimits(),  # noqa: B008 - a frozen value
) -> WebApp:
    """Return an ASGI application that offers *service* over HTTP. Serve it alone, or mount it in another application.

    It starts nothing and needs no start: the service stays the host's, who closes it. What it offers is published at
    ``/openapi.json``, and for people at ``/docs``.

    Args:
        service: The service.
        authorize: Decides on every request, whatever it is for; there is no default. It is given the request (a Starlette
            ``Request``), and returns ``True`` or ``False``, or an awaitable of these; in place of ``True`` also the name of who asks, a
            text of a line: then idempotency keys are each one's own, and so is `WebLimits.max_streams_each`. A plain function runs in a
            thread and may block. To refuse in a way of its own, or challenge the client, it may raise Starlette's (or FastAPI's)
            ``HTTPException``, ``HTTPException(401, headers={"WWW-Authenticate": …})`` for instance: its status, headers and text are
            passed on. To let everybody in, pass `backfill.web.everybody`.
        allowed_hosts: Names under which it may be asked, without ports: ``"jobs.example.org"``, ``"*.example.org"``, or ``"*"`` where
            something before it checks them. By default those of this machine only.
        trusted_origins: Origins of other sites whose pages may use it, like ``"https://intranet.example.org"``. The host
            application adds the CORS headers that browsers want besides.
        limits: How much clients may ask for.

    Raises:
        InvalidRequest: One of them is not what it must be.
    """
    if not isinstance(service, BackfillService):
        raise InvalidRequest("service", service, "not a BackfillService", "make one, and pass it")
    return WebApp(service, guard_of(authorize, allowed_hosts, trusted_origins), limits)


class WebApp:
    """What `create_app` returns. One instance may be used in several event loops."""

    def __init__(self, service: BackfillService, guard: Guard, limits: WebLimits) -> None:
        self._service = service
        self._guard = guard
        self._limits = limits
        self._threads = Threads(limits.workers, limits.max_waiting)
        self._state = State(offered_by(service), Slots(limits.max_streams, each=limits.max_streams_each))
        paths = dict.fromkeys(operation.path for operation in self._state.operations)
        self._routes = tuple(Route(path, self) for path in paths)

    def end_streams(self) -> None:
        """Let every stream of events end within `WebLimits.poll_seconds`, now and from now on: for a server that stops. Any thread."""
        self._state.slots.closed = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as ASGI has it."""
        if scope["type"] == "http":
            await self._answer(Request(scope, receive), receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        request_id, sent = request_id_of(request), _Sent(send)
        send = dressed(sent, request_id)
        operation: Operation | None = None
        try:
            self._guard.check_host(request)
            self._guard.check_origin(request)
            principal = await self._guard.check_permission(request, self._threads)
            operation = self._find(request)
            app = await self._carry_out(operation, request, principal)
            await app(request.scope, receive, send)
        except ClientDisconnect:
            return  # while it sent its request: nobody is there to be answered
        except Exception as error:
            if sent.status:
                raise
            trouble = trouble_of(error, places_of(operation), request_id)
            response = Response(trouble.encoded(request_id), trouble.status, trouble.headers, PROBLEM)
            await _without_body(response, request)(request.scope, receive, send)
        finally:
            method = request.method if request.method in METHODS else OTHER_METHOD
            self._state.answered[method, operation.path if operation else "", sent.status] += 1

    def _find(self, request: Request) -> Operation:
        """Return the operation that *request* is for, and put the path's parameters into its scope.

        Raises:
            Trouble: There is none.
        """
        for route in self._routes:
            match, found = route.matches(request.scope)
            if match is Match.FULL:
                request.scope["path_params"] = found["path_params"]
                return self._choose(route.path, request.method)
        raise Trouble(
            "not-found", "the interface has no such address", "GET /openapi.json lists those there are; mind the prefix"
        )

    def _choose(self, path: str, method: str) -> Operation:
        here = {operation.method: operation for operation in self._state.operations if operation.path == path}
        if "GET" in here and not here["GET"].is_stream:
            here["HEAD"] = here["GET"]
        if method in here:
            return here[method]
        known = ", ".join(sorted(here))
        raise Trouble("method-not-allowed", f"it knows {known}", f"use {known}", headers={"Allow": known})

    async def _carry_out(self, operation: Operation, request: Request, principal: str | None) -> ASGIApp:
        call = evolve(await read_call(operation, request, self._service, self._limits, self._state), principal=principal)
        try:
            result = await self._threads.run(_work, operation, call, ",".join(request.headers.getlist("if-none-match")))
        except InvalidRequest as error:
            raise refusal_of(error, places_of(operation), call.given_values) from None
        if isinstance(result, Stream):
            return EventStream(result, self._threads, self._limits, self._state.slots, principal)
        return _without_body(result, request)


def _work(operation: Operation, call: Call, known: str) -> Response | Stream:
    """Return what the operation's handler answers, written out; *known* = the ETags that the client has. Blocks."""
    result = operation.handler(call)
    if isinstance(result, Stream):
        return result
    reply = operation.replies[result.status]
    content = result.content
    if content is None:
        content = b"" if reply.shape is None else encode_as(reply.shape, result.value)
    headers = dict(result.headers)
    status = result.status
    if operation.conditional and status == HTTPStatus.OK:
        headers["ETag"] = etag_of(content)
        if operation.method == "GET":
            headers["Cache-Control"] = "private, no-cache"  # keep it, but ask each time whether it is still right
            if matches(known, headers["ETag"], weakly=True):
                return Response(None, HTTPStatus.NOT_MODIFIED, headers)
    return Response(content, status, headers, reply.media_type)


def _without_body(response: Response, request: Request) -> Response:
    """Return *response*, for HEAD without its body but with the length that the body has."""
    if request.method == "HEAD":
        response.body = b""
    return response


@frozen(eq=False)
class _Sent:
    """A *send* that remembers with which status an answer began; 0 = none has."""

    send: Send
    statuses: list[int] = field(factory=list)

    @property
    def status(self) -> int:
        return self.statuses[0] if self.statuses else 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.statuses.append(message["status"])
        await self.send(message)


async def _live(receive: Receive, send: Send) -> None:
    """Say yes to a server's start and stop: there is nothing to do at either."""
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
