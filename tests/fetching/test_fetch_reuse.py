"""Reuse: nothing is fetched twice that need not be, and what has not changed is not sent again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import pytest

from backfill.errors import Cancelled, PermanentSourceError, StoreUnavailable, TransientSourceError
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.fetching.call import Call
from backfill.fetching.counters import Counters
from backfill.fetching.kept import Kept
from backfill.fetching.memory import MemoryArchive
from backfill.fetching.redaction import Secrets
from backfill.fetching.reuse import keeping, reusing, revalidating
from backfill.model import Document, DocumentRequest, RetryPolicy
from backfill.testing.server import FaultServer, reply
from fetching_doubles import NOW, URL, Scripted, call, document, failure, job, source_error, unit

MakeFetcher: TypeAlias = Callable[..., PoliteFetcher]
HOUR = timedelta(hours=1)
TAGGED = {"etag": '"1"', "last-modified": "Wed, 14 Jan 2026 00:00:00 GMT", "content-type": "text/csv"}


def holding(*documents: Document) -> MemoryArchive:
    """Return an archive with these documents."""
    archive = MemoryArchive()
    for each in documents:
        archive.put(each)
    return archive


# --- reuse


@pytest.mark.parametrize(
    ("since", "reuse", "served"),
    [(NOW, True, True), (NOW - HOUR, True, True), (NOW + HOUR, True, False), (None, True, False), (NOW - HOUR, False, True)],
)
def test_what_was_fetched_recently_enough_serves(since: datetime | None, reuse: bool, served: bool) -> None:
    """An archived document serves from the moment the unit names, if its job allows it; the check runs on it too. [R9.3]"""
    counters, inner = Counters(), Scripted(document("new", parsed="new"))
    door = reusing(inner, holding(document("archived")), kept=Kept(), counters=counters)
    got = door(call(of=unit(job(reuse=reuse), reuse_since=since), check=lambda each: each.text))
    assert (got.parsed, got.from_archive) == (("archived", True) if served else ("new", False))
    assert counters.status((), None).reused == served


@pytest.mark.parametrize(("accepted", "served"), [(NOW, True), (NOW + HOUR, False)])
def test_a_job_that_wants_it_anew_asks_once(accepted: datetime, served: bool) -> None:
    """With caching turned off, what was archived before the job was accepted does not serve, and what it fetched itself does. [R9.3]"""
    inner = Scripted(document("new"))
    door = reusing(inner, holding(document("archived")), kept=Kept(), counters=Counters())
    got = door(call(of=unit(job(reuse=False, created_at=accepted), reuse_since=NOW - HOUR)))
    assert got.from_archive is served


@pytest.mark.parametrize("refusal", [TransientSourceError("zero rows"), PermanentSourceError("wrong"), ValueError("no csv")])
def test_an_archived_document_that_the_check_refuses_is_fetched_anew(refusal: Exception) -> None:
    """Whatever a check holds against what is archived, the publisher is asked, and nothing archived answers again."""

    def check(_document: Document) -> object:
        raise refusal

    inner = Scripted(document("new"))
    door = reusing(
        reusing(inner, holding(document()), kept=Kept(), counters=Counters()),
        holding(document()),
        kept=Kept(),
        counters=Counters(),
    )
    assert door(call(of=unit(reuse_since=NOW), check=check)).content == b"new"
    assert inner.calls[0].fresh


def test_a_cancel_within_a_check_is_no_refusal() -> None:
    """A check that notices a cancelled job does not cause a request."""

    def check(_document: Document) -> object:
        raise Cancelled("gone")

    inner = Scripted()
    door = reusing(inner, holding(document()), kept=Kept(), counters=Counters())
    failure(lambda: door(call(of=unit(reuse_since=NOW), check=check)), Cancelled)
    assert inner.calls == []


def test_what_passes_is_kept_without_what_was_made_of_it() -> None:
    """The archive holds documents, not what somebody's check returned for them."""
    archive = MemoryArchive()
    assert keeping(Scripted(document(parsed="mine")), archive, kept=Kept())(call()).parsed == "mine"
    kept = archive.get(f"GET {URL}")
    assert kept is not None
    assert kept.parsed is None


def test_a_damaged_archive_is_passed_by(
    tmp_path: Path, server: FaultServer, polite: MakeFetcher, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged content is named in a warning, fetched anew, and whole again from then on. [B4]"""
    url = server.on("/doc", reply(b"figures"))
    archive = RawArchive(tmp_path)
    fetch = polite(archive=archive).bind(unit(reuse_since=datetime.now(UTC)))
    fetch(url)
    (path,) = (tmp_path / "contents").rglob("*.gz")
    path.write_bytes(b"rubbish")
    caplog.set_level(logging.WARNING, "backfill")
    assert fetch(url).from_archive is False
    assert str(path) in caplog.text
    assert fetch(url).from_archive is True
    assert len(server.requests) == 2


# --- conditional requests


def ask(inner: Scripted, archive: MemoryArchive, request: DocumentRequest | None = None, **options: object) -> Document:
    """Ask for a document through the revalidating door."""
    door = revalidating(inner, archive, secrets=Secrets())
    asked = {} if request is None else {"request": request, "identity": request.identity}
    return door(call(**(asked | options)))  # type: ignore[arg-type] # options of any kind


def test_what_has_not_changed_is_not_sent_again() -> None:
    """With a tag or a date the server is asked whether it has changed; 304 makes the archived copy as new as the answer. [B6]"""
    later = NOW + HOUR
    inner = Scripted(document("", status=304, fetched_at=later, headers={"etag": '"2"', "date": "x"}))
    got = ask(inner, holding(document("archived", headers=TAGGED)))
    (asked,) = inner.calls
    assert (asked.conditional, asked.request.headers["If-None-Match"]) == (True, '"1"')
    assert asked.request.headers["If-Modified-Since"] == TAGGED["last-modified"]
    assert (got.content, got.status, got.fetched_at, got.from_archive) == (b"archived", 200, later, True)
    assert dict(got.headers) == TAGGED | {"etag": '"2"'}


def test_what_has_changed_is_the_new_document() -> None:
    """Any other answer than 304 is the document."""
    assert ask(Scripted(document("new")), holding(document("old", headers=TAGGED))).content == b"new"


@pytest.mark.parametrize(
    ("archived", "request_", "options"),
    [
        (document("old"), None, {}),
        (document("old", headers=TAGGED), None, {"attempt": 2}),
        (document("old", headers=TAGGED), None, {"fresh": True}),
        (document("old", headers=TAGGED), None, {"of": unit(job(reuse=False))}),
        (document("old", headers=TAGGED, url="https://example.org/elsewhere"), None, {}),
        (document("old", headers=TAGGED), DocumentRequest(URL, method="POST", name=f"GET {URL}"), {}),
        (document("old", headers=TAGGED), DocumentRequest(URL, headers={"Range": "bytes=0-1"}, name=f"GET {URL}"), {}),
        (document("old", headers=TAGGED, name="another"), None, {}),
    ],
    ids=["no tag", "second attempt", "refused", "no reuse", "another address", "a POST", "a part", "nothing archived"],
)
def test_when_the_document_itself_is_wanted(
    archived: Document, request_: DocumentRequest | None, options: dict[str, object]
) -> None:
    """No condition is sent where the archived copy would not do, or is not the answer to the same question."""
    inner = Scripted(document("new"))
    assert ask(inner, holding(archived), request_, **options).content == b"new"
    assert not inner.calls[0].conditional
    assert "If-None-Match" not in inner.calls[0].request.headers


def test_a_revalidated_document_is_a_new_row_of_the_same_content(
    tmp_path: Path, server: FaultServer, polite: MakeFetcher
) -> None:
    """Over the wire: 304 adds a row with the new time, and serves from then on. [B6, R9.3]"""
    url = server.on("/doc", reply(b"figures", ETag='"1"'), b"HTTP/1.1 304 Not Modified\r\n\r\n")
    archive = RawArchive(tmp_path)
    fetcher = polite(archive=archive)
    first = fetcher.bind(unit())(url)
    second = fetcher.bind(unit())(url, check=lambda got: got.text)
    assert (second.content, second.parsed, second.from_archive) == (b"figures", "figures", True)
    assert server.requests[1].headers["if-none-match"] == '"1"'
    rows = list(archive.documents())
    assert [row.sha256 for row in rows] == [first.sha256] * 2
    assert rows[0].fetched_at < rows[1].fetched_at == second.fetched_at
    assert fetcher.bind(unit(reuse_since=second.fetched_at))(url).from_archive
    assert len(server.requests) == 2


def test_a_304_whose_content_is_refused_is_asked_for_in_full(server: FaultServer, polite: MakeFetcher) -> None:
    """When the check refuses the archived content, the next attempt asks without a condition. [R6.5]"""
    url = server.on("/doc", reply(b"old", ETag='"1"'), reply(status="304 Not Modified"), reply(b"new", ETag='"2"'))
    fetcher = polite(retry=RetryPolicy(base=0))
    fetcher.bind(unit())(url)

    def check(got: Document) -> object:
        if got.content == b"old":
            raise TransientSourceError("stale")
        return None

    assert fetcher.bind(unit())(url, check=check).content == b"new"
    assert [("if-none-match" in request.headers) for request in server.requests] == [False, True, False]


def test_a_condition_of_the_caller_s_own_is_not_answered_by_the_archive(server: FaultServer, polite: MakeFetcher) -> None:
    """Who sends conditions of its own gets the 304 as the error it is for a caller that wants a document."""
    fetch = polite().bind(unit())
    url = server.on("/doc", reply(b"figures", ETag='"1"'), reply(status="304 Not Modified"))
    fetch(url)
    assert source_error(lambda: fetch(url, headers={"if-none-match": '"1"'})).kind == "http_304"


# --- the whole door


def test_nothing_is_fetched_twice_within_a_process(server: FaultServer, polite: MakeFetcher) -> None:
    """Without any archive given, a document is still fetched once for all units of a job. [R9.3]"""
    url = server.on("/doc", reply(b"figures"))
    fetcher, context = polite(), job(created_at=datetime.now(UTC))
    recorded: list[Document] = []
    for number in range(3):
        asked = unit(context, district=str(number), reuse_since=context.created_at, record=recorded.append)
        assert fetcher.bind(asked)(url).content == b"figures"
    assert (len(server.requests), len(recorded)) == (1, 3)
    assert (fetcher.status().requests, fetcher.status().reused) == (1, 2)
    with closing(fetcher.offline()) as offline:
        assert offline.bind(unit())(url).content == b"figures"


def test_what_was_archived_while_a_call_became_the_leader_is_not_fetched_again() -> None:
    """The archive is looked at once more behind the sharing, for what was archived between the two."""
    archive, kept, counters = MemoryArchive(), Kept(), Counters()
    inner = Scripted()
    behind = reusing(inner, archive, kept=kept, counters=counters)

    def between(asked: Call) -> Document:
        keeping(Scripted(document("just archived")), archive, kept=kept)(asked)
        return behind(asked)

    door = reusing(between, archive, kept=kept, counters=counters)
    assert door(call(of=unit(reuse_since=NOW))).content == b"just archived"
    assert inner.calls == []


def test_a_call_is_looked_up_once() -> None:
    """One look tells both whether a document serves and what a conditional request can be made for: a look waits for the disk. [R9.3]"""

    class Counting(MemoryArchive):
        looks = 0

        def get(self, name: str, since: datetime | None = None, **which: object) -> Document | None:
            self.looks += 1
            return super().get(name, since, **which)  # type: ignore[arg-type] # of the kinds that it takes

    archive, kept, counters, inner = Counting(), Kept(), Counters(), Scripted(document("new"))
    archive.put(document("old", headers=TAGGED))
    door = revalidating(inner, archive, secrets=Secrets())
    door = reusing(reusing(door, archive, kept=kept, counters=counters), archive, kept=kept, counters=counters)
    assert door(call(of=unit(reuse_since=NOW + HOUR))).content == b"new"
    assert (archive.looks, inner.calls[0].conditional) == (1, True)


def test_refused_answers_are_archived_as_such(tmp_path: Path, server: FaultServer, polite: MakeFetcher) -> None:
    """What the check refused is kept, marked, and never handed out. [R6.2]"""
    url = server.on("/doc", reply(b"<html>"), reply(b"figures"))
    archive = RawArchive(tmp_path)

    def check(got: Document) -> object:
        if got.text.startswith("<"):
            raise TransientSourceError("not csv", kind="not_csv")
        return got.text

    polite(archive=archive, retry=RetryPolicy(base=0)).bind(unit())(url, check=check)
    assert [got.content for got in archive.documents()] == [b"figures"]
    assert [got.content for got in archive.documents(refused=True)] == [b"<html>"]


def test_a_full_disk_is_no_fault_of_the_document(
    tmp_path: Path, server: FaultServer, polite: MakeFetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archive that cannot be written raises StoreUnavailable, so that the job can stop instead of failing every unit."""
    (tmp_path / "raw").write_text("in the way")
    fetch = polite(archive=RawArchive(tmp_path / "raw"), retry=RetryPolicy(base=0)).bind(unit())
    failure(lambda: fetch(server.on("/doc", reply(b"figures"))), StoreUnavailable)
    assert len(server.requests) == 1


def test_a_damaged_index_is_no_fault_of_the_document(tmp_path: Path, server: FaultServer, polite: MakeFetcher) -> None:
    """Into an archive whose index is damaged nothing can go: that concerns the job, not one document, and names file and remedy. [B2, B4]"""
    (tmp_path / "index.sqlite3").write_bytes(b"\xff" * 500)
    fetch = polite(archive=RawArchive(tmp_path)).bind(unit())
    error = failure(lambda: fetch(server.on("/doc", reply(b"figures"))), StoreUnavailable)
    assert str(tmp_path / "index.sqlite3") in str(error)
    assert "restore it from a backup, or start an archive elsewhere" in str(error)


def test_what_was_archived_lately_is_remembered_and_what_is_forgotten_may_have_been() -> None:
    """Only a document that was archived after a look may be missing from it; of the thousand before the last nothing is known."""
    kept = Kept()
    kept.add("early")
    looked = kept.count
    kept.add("late")
    assert [kept.may_have(name, since=looked) for name in ("early", "late", "never")] == [False, True, False]
    for number in range(2000):
        kept.add(f"more {number}")
    assert kept.may_have("never", since=looked)
    assert not kept.may_have("never", since=kept.count)
