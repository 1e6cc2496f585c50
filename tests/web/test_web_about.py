"""Health, metrics, the published document and the page for people."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from contextlib import closing
from html.parser import HTMLParser
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import cast

import httpx
import pytest

from backfill.errors import StoreUnavailable
from backfill.fetching import PoliteFetcher
from backfill.jobstores import MemoryJobStore
from backfill.model import HostStatus
from backfill.testing import VirtualClock
from backfill.web import create_app, everybody
from backfill.web.metrics import _escaped
from backfill.web.routes import OPERATIONS
from backfill.web.trouble import KINDS
from service_doubles import GatedSource, serving
from web_client import Client, Json, offering, problem, start


def test_health_says_that_jobs_can_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Health is 200 while the service takes jobs and its job store answers, with operation and version. [R8.3, R11.4]"""
    kept = MemoryJobStore()
    with offering(jobs=kept) as (_, client):
        assert client.get("/health").json() | {"version": ""} == {"status": "ok", "operation": "backfill", "version": ""}

        def fail(*_: object, **__: object) -> None:
            message = "/srv/secret/jobs.sqlite3 is gone"
            raise StoreUnavailable(message)

        monkeypatch.setattr(kept, "list", fail)
        found = problem(client.get("/health"), 503, "store-unavailable")
        assert "secret" not in json.dumps(found)


def test_a_checkout_that_was_never_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the metadata of an installed package the version is unknown, and all else works. [R10.2]"""

    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("backfill.web.observing.version", missing)
    with offering() as (_, client):
        assert client.get("/health").json()["version"] == "unknown"


def metrics_of(client: Client) -> dict[str, float]:
    """Return the samples of the metrics, each by its name and labels as they are written."""
    response = client.get("/metrics")
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = response.text.splitlines()
    assert all(re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+\{[^\n]*\} \S+", line) for line in lines)
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")}


def test_metrics_show_jobs_units_and_requests() -> None:
    """Metrics count jobs and units by state and answered requests, each with the operation, for Prometheus to read. [R9.5, R11.4]"""
    source = GatedSource()
    with offering(source) as (service, client):
        finished_later = start(client)
        source.await_arrivals()
        start(client)
        client.get("/nowhere")
        found = metrics_of(client)
        assert found['backfill_jobs{operation="backfill",status="processing"}'] == 1
        assert found['backfill_jobs{operation="backfill",status="queued"}'] == 1
        assert found['backfill_units{operation="backfill",state="pending"}'] == 8
        assert found['backfill_http_requests_total{operation="backfill",method="POST",path="/backfills",status="202"}'] == 2
        assert found['backfill_http_requests_total{operation="backfill",method="GET",path="",status="404"}'] == 1
        assert found['backfill_http_streams{operation="backfill"}'] == 0
        source.gate.set()
        service.get_job(finished_later).wait(20)


def test_made_up_methods_are_counted_as_one() -> None:
    """Whoever can reach the server cannot make the metrics grow: methods that are none share one label. [R9.2, R9.5]"""
    with offering() as (_, client):
        for number in range(5):
            client.send(f"MADEUP{number}", "/backfills")
        client.send("DELETE", "/backfills")
        found = {name: value for name, value in metrics_of(client).items() if 'path="",' in name}
    counter = 'backfill_http_requests_total{operation="backfill",method="%s",path="",status="405"}'
    assert found == {counter % "other": 5, counter % "DELETE": 1}


def test_metrics_show_the_door_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests sent and the state of each host's limits and breaker are among the metrics, where the door can say. [R9.4, R12.4]"""
    with closing(PoliteFetcher(clock=VirtualClock())) as fetcher, offering(fetch=fetcher) as (_, client):
        status = fetcher.status()
        host = HostStatus('https://x"y', 5.0, 2, 1, 3, "half-open", 1.5)
        monkeypatch.setattr(fetcher, "status", lambda: type(status)((host,), requests=7))
        found = metrics_of(client)
        assert found['backfill_fetch_requests_total{operation="backfill"}'] == 7
        labels = r'{operation="backfill",host="https://x\"y"}'
        assert found["backfill_host_in_flight" + labels] == 1
        assert found["backfill_host_waiting" + labels] == 3
        assert found["backfill_host_parked_seconds" + labels] == 1.5
        assert found["backfill_host_breaker_open" + labels] == 1


def test_label_values_cannot_break_the_format() -> None:
    """Quotes, backslashes and line breaks in a label's value are escaped. [R9.5]"""
    assert _escaped('a"b\\c\nd') == r"a\"b\\c\nd"


def test_the_document_publishes_exactly_what_is_offered() -> None:
    """Every operation of the table that the service can do is published once, and nothing else. [R8.3, P8]"""
    with offering() as (service, client):
        offered = {(op.method.lower(), op.path) for op in OPERATIONS if op.needs is None or op.needs(service)}
        paths = cast("dict[str, Json]", client.document["paths"])
        assert {(method, path) for path, item in paths.items() for method in item} == offered
        ids = [cast("Json", operation)["operationId"] for item in paths.values() for operation in item.values()]
        assert len(set(ids)) == len(ids)


def test_the_document_is_whole() -> None:
    """Every reference leads somewhere, every operation says what it does and every parameter what it is. [R8.3, P8]"""
    with offering() as (_, client):
        text = json.dumps(client.document)
        schemas = cast("Json", cast("Json", client.document["components"])["schemas"])
        assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) == set(schemas)
        for item in cast("dict[str, dict[str, Json]]", client.document["paths"]).values():
            for operation in item.values():
                assert operation["summary"]
                for parameter in cast("list[Json]", operation["parameters"]):
                    assert parameter["in"] == "path" or parameter["description"]
        for name, schema in schemas.items():
            members = cast("dict[str, Json]", cast("Json", schema).get("properties", {}))
            undescribed = [member for member, said in members.items() if not said.get("description") and "$ref" not in said]
            assert not undescribed or name in UNDESCRIBED, (name, undescribed)


UNDESCRIBED = {
    "UnitAttempted",
    "DayListed",
    "DayPublished",
    "DocumentRef",
    "Found",
    "StatusChanged",
    "SummaryHeader",
    "UnitFailed",
    "UnitsSettled",
}
"""Classes of the model whose few members need no words."""


def test_the_document_speaks_the_language_of_the_wire() -> None:
    """Descriptions, made from Python's docstrings, name values and members as JSON has them. [R8.3, P8]"""
    with offering() as (_, client):
        text = client.get("/openapi.json").text
    words = re.findall(r'"(?:description|summary)":"((?:[^"\\]|\\.)*)"', text)
    assert len(words) > 200
    assert not [said for said in words if re.search(r"``|\(R\d|\b(None|True|False|datetime|[a-z]+_[a-z_]+)\b", said)]


def test_the_document_knows_where_it_is_mounted() -> None:
    """The server's address in the document is the one at which the application is mounted. [R8.3]"""
    with serving(GatedSource()) as service:
        app = create_app(service, authorize=everybody)
        assert Client(app, root="/bf").document["servers"] == [{"url": "/bf"}]
        assert Client(app).document["servers"] == [{"url": "/"}]


class Page(HTMLParser):
    """Collects what a page would load, and what can be jumped to."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        found = {name: value or "" for name, value in attributes}
        self.tags.add(tag)
        self.ids += [found["id"]] if "id" in found else []
        if tag == "a":
            self.links.append(found["href"])
        else:
            self.loads += [value for name, value in found.items() if name in {"src", "href", "srcset", "action"}]


def test_the_page_for_people_loads_nothing() -> None:
    """The page shows every operation, has no script, loads nothing from elsewhere, and its links lead somewhere. [R8.3]"""
    with offering(root="/bf") as (_, client):
        response = client.get("/docs")
        page = Page()
        page.feed(response.text)
        assert "script" not in page.tags
        assert page.loads == ["data:,"]
        assert {link for link in page.links if not link.startswith("#")} == {"/bf/openapi.json"}
        assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
        assert len(page.ids) == len(set(page.ids))
        for path in cast("Json", client.document["paths"]):
            assert f"<code>{path}</code>" in response.text
        check_policy(response)


def check_policy(response: httpx.Response) -> None:
    """Check that the page's own style is the only thing that its policy allows."""
    (style,) = re.findall(r"<style>(.*?)</style>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = response.headers["content-security-policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'; img-src data:;" in policy
    assert "unsafe" not in policy


REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "http.md"


def test_the_reference_lists_every_operation_and_problem() -> None:
    """The reference page has a row for each operation, with its sentence, and a heading for each kind of problem. [R8.3, R10.4]"""
    page = REFERENCE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (GET|POST|PUT) \| `([^`]+)` \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(operation.method, operation.path, operation.summary) for operation in OPERATIONS]
    assert re.findall(r"^### (\S+)\n\n(\d+|Any)\. (.+?)\. ", page, re.MULTILINE) == [
        (code, str(status or "Any"), title) for code, (status, title) in KINDS.items()
    ]
