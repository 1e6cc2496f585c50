"""One HTTP request: sent, received to the last byte or refused, never interpreted beyond that."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from typing import Any, cast

import requests
import urllib3
from attrs import define, field
from requests.cookies import extract_cookies_to_jar
from requests.hooks import dispatch_hook

from backfill.errors import PermanentSourceError, ServiceUnusable, SourceError, TransientSourceError
from backfill.fetching.addresses import full_address
from backfill.fetching.answers import REDIRECTS
from backfill.fetching.body import BodyLimits, drain, read_body
from backfill.fetching.call import Call
from backfill.fetching.connection import WatchedAdapter, watched
from backfill.fetching.counters import Counters
from backfill.fetching.environment import Surroundings
from backfill.fetching.redaction import ForeignLogs, Secrets
from backfill.model import Document
from backfill.protocols import Clock

_BAD_ADDRESS = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    urllib3.exceptions.LocationValueError,
)
_BAD_REQUEST = ValueError  # the standard library's word for a header or method that it cannot write
_TIMEOUT = (TimeoutError, requests.exceptions.Timeout, urllib3.exceptions.TimeoutError)
_NO_TIMEOUT = urllib3.exceptions.NewConnectionError  # a time-out by its parents, but raised when a connection is refused
_TLS = (requests.exceptions.SSLError, urllib3.exceptions.SSLError, ssl.SSLError)
_CONNECT_SECONDS = 15.0
_USUAL_HEADERS = {"Accept": "*/*", "Connection": "keep-alive"}
_NO_SURROUNDINGS = Surroundings()
_BROKEN = (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError)


@define(eq=False)
class HttpTransport:
    """Sends what a call asks for, and returns whatever the server answered, under its status. Any thread.

    Attributes:
        session: The user's, whose authentication, headers, cookies and adapters are used; ``None`` = our own, which has none.
        user_agent: Who we say we are.
        deadline: Seconds, from connecting to the last byte.
        max_bytes: Of a body, on the wire and decoded.
        connections: To keep for each host.
        clock: Says when a document was received.
        secrets: What must not be shown.
        counters: Count bytes.
        surroundings: Proxies and certificates.
    """

    session: requests.Session | None
    user_agent: str
    deadline: float
    max_bytes: int
    connections: int
    clock: Clock
    secrets: Secrets
    counters: Counters
    surroundings: Surroundings
    _own: requests.Session | None = field(default=None, init=False, repr=False)
    _closed: bool = field(default=False, init=False, repr=False)
    _logs: ForeignLogs = field(init=False, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._logs = ForeignLogs(self.secrets)

    def __call__(self, call: Call) -> Document:
        """Return the answer; the body of one that brings no document is not kept.

        Raises:
            SourceError: There is no answer: kinds ``timeout``, ``connection``, ``tls``, ``truncated``, ``too_large``,
                ``unframed``, ``bad_encoding``, ``bad_url``, ``bad_request``.
            Cancelled: The job was cancelled.
            ServiceUnusable: The transport was closed.
        """
        url = full_address(call.request)
        where = f"{call.request.method} {self.secrets.address(url)}"
        own = self._started()
        session = own if self.session is None or call.anonymous else self.session
        with watched(time.monotonic() + self.deadline, call.cancel, call.left):
            prepared = self._prepared(session, call, url, where)
            response = self._sent(session, prepared, url, call.left, where)
            return self._received(call, response, url, where)

    def close(self) -> None:
        """Close the connections that are our own, for good."""
        with self._lock:
            self._closed = True
            if self._own is not None:
                self._own.close()
                self._own = None
                self._logs.remove()

    def _started(self) -> requests.Session:
        with self._lock:
            if self._closed:  # while the call waited for its turn
                raise ServiceUnusable("this PoliteFetcher was closed; make a new one")
            if self._own is None:
                session = requests.Session()
                session.trust_env = False
                session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # units share nothing, not even a cookie
                adapter = WatchedAdapter(pool_maxsize=self.connections)
                session.mount("http://", adapter)
                session.mount("https://", adapter)
                self._logs.install()
                self._own = session
            return self._own

    def _prepared(self, session: requests.Session, call: Call, url: str, where: str) -> requests.PreparedRequest:
        headers = {"User-Agent": self.user_agent, "Accept-Encoding": "gzip", **call.request.headers}
        method, body = call.request.method, call.request.body
        try:
            if session is self._own:  # which has nothing of its own to merge, but that takes time
                prepared = requests.PreparedRequest()
                prepared.prepare(method=method, url=url, headers={**_USUAL_HEADERS, **headers}, data=body)
                return prepared
            return session.prepare_request(requests.Request(method, url, headers=headers, data=body))
        except _BAD_ADDRESS:
            failure = _not_an_address(where)
        except (requests.exceptions.RequestException, _BAD_REQUEST):
            failure = _not_a_request(where)
        raise failure  # out here, since a traceback would show the address as the library does, secrets and all

    def _sent(
        self, session: requests.Session, prepared: requests.PreparedRequest, url: str, left: Callable[[], None], where: str
    ) -> requests.Response:
        around = self.surroundings if session is self._own or session.trust_env else _NO_SURROUNDINGS
        options: dict[str, Any] = {
            "stream": True,
            "timeout": (min(self.deadline, _CONNECT_SECONDS), self.deadline),
            "verify": around.verify if session.verify is True else session.verify,
            "cert": session.cert,
            "proxies": dict(session.proxies) or around.proxies_for(url),
        }
        try:
            # as Session.send does, which also reads the whole body of a redirection, however long it is
            adapter = session.get_adapter(url)
            if not isinstance(adapter, WatchedAdapter):
                left()  # a foreign adapter does not tell when; it is about to
            response = adapter.send(prepared, **options)
            response = dispatch_hook("response", prepared.hooks, response, **options)  # type: ignore[no-untyped-call] # has no types
            extract_cookies_to_jar(session.cookies, prepared, response.raw)  # type: ignore[no-untyped-call] # has no types
            return cast("requests.Response", response)
        except _BAD_ADDRESS:
            failure: SourceError = _not_an_address(where)
        except _BROKEN as error:
            failure = self._failure(error, where, kind="connection")
        except _BAD_REQUEST:
            failure = _not_a_request(where)
        raise failure

    def _received(self, call: Call, response: requests.Response, url: str, where: str) -> Document:
        raw = cast("urllib3.HTTPResponse", response.raw)
        is_document = 200 <= response.status_code < 300  # noqa: PLR2004 - HTTP's class 2xx
        limits = BodyLimits(where, self.max_bytes, call.check is not None, self.counters.received)
        content, failure = b"", None
        try:
            if is_document:
                content = read_body(raw, limits)
            else:
                drain(raw)
        except _BROKEN as error:
            failure = self._failure(error, where, kind="truncated")
        finally:
            response.close()
        if failure is not None and is_document:  # how a body ends that nobody wants is all the same
            raise failure
        headers = self.secrets.headers(response.headers.items())
        if response.status_code not in REDIRECTS and "location" in headers:
            headers["location"] = self.secrets.address(headers["location"])
        return Document(
            url=self.secrets.address(url),
            name=call.identity,
            content=content,
            fetched_at=self.clock.now(),
            status=response.status_code,
            headers=headers,
        )

    def _failure(self, error: Exception, where: str, *, kind: str) -> SourceError:
        causes = _causes(error)
        if any(isinstance(cause, _TIMEOUT) and not isinstance(cause, _NO_TIMEOUT) for cause in causes):
            message = f"{where}: not answered in full within deadline={self.deadline:g} s; raise it if the server is slow"
            return TransientSourceError(message, kind="timeout", stage="fetch")
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            message = f"{where}: the server's certificate is not trusted; name the right bundle in REQUESTS_CA_BUNDLE"
            return PermanentSourceError(message, kind="tls", stage="fetch")
        what = " ← ".join(dict.fromkeys(type(cause).__name__ for cause in causes))  # their texts may show secrets
        if any(isinstance(cause, _TLS) for cause in causes):
            return TransientSourceError(
                f"{where}: no secure connection ({what}); another attempt may succeed", kind="tls", stage="fetch"
            )
        if kind == "truncated":
            message = f"{where}: the document was cut ({what}); another attempt may bring the whole"
        else:
            message = f"{where}: no answer ({what}); look whether the host can be reached from here"
        return TransientSourceError(message, kind=kind, stage="fetch")


def _not_an_address(where: str) -> PermanentSourceError:
    return PermanentSourceError(f"{where}: not an address; correct it", kind="bad_url", stage="fetch")


def _not_a_request(where: str) -> PermanentSourceError:
    message = f"{where}: not a request that HTTP allows; correct its method and headers"
    return PermanentSourceError(message, kind="bad_request", stage="fetch")


def _causes(error: BaseException) -> list[BaseException]:
    """Return *error* and what the libraries wrapped in it, outermost first."""
    found: list[BaseException] = []
    pending: list[object] = [error]
    while pending:
        cause = pending.pop(0)
        if isinstance(cause, BaseException) and not any(cause is other for other in found):
            found.append(cause)
            pending += [*cause.args, getattr(cause, "reason", None), cause.__cause__]
    return found
