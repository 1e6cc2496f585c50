"""What must not happen: each threat with a request that tries it, and the answer that ends it."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable, MutableMapping

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from backfill import BackfillService
from backfill.errors import InvalidRequest, PermanentSourceError
from backfill.scopes import DistrictConfigurationService
from backfill.testing.source import ScriptedDashboard, ScriptedSource
from backfill.web import WebLimits, create_app, everybody
from backfill.web.routes import OPERATIONS
from backfill.web.scrub import scrub
from backfill.web.threads import Threads
from backfill.web.trouble import Trouble
from service_doubles import PATIENCE, GatedSource, serving, until
from web_client import PROTECTIVE, Client, Raw, finish, offering, pointers, problem, start

BODY = {"startDate": "2026-01-05", "targetDistricts": ["A"]}
JSON_TYPE = (b"content-type", b"application/json")
HOST = (b"host", b"localhost")


def nobody(_request: Request) -> bool:
    """Let nobody in."""
    return False


# --- who may ask ------------------------------------------------------------------------------------------------------


def test_authorize_has_no_default() -> None:
    """An application cannot be made without saying who may use it, and not with something that cannot decide. [R8.4]"""
    with serving(ScriptedDashboard()) as service:
        with pytest.raises(TypeError, match="authorize"):
            create_app(service)  # type: ignore[call-arg] # that is what is tested
        with pytest.raises(InvalidRequest, match=r"backfill\.web\.everybody"):
            create_app(service, authorize=None)  # type: ignore[arg-type] # that is what is tested
        with pytest.raises(InvalidRequest, match="not a BackfillService"):
            create_app(object(), authorize=everybody)  # type: ignore[arg-type] # that is what is tested


ADDRESSES = [
    *((operation.method, operation.path.format(backfillId="x", day="2026-01-05", districtId="A")) for operation in OPERATIONS),
    ("GET", "/nowhere"),
    ("OPTIONS", "/backfills"),
    ("DELETE", "/backfills/x"),
    ("HEAD", "/health"),
]


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_every_address_asks_for_permission(method: str, path: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever is asked for, streams, metrics, the page and addresses that are not there included, needs permission. [R8.5]"""
    scope = DistrictConfigurationService(tmp_path_factory.mktemp("scope") / "districts.json")
    with serving(ScriptedDashboard(), scope=scope) as service:
        client = Client(create_app(service, authorize=nobody))
        response = client.send(method, path, **({"json": BODY} if method in {"POST", "PUT"} else {}))
        assert response.status_code == 403
        if method != "HEAD":
            assert response.json()["code"] == "forbidden"
        assert not service.list_backfills()
        assert scope.districts is None


@pytest.mark.parametrize("answer", [True, False])
def test_a_decision_may_be_awaited(answer: bool) -> None:
    """The decision may come from a plain function, a coroutine function, or a plain function that returns an awaitable. [R8.5]"""

    async def later(_request: Request) -> bool:
        await asyncio.sleep(0)
        return answer

    class Decider:
        async def __call__(self, request: Request) -> bool:
            return await later(request)

    deciders: list[Callable[[Request], bool | Awaitable[bool]]] = [lambda _request: answer, later, Decider()]
    deciders.append(lambda request: later(request) if request else False)
    with serving(ScriptedDashboard()) as service:
        for decider in deciders:
            response = Client(create_app(service, authorize=decider)).send("GET", "/health")
            assert response.status_code == (200 if answer else 403)


def test_a_plain_decision_is_made_in_a_thread() -> None:
    """A plain function may block, a look into a database for instance: it is never called on the event loop. [R9.5]"""
    threads: list[bool] = []

    def decide(request: Request) -> bool:
        threads.append(threading.current_thread() is threading.main_thread())
        return request.headers["x-user"] == "ada"

    with serving(ScriptedDashboard()) as service:
        client = Client(create_app(service, authorize=decide), headers={"X-User": "ada"})
        assert client.get("/health").status_code == 200
        assert not any(threads)


@pytest.mark.parametrize("answer", [None, 1, "", " ", "a\nb", b"ada", object()])
def test_only_true_or_a_name_lets_in(answer: object, caplog: pytest.LogCaptureFixture) -> None:
    """What is neither True nor False, nor the name of who asks, lets nobody in: it is the host's mistake, and the log says which. [R8.4]"""
    with serving(ScriptedDashboard()) as service:
        client = Client(create_app(service, authorize=lambda _request: answer))  # type: ignore[arg-type, return-value] # tested
        problem(client.send("GET", "/health"), 500, "internal-error")
        assert "it must return True, False, or the name of who asks" in caplog.text


def test_a_decision_that_fails_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    """An exception of authorize is a 500 without its text, which is in the log under the request's identifier. [R8.4, R8.5]"""

    def fail(_request: Request) -> bool:
        message = "password=hush"
        raise RuntimeError(message)

    with serving(ScriptedDashboard()) as service:
        response = Client(create_app(service, authorize=fail)).send("GET", "/health", headers={"X-Request-ID": "r-1"})
        found = problem(response, 500, "internal-error")
        assert "hush" not in response.text
        assert found["requestId"] == "r-1"
        assert any(
            getattr(record, "request_id", "") == "r-1" and "hush" in (record.exc_text or str(record.exc_info))
            for record in caplog.records
        )


def test_a_host_may_challenge_its_clients() -> None:
    """A 401 of the host's own making keeps its challenge. [R8.5]"""

    def challenge(_request: Request) -> bool:
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})

    with serving(ScriptedDashboard()) as service:
        response = Client(create_app(service, authorize=challenge)).send("GET", "/health")
        problem(response, 401, "unauthorized")
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("kind", ["starlette", "fastapi"])
@pytest.mark.parametrize(
    ("status", "code"),
    [(302, "refused"), (401, "unauthorized"), (402, "refused"), (403, "forbidden"), (404, "refused"), (418, "refused"), (429, "refused"), (503, "refused"), (599, "refused")],
)  # fmt: skip
def test_a_host_may_refuse_with_a_status_of_its_own(status: int, code: str, kind: str) -> None:
    """What the host's own HTTPException says is passed on as a problem: status, headers and words, without the secrets in them. [R8.4, R8.5]"""
    raised = HTTPException if kind == "starlette" else pytest.importorskip("fastapi").HTTPException

    def refuse(_request: Request) -> bool:
        raise raised(status, "no: token=hush", headers={"X-Why": "because"} | ({"Location": "/login"} if status == 302 else {}))

    with offering() as (service, client):
        refused = Client(create_app(service, authorize=refuse))
        refused.document = client.document
        response = refused.send("GET", "/backfills") if status == 302 else refused.get("/backfills")
        found = problem(response, status, code)
        assert found["detail"] == "no: token=***"
        assert response.headers["x-why"] == "because"
        assert response.headers.get("location") == ("/login" if status == 302 else None)
        assert refused.send("POST", "/backfills", json={}).status_code == status


@pytest.mark.parametrize("detail", [None, {"any": "thing"}])
def test_a_refusal_without_words_gets_some(detail: object) -> None:
    """Where the host says nothing that can be shown, the problem says what a refusal means. [R8.4]"""

    def refuse(_request: Request) -> bool:
        raise HTTPException(402, detail)  # type: ignore[arg-type] # FastAPI's takes anything

    with serving(ScriptedDashboard()) as service:
        found = problem(Client(create_app(service, authorize=refuse)).send("GET", "/health"), 402, "refused")
        assert found["detail"] == "the application that this interface is a part of refuses the request"


@pytest.mark.parametrize("status", [100, 200, 204, 304, 700])
def test_a_refusal_is_no_success(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """An HTTPException whose status refuses nothing is a mistake of the host's, told in the log; nobody is let in. [R8.4]"""

    def refuse(_request: Request) -> bool:
        raise HTTPException(status, "come in")

    with serving(ScriptedDashboard()) as service:
        problem(Client(create_app(service, authorize=refuse)).send("GET", "/health"), 500, "internal-error")
        assert "request" in caplog.text


# --- from where -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/backfills"), ("POST", "/backfills/x/cancel"), ("GET", "/events"), ("GET", "/metrics")]
)
def test_pages_of_other_sites_can_do_nothing(site: str, method: str, path: str) -> None:
    """What a page of another site, or of another port of this one, makes a browser send is refused, streams included. [R8.5]"""
    with offering() as (service, client):
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "cors"}
        problem(
            client.request(method, path, headers=headers, **({"json": BODY} if path == "/backfills" else {})), 403, "cross-origin"
        )
        assert not service.list_backfills()


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost", 202),
        ("http://LOCALHOST", 202),
        ("http://localhost:1", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_older_browsers_are_known_by_their_origin(origin: str, status: int) -> None:
    """Without Sec-Fetch-Site the Origin of a POST must be this very host and port. [R8.5]"""
    with offering() as (_, client):
        assert client.post("/backfills", BODY, headers={"Origin": origin}).status_code == status


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_pages_of_this_origin_and_people_can(site: str) -> None:
    """The host's own pages, and what somebody types or bookmarks, are let in; so is a client that is no browser. [R8.1]"""
    with offering() as (_, client):
        assert client.post("/backfills", BODY, headers={"Sec-Fetch-Site": site}).status_code == 202
        assert client.post("/backfills", BODY).status_code == 202


def test_a_link_from_elsewhere_may_be_followed() -> None:
    """A link on another site leads to the page for people; a POST by a form there is refused all the same. [R8.5]"""
    with offering() as (_, client):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        assert client.get("/docs", headers=headers).status_code == 200
        problem(client.post("/backfills", BODY, headers=headers), 403, "cross-origin")


def test_origins_that_are_trusted_are_let_in() -> None:
    """A host may name other origins whose pages may use it; no CORS header is ever sent by itself. [R8.5]"""
    origin = "https://panel.example:8443"
    with serving(ScriptedDashboard()) as service:
        client = Client(create_app(service, authorize=everybody, trusted_origins=[origin]))
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        response = client.post("/backfills", BODY, headers=headers)
        assert response.status_code == 202
        assert not [name for name in response.headers if name.startswith("access-control")]
        problem(client.post("/backfills", BODY, headers=headers | {"Origin": origin + "1"}), 403, "cross-origin")
        for wrong in ("panel.example", "https://panel.example/", "https://panel.example?x", "*"):
            with pytest.raises(InvalidRequest, match="not an origin"):
                create_app(service, authorize=everybody, trusted_origins=[wrong])
        with pytest.raises(InvalidRequest, match="one string"):
            create_app(service, authorize=everybody, trusted_origins=origin)


@pytest.mark.parametrize("host", [b"evil.example", b"localhost.evil.example", b"127.0.0.1.nip.io", b"", b"[::2]", b"localhost:x"])
def test_other_names_for_this_machine_are_refused(host: bytes) -> None:
    """A Host that was made to point here, as in DNS rebinding, is 421 before anybody is asked for permission. [R8.5]"""

    def never(_request: Request) -> bool:
        raise AssertionError

    with serving(ScriptedDashboard()) as service:
        raw = Raw(create_app(service, authorize=never))
        problem(raw.ask(raw.scope(headers=[(b"host", host)])), 421, "misdirected")
        problem(raw.ask(raw.scope(headers=[])), 421, "misdirected")
        problem(raw.ask(raw.scope(headers=[HOST, HOST])), 421, "misdirected")


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        (["jobs.example"], b"jobs.example:8000", 200),
        (["Jobs.Example"], b"JOBS.EXAMPLE.", 200),
        (["jobs.example"], b"xjobs.example", 421),
        (["*.example"], b"a.b.example", 200),
        (["*.example"], b"example", 421),
        (["*"], b"anything", 200),
        (["jobs.example"], b"localhost", 421),
        (["[::1]"], b"[::1]:80", 200),
    ],
)
def test_a_host_names_itself(allowed: list[str], host: bytes, status: int) -> None:
    """A host says under which names it may be asked, with or without what is below them. [R8.5]"""
    with serving(ScriptedDashboard()) as service:
        raw = Raw(create_app(service, authorize=everybody, allowed_hosts=allowed))
        assert raw.ask(raw.scope(headers=[(b"host", host)])).status_code == status


# --- bodies -----------------------------------------------------------------------------------------------------------


def send_body(client: Client, *chunks: bytes, headers: list[tuple[bytes, bytes]] | None = None) -> tuple[int, str]:
    """POST a body as it is, and return the status and the kind of problem."""
    raw = Raw(client.app)
    response = raw.ask(raw.scope("POST", "/backfills", headers=[HOST, *([JSON_TYPE] if headers is None else headers)]), *chunks)
    client.check("POST", "/backfills", response)
    return response.status_code, str(response.json().get("code"))


def test_large_bodies_are_not_read() -> None:
    """A body is counted as it comes, whatever its Content-Length says, and refused with 413 beyond the limit. [R8.5]"""
    with offering(limits=WebLimits(max_body=1000)) as (service, client):
        fits = json.dumps(BODY).encode().ljust(1000)
        assert send_body(client, fits)[0] == 202
        assert send_body(client, fits, b" ") == (413, "body-too-large")
        assert send_body(client, *[b" " * 100] * 11) == (413, "body-too-large")
        assert send_body(client, fits, headers=[JSON_TYPE, (b"content-length", b"1001")]) == (413, "body-too-large")
        assert send_body(client, fits, headers=[JSON_TYPE, (b"content-length", b"9" * 5000)]) == (413, "body-too-large")
        assert send_body(client, fits, b" ", headers=[JSON_TYPE, (b"content-length", b"1")]) == (413, "body-too-large")
        assert len(service.list_backfills()) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"startDate": "2026-01-05"',
        b'{"startDate": "2026-01-05", "startDate": "2026-01-06"}',
        b'{"startDate": "2026-01-05", "minIntervalSeconds": NaN}',
        b'{"startDate": "2026-01-05", "minIntervalSeconds": -Infinity}',
        b'{"startDate": "2026-01-05", "minIntervalSeconds": 1e999}',
        b'{"startDate": "2026-01-05", "concurrency": ' + b"1" * 5000 + b"}",
        b'{"startDate": "\\ud800"}',
        '{"startDate": "2026-01-05"}'.encode("utf-16"),
        b"[" * 30_000,
        b'{"a":' * 10_000,
    ],
    ids=[
        "empty",
        "cut",
        "not UTF-8",
        "unclosed",
        "twice",
        "NaN",
        "infinite",
        "huge float",
        "huge int",
        "surrogate",
        "UTF-16",
        "deep",
        "deep too",
    ],
)
def test_what_is_not_plain_json_is_refused(body: bytes) -> None:
    """Broken, ambiguous, endless and bottomless JSON is 400, and starts nothing. [R8.4, R8.5]"""
    with offering() as (service, client):
        assert send_body(client, body) == (400, "malformed-body")
        assert not service.list_backfills()


@pytest.mark.parametrize(
    "declared",
    [
        None,
        b"text/plain",
        b"application/x-www-form-urlencoded",
        b"multipart/form-data; boundary=x",
        b"application/jsonp",
        b"text/plain; application/json",
        b"application/json; charset=utf-16",
        b"",
    ],
)
def test_only_declared_json_is_read(declared: bytes | None) -> None:
    """What a form or a careless script of another site can send without asking is 415, with what is accepted. [R8.5]"""
    with offering() as (service, client):
        headers = [] if declared is None else [(b"content-type", declared)]
        raw = Raw(client.app)
        response = raw.ask(raw.scope("POST", "/backfills", headers=[HOST, *headers]), json.dumps(BODY).encode())
        problem(response, 415, "unsupported-media-type")
        assert response.headers["accept"] == "application/json"
        assert not service.list_backfills()


@pytest.mark.parametrize("coded", [b"gzip", b"br", b"deflate, gzip"])
def test_an_encoded_body_is_not_read_as_a_plain_one(coded: bytes) -> None:
    """Compressed bodies, which could be any size, are 415 with what is accepted, as HTTP says (RFC 9110, 15.5.16). [R8.5]"""
    with offering() as (service, client):
        raw = Raw(client.app)
        headers = [HOST, (b"content-type", b"application/json"), (b"content-encoding", coded)]
        response = raw.ask(raw.scope("POST", "/backfills", headers=headers), json.dumps(BODY).encode())
        problem(response, 415, "unsupported-media-type")
        assert response.headers["accept-encoding"] == "identity"
        assert not service.list_backfills()


@pytest.mark.parametrize("declared", [b"application/json;charset=UTF-8", b'Application/JSON; charset="utf-8"'])
def test_json_may_name_its_encoding(declared: bytes) -> None:
    """JSON is declared as such in any of the usual ways. [R8.2]"""
    with offering() as (_, client):
        assert send_body(client, json.dumps(BODY).encode(), headers=[(b"content-type", declared)])[0] == 202


def test_actions_take_no_body() -> None:
    """What needs no body refuses one, so that nothing sent is silently dropped; what stands in a GET is not even read. [R8.4]"""
    with offering(limits=WebLimits(max_body=100)) as (service, client):
        path = f"/backfills/{finish(service, client)}"
        problem(client.post(f"{path}/cancel", {}), 400, "malformed-body")
        problem(client.post(f"{path}/cancel", {"x": "y" * 100}), 413, "body-too-large")
        problem(client.post(f"{path}/retry", {}), 400, "malformed-body")
        assert client.get(path, content=b"x" * 1000).status_code == 200


@pytest.mark.parametrize("body", ["x", 1, None, [], [1], True])
def test_a_body_is_an_object(body: object) -> None:
    """JSON that is no object is refused as such, at the root. [R8.4]"""
    with offering() as (_, client):
        headers = {"Content-Type": "application/json"}
        response = client.request("POST", "/backfills", content=json.dumps(body), headers=headers)
        found = problem(response, 400, "invalid-body")
        assert pointers(found) == [("body", "#")]


def test_a_problem_lists_so_many_wrong_values_and_no_more() -> None:
    """A body of thousands of wrong values does not make an answer of thousands. [R8.4]"""
    with offering() as (_, client):
        found = problem(client.post("/backfills", BODY | {"targetDistricts": list(range(5000))}), 400, "invalid-body")
        assert len(pointers(found)) == 100
        long = problem(client.post("/backfills", BODY | {"x" * 50_000: 1, "startDate": "y" * 10_000}), 400, "invalid-body")
        assert len(json.dumps(long)) < 3000


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "part", ["..", ".", ".hidden", "a b", "a\r\nX-Evil: 1", "a\x00b", "a/b", "../../etc/passwd", "ä", "x" * 65, "\n", "A\n"]
)
@pytest.mark.parametrize("path", ["/backfills/{}", "/backfills/{}/errors", "/snapshots/{}", "/snapshots/2026-01-05/districts/{}"])
def test_paths_lead_nowhere_else(path: str, part: str) -> None:
    """Dots, control characters and separators, as they reach an application decoded, are 404 and touch no header. [R8.5]"""
    with offering() as (service, client):
        finish(service, client)
        raw = Raw(client.app)
        response = raw.ask(raw.scope(path=path.format(part)))
        assert response.status_code == 404
        assert all("\n" not in value and "\r" not in value for value in response.headers.values())
        assert "x-evil" not in response.headers


@pytest.mark.parametrize(
    "path",
    ["/", "//health", "/health/", "/backfills/", "/openapi", "/backfills//errors", "/static/../health", "/Health", "*", ""],
)
def test_addresses_are_exact(path: str) -> None:
    """Nothing is redirected, and no other spelling of an address is answered. [R8.5]"""
    with offering() as (_, client):
        raw = Raw(client.app)
        problem(raw.ask(raw.scope(path=path)), 404, "not-found")


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "TRACE", "OPTIONS", "PUT", "get"])
def test_other_methods_are_told_the_right_ones(method: str) -> None:
    """A method that an address does not know is 405, with those that it knows. [R8.5]"""
    with offering() as (_, client):
        raw = Raw(client.app)
        response = raw.ask(raw.scope(method, "/backfills"))
        problem(response, 405, "method-not-allowed")
        assert response.headers["allow"] == "GET, HEAD, POST"
        assert raw.ask(raw.scope(method, "/events")).headers["allow"] == "GET"


# --- what answers give away -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json", "/metrics", "/backfills", "/nowhere", "/backfills/none"])
def test_every_answer_is_dressed(path: str) -> None:
    """Every answer forbids framing, sniffing, referrers and storing (or asks to be revalidated), and has an identifier. [R8.5]"""
    with offering() as (_, client):
        response = client.get(path)
        assert all(value in response.headers[name] for name, value in PROTECTIVE.items())
        assert response.headers["cache-control"] == ("private, no-cache" if "etag" in response.headers else "no-store")


def test_a_request_keeps_a_harmless_identifier() -> None:
    """A client's or proxy's X-Request-ID is kept if it is harmless, and replaced if not; each request has its own otherwise. [R8.5]"""
    with offering() as (_, client):
        assert client.get("/health", headers={"X-Request-ID": "abc-1.2_3~"}).headers["x-request-id"] == "abc-1.2_3~"
        for wrong in ("", "a b", "x" * 65, "<script>", 'a"b'):
            assert client.get("/health", headers={"X-Request-ID": wrong}).headers["x-request-id"] != wrong
        assert len({client.get("/health").headers["x-request-id"] for _ in range(3)}) == 3


SECRET = "https://ada:hush@example.org/x?api_key=hush&day=1 failed with Authorization: Bearer hush, password=hush"


def test_secrets_in_errors_stay_inside() -> None:
    """A password or key in the address or header that an error quotes is in no answer: report, errors, list or events. [R8.4]"""
    with offering(ScriptedSource(lambda _day, _district: PermanentSourceError(SECRET))) as (service, client):
        backfill_id = finish(service, client)
        for path in ("", "/errors", "/events"):
            text = client.get(f"/backfills/{backfill_id}{path}").text
            assert "hush" not in text
            assert "example.org/x?api_key=***&day=1" in text
        assert "hush" not in client.get("/backfills").text
        assert "hush" not in client.get("/snapshots").text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("nothing to hide: 3 of 4, key points, tokens", "nothing to hide: 3 of 4, key points, tokens"),
        ("ftp://u:p@h/x and http://h?token=t#f", "ftp://h/x and http://h?token=***"),
        ("X-Api-Key: abc, 'password': 'pw' token = t", "X-Api-Key: ***, 'password': '***' token = ***"),
        ("Authorization: Basic dXNlcjpwdw== x", "Authorization: *** x"),
        ("the key: 61, pass=x; token: y", "the key: ***, pass=***; token: ***"),
        ('{"key": "two words", "auth": ["x"]}', '{"key": "***", "auth": ["***"]}'),
        ("--pass x --day 1", "--pass *** --day 1"),
        ("http://[broken", "<an address that cannot be read>"),
    ],
)
def test_what_is_hidden_and_what_is_not(text: str, shown: str) -> None:
    """User information and the values of secret parameters and headers are hidden; other words stay as they are. [R8.4]"""
    assert scrub(text) == shown


def test_what_went_wrong_inside_is_for_the_log_only(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """An exception's text is in the log and in no answer; the answer has the identifier under which it is there. [R8.4, R8.5]"""

    def fail(*_: object, **__: object) -> None:
        message = "/srv/private and password hush"
        raise RuntimeError(message)

    with offering() as (_, client), caplog.at_level(logging.ERROR, "backfill.web"):
        monkeypatch.setattr(BackfillService, "list_backfills", fail)
        response = client.get("/backfills")
        found = problem(response, 500, "internal-error")
        assert "hush" not in response.text
        assert str(found["requestId"]) in caplog.text
        assert "hush" in caplog.text


def test_hostile_names_stay_text() -> None:
    """Markup in what a client sends comes back as JSON text that no browser takes for a page. [R8.5]"""
    with offering() as (_, client):
        response = client.get("/backfills?<script>alert(1)</script>=1")
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["x-content-type-options"] == "nosniff"


# --- exhaustion -------------------------------------------------------------------------------------------------------


def test_too_many_requests_at_once_are_turned_away() -> None:
    """Calls beyond the threads and the places to wait are refused at once with 503 and Retry-After; streams wait. [R9.2, R8.5]"""
    gate = threading.Event()

    async def crowd() -> tuple[list[bool], str]:
        threads = Threads(1, 1)
        busy = asyncio.create_task(threads.run(gate.wait, PATIENCE))
        while not threads._current().borrowed_tokens:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        patient = [asyncio.create_task(threads.run(bool, 1)), asyncio.create_task(threads.run_patiently(bool, 1))]
        while threads._current().statistics().tasks_waiting < len(patient):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        try:
            with pytest.raises(Trouble) as caught:
                await threads.run(bool, 1)
        finally:
            gate.set()
        assert caught.value.headers == {"Retry-After": "5"}
        return [await busy, *[await task for task in patient]], caught.value.code

    assert asyncio.run(crowd()) == ([True, True, True], "too-busy")


def test_the_event_loop_is_never_made_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the service is busy with one request, the event loop answers others. [R9.5]"""
    gate = threading.Event()
    original = BackfillService.list_backfills

    def slow(service: BackfillService, **options: object) -> object:
        assert gate.wait(PATIENCE)
        return original(service, **options)  # type: ignore[arg-type] # whatever the interface passes

    async def ask(client: Client) -> list[int]:
        statuses: list[int] = []

        async def one(path: str) -> None:
            async def receive() -> MutableMapping[str, object]:
                return {"type": "http.request", "body": b"", "more_body": False}

            async def send(message: MutableMapping[str, object]) -> None:
                if message["type"] == "http.response.start":
                    statuses.append(int(str(message["status"])))

            await client.app(Raw(client.app).scope(path=path), receive, send)

        slow_one = asyncio.create_task(one("/backfills"))
        await asyncio.sleep(0)
        await one("/openapi.json")
        assert statuses == [200]
        gate.set()
        await slow_one
        return statuses

    with offering() as (_, client):
        monkeypatch.setattr(BackfillService, "list_backfills", slow)
        assert asyncio.run(ask(client)) == [200, 200]


def test_a_client_that_goes_while_it_sends_is_not_answered() -> None:
    """A body that is never finished ends quietly, with nothing sent and nothing started. [R8.5]"""

    async def send(_message: MutableMapping[str, object]) -> None:
        raise AssertionError

    async def receive() -> MutableMapping[str, object]:
        return {"type": "http.disconnect"}

    with offering() as (service, client):
        asyncio.run(client.app(Raw(client.app).scope("POST", "/backfills", headers=[HOST, JSON_TYPE]), receive, send))  # type: ignore[arg-type] # a coroutine
        assert not service.list_backfills()


def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    """When sending an answer fails, no second one is tried: the server hears of it. [R8.5]"""

    async def receive() -> MutableMapping[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, object]) -> None:
        if message["type"] == "http.response.body":
            raise ConnectionResetError

    with offering() as (_, client), pytest.raises(ConnectionResetError):
        asyncio.run(client.app(Raw(client.app).scope(), receive, send))  # type: ignore[arg-type] # a coroutine


def test_sockets_are_refused_and_servers_may_start_and_stop() -> None:
    """A WebSocket is closed at once; a server that announces its start and stop is answered, with nothing to do at either. [R8.3]"""

    async def talk(client: Client, kind: str, *incoming: str) -> list[object]:
        messages = [{"type": name} for name in incoming]
        sent: list[object] = []

        async def receive() -> MutableMapping[str, object]:
            return dict(messages.pop(0))

        async def send(message: MutableMapping[str, object]) -> None:
            sent.append(message["type"])

        await client.app({"type": kind}, receive, send)
        return sent

    with offering() as (_, client):
        assert asyncio.run(talk(client, "websocket")) == ["websocket.close"]
        both = asyncio.run(talk(client, "lifespan", "lifespan.startup", "lifespan.shutdown"))
        assert both == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_embedding_leaves_no_thread_and_no_logging_behind() -> None:
    """After the last request and the service's end there is no thread more and no logger changed than before. [R9.5, R10.2]"""
    root = logging.getLogger()
    before = (set(threading.enumerate()), root.level, list(root.handlers))
    with offering() as (service, client):
        finish(service, client)
        client.get("/backfills")
    assert (root.level, root.handlers) == before[1:]
    until(lambda: set(threading.enumerate()) <= before[0])  # the event loop's threads are told to end, and do so soon after


def test_work_is_bounded_by_what_one_request_can_ask_for() -> None:
    """A range of thousands of years is refused before it is planned. [R8.4]"""
    with offering() as (_, client):
        found = problem(client.post("/plans", {"startDate": "0001-01-01", "endDate": "2026-01-01"}), 422, "invalid-request")
        assert pointers(found) == [("body", "#/startDate")]
        found = problem(client.get("/coverage?start=0001-01-01&end=2026-01-01"), 422, "invalid-request")
        assert pointers(found) == [("query", "#/start")]


def test_a_crowd_of_posts_fills_the_queue_and_no_more() -> None:
    """However many jobs are asked for, only so many wait. [R8.5, R9.2]"""
    source = GatedSource()
    with offering(source, limits=WebLimits(max_queued=3)) as (service, client):
        start(client)
        source.await_arrivals()
        statuses = [client.post("/backfills", BODY).status_code for _ in range(6)]
        assert statuses == [202] * 3 + [429] * 3
        assert len(service.list_backfills()) == 4
        source.gate.set()
