"""Doors without a network: the archive's, a bare function's, and a test's dictionary."""

from __future__ import annotations

import pickle
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from backfill.errors import Cancelled, DataUnavailable, NotArchived, PermanentSourceError, SourceError, TransientSourceError
from backfill.fetching import ArchiveFetch, BareFetcher, RawArchive
from backfill.fetching.memory import MemoryArchive
from backfill.model import Document, RetryPolicy
from backfill.protocols import Fetch, Fetcher, SupportsFetchStatus, SupportsOffline
from backfill.testing import VirtualClock
from backfill.testing.fetch import FETCHED_AT, DictFetch, replay
from fetching_doubles import NOW, URL, document, failure, job, source_error, unit

# --- ArchiveFetch


def test_the_archive_answers_as_a_fetcher_and_as_a_fetch() -> None:
    """Bound to a unit it records provenance; called as it is it answers as well; the check runs on both. [B4, B3]"""
    archive = MemoryArchive()
    archive.put(document("figures", name="club~61"))
    door = ArchiveFetch(archive)
    recorded: list[Document] = []
    got = door.bind(unit(record=recorded.append))("https://anywhere.org/", name="club~61", check=lambda each: each.text)
    assert (got.parsed, got.from_archive, recorded) == ("figures", True, [got])
    assert door("https://anywhere.org/", name="club~61", check=lambda each: len(each.content)).parsed == 7
    assert isinstance(door, Fetcher)
    assert isinstance(door, Fetch)
    assert not isinstance(door, SupportsFetchStatus | SupportsOffline)
    assert "MemoryArchive" in repr(door)
    door.close()


def test_what_is_not_archived_is_unavailable() -> None:
    """Nothing is ever sent: what is missing is NotArchived, which counts as unavailable. [B4]"""
    error = source_error(lambda: ArchiveFetch(MemoryArchive())(URL))
    assert (type(error), isinstance(error, DataUnavailable), error.kind, error.stage) == (
        NotArchived,
        True,
        "not_archived",
        "fetch",
    )
    assert f"GET {URL}" in str(error)


def test_pins_hand_out_exactly_that_content(tmp_path: Path) -> None:
    """Pinned to a hash or to a record's reference, older content comes out, with the time it was fetched then. [B3, B4]"""
    old, new = document("old", name="x"), document("new", name="x", fetched_at=NOW + timedelta(days=2))
    again = document("old", name="x", fetched_at=NOW + timedelta(days=1))
    with closing(RawArchive(tmp_path)) as archive:
        for each in (old, again, new):
            archive.put(each)
        assert ArchiveFetch(archive)(URL, name="x").content == b"new"
        assert ArchiveFetch(archive, {"x": old.sha256})(URL, name="x").fetched_at == again.fetched_at
        exact = ArchiveFetch(archive, {"x": old.ref})(URL, name="x")
        assert (exact.content, exact.ref) == (b"old", old.ref)
        error = source_error(lambda: ArchiveFetch(archive, {"x": "0" * 64})(URL, name="x"))
    assert (type(error), "pinned" in str(error)) == (NotArchived, True)


def test_a_refusal_of_the_check_is_the_answer(tmp_path: Path) -> None:
    """There is nobody else to ask, so what the check raises is raised."""
    archive = MemoryArchive()
    archive.put(document())

    def check(_document: Document) -> object:
        raise TransientSourceError("zero rows")

    assert source_error(lambda: ArchiveFetch(archive)(URL, check=check)).stage == "validate"


def test_it_travels_to_workers(tmp_path: Path) -> None:
    """Pickled, it answers from the same folder with the same pins. [B8]"""
    with closing(RawArchive(tmp_path)) as archive:
        archive.put(document("old", name="x"))
        archive.put(document("new", name="x"))
        door = ArchiveFetch(archive, {"x": document("old").sha256})
        with closing(pickle.loads(pickle.dumps(door))) as copy:
            assert copy(URL, name="x").content == b"old"


def test_a_cancelled_job_gets_nothing_more() -> None:
    """The cancel flag counts at every door."""
    context = job()
    context.cancel.set()
    failure(lambda: ArchiveFetch(MemoryArchive()).bind(unit(context))(URL), Cancelled)


def test_an_address_that_is_none_is_refused_at_every_door() -> None:
    """Where an address must serve as identity, it must be one."""
    error = source_error(lambda: ArchiveFetch(MemoryArchive())("http://[broken"))
    assert (type(error), error.kind, error.stage) == (PermanentSourceError, "bad_url", "fetch")


# --- BareFetcher


def test_a_bare_function_gets_retries_check_and_provenance() -> None:
    """Around any function: attempts, the check once per answer, and every document recorded. [R6.5, B3]"""
    bare = DictFetch({URL: [TransientSourceError("once"), "<html>", "figures"]})
    clock = VirtualClock()
    checked: list[str] = []
    recorded: list[Document] = []

    def check(got: Document) -> str:
        checked.append(got.text)
        if got.text.startswith("<"):
            raise TransientSourceError("not csv")
        return got.text

    fetcher = BareFetcher(bare, clock)
    got = fetcher.bind(unit(record=recorded.append))(
        URL, method="post", params={"a": "b"}, headers={"h": "i"}, body=b"q", check=check
    )
    assert (got.parsed, checked, recorded) == ("figures", ["<html>", "figures"], [got])
    asked = bare.calls[2]
    assert (asked.method, dict(asked.params), dict(asked.headers), asked.body) == ("POST", {"a": "b"}, {"h": "i"}, b"q")
    assert isinstance(fetcher, Fetcher)
    fetcher.close()


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (TimeoutError("slow"), "timeout"),
        (requests.ReadTimeout("slow ?token=s3cret"), "timeout"),
        (ConnectionResetError("gone"), "connection"),
        (requests.ConnectionError("gone ?token=s3cret"), "connection"),
    ],
)
def test_network_failures_of_a_bare_function_are_transient(raised: Exception, kind: str) -> None:
    """Time-outs and broken connections are tried again, whichever library raised them; their texts are not repeated. [R6.5]"""
    bare = DictFetch({URL: raised})
    fetch = BareFetcher(bare, VirtualClock(), RetryPolicy(max_attempts=2, base=0)).bind(unit())
    error = source_error(lambda: fetch(URL))
    assert (type(error), error.kind, error.stage, error.attempts) == (TransientSourceError, kind, "fetch", 2)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize("raised", [FileNotFoundError("figures.csv"), KeyError("a bug")])
def test_other_failures_of_a_bare_function_pass_as_they_are(raised: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing file or a bug is not the network's, whether or not its library was ever loaded."""
    bare = DictFetch({URL: raised})
    assert type(failure(lambda: BareFetcher(bare).bind(unit())(URL), type(raised))) is type(raised)
    monkeypatch.delitem(__import__("sys").modules, "requests")
    failure(lambda: BareFetcher(bare).bind(unit())(URL), type(raised))


def test_a_bare_function_must_return_documents() -> None:
    """Bytes instead of a document are refused with the remedy."""

    def fetch(*_: object, **__: object) -> object:
        return b"figures"

    error = source_error(lambda: BareFetcher(fetch).bind(unit())(URL))  # type: ignore[arg-type] # that is the point
    assert (type(error), error.kind) == (PermanentSourceError, "source_bug")
    assert "Document.of" in str(error)


# --- DictFetch and replay


def test_a_dictionary_answers_by_name_and_by_address() -> None:
    """Names come before addresses; text, bytes, documents and exceptions are answers; what is missing is unavailable."""
    fetch = DictFetch(
        {
            "club~61": "by name",
            URL: b"by address",
            "https://a.org/": document("whole", status=203),
            "https://b.org/": KeyError("x"),
        }
    )
    assert fetch(URL, name="club~61").text == "by name"
    got = fetch(URL, check=lambda each: each.text.upper())
    assert (got.content, got.parsed, got.name, got.fetched_at) == (b"by address", "BY ADDRESS", f"GET {URL}", FETCHED_AT)
    whole = fetch("https://a.org/", params={"q": "1"})
    assert (whole.content, whole.status, whole.name) == (b"whole", 203, "GET https://a.org/?q=1")
    failure(lambda: fetch("https://b.org/"), KeyError)
    assert "https://c.org/" in str(failure(lambda: fetch("https://c.org/"), DataUnavailable))
    assert [request.url for request in fetch.calls] == [URL, URL, "https://a.org/", "https://b.org/", "https://c.org/"]
    assert isinstance(fetch, Fetch)


def test_a_list_of_answers_is_one_for_each_call() -> None:
    """In their order, the last again and again; an exception is a new one each time."""
    fetch = DictFetch({URL: [TransientSourceError("once"), "then", DataUnavailable("gone")]})
    errors: list[SourceError] = [source_error(lambda: fetch(URL))]
    assert fetch(URL).text == "then"
    errors += [source_error(lambda: fetch(URL)) for _call in range(2)]
    assert [str(error) for error in errors] == ["once", "gone", "gone"]
    assert errors[1] is not errors[2]
    assert "dictionary" in str(source_error(lambda: DictFetch({URL: []})(URL)))


def test_replay_answers_from_a_folder_or_an_archive(tmp_path: Path) -> None:
    """A test can run on what was collected before, and on nothing else. [B4]"""
    with closing(RawArchive(tmp_path)) as archive:
        archive.put(document())
        for source in (archive, tmp_path, str(tmp_path)):
            with closing(replay(source)) as fetcher:
                assert fetcher.bind(unit())(URL).content == b"figures"
                failure(lambda: fetcher.bind(unit())("https://other.org/"), NotArchived)
