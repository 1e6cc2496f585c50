"""The shipped doubles do what they are told, no more, and remember what they were asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from backfill import DataUnavailable, Document, DocumentRequest, PermanentSourceError, TransientSourceError
from backfill.errors import NotArchived
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.jobstores import MemoryJobStore
from backfill.model import JobContext, Method, UnitContext
from backfill.protocols import (
    BatchSource,
    DataSource,
    DistrictCatalog,
    Fetch,
    Fetcher,
    SystemWideSource,
)
from backfill.stores import MemorySnapshotStore
from backfill.testing.fetch import FETCHED_AT, DictFetch, replay
from backfill.testing.source import (
    ScriptedBatch,
    ScriptedCatalog,
    ScriptedDashboard,
    ScriptedSource,
    ScriptedSystemWide,
)
from service_doubles import PATIENCE, ask, collect, day, serving

URL = "https://example.org/61"


def never(*_args: object, **_options: object) -> Document:
    """Be a door that nobody opens."""
    raise AssertionError("nothing may be fetched here")


# --- DictFetch --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        ("figures", b"figures"),
        (b"\xff\x00", b"\xff\x00"),
        ("ü", "ü".encode()),
        (Document.of("https://other.org", "x"), b"x"),
        ("", b""),
    ],
)
def test_documents_come_from_a_dictionary(answer: str | bytes | Document, content: bytes) -> None:
    """A text, bytes or a document is the document of its address, under the name that was asked for. [R10.3]"""
    fetch = DictFetch({URL: answer})
    assert isinstance(fetch, Fetch)
    document = fetch(URL, name="my-name")
    assert (document.content, document.name, document.status) == (content, "my-name", 200)
    assert fetch(URL).name == f"GET {URL}"
    if not isinstance(answer, Document):
        assert (document.url, document.fetched_at) == (URL, FETCHED_AT), "the same in every run"


def test_a_name_goes_before_an_address() -> None:
    """A document is looked up by its identity first, named or derived, and then by its address. [R10.3]"""
    fetch = DictFetch({"named": "by name", URL: "by address", f"GET {URL}?a=1": "with a parameter", f"POST {URL}": "posted"})
    assert fetch(URL, name="named").text == "by name"
    assert fetch(URL, name="another").text == "by address"
    assert fetch(URL, params={"a": "1"}).text == "with a parameter"
    assert fetch(URL, params={"a": "2"}).text == "by address"
    assert fetch(URL, method="post").text == "posted"


def test_what_was_asked_is_remembered() -> None:
    """Every question stands in the list, in order, whatever was answered. [R10.3]"""
    fetch = DictFetch({URL: ["one", DataUnavailable("none")]})
    fetch(URL, method="put", params={"a": "1"}, headers={"X": "y"}, body=b"z", name="n")
    for _ in range(2):
        with pytest.raises(DataUnavailable):
            fetch(URL)
    assert fetch.calls == [
        DocumentRequest(URL, "PUT", {"a": "1"}, {"X": "y"}, b"z", "n"),
        DocumentRequest(URL),
        DocumentRequest(URL),
    ]


def test_a_list_is_an_answer_for_each_call() -> None:
    """Answers of a list come one after the other, the last for all further calls; a tuple is a list as well. [R10.3]"""
    error = TransientSourceError("busy", kind="busy", attempts=0)
    fetch = DictFetch({URL: [error, "one", "two"], "n": ("only",)})
    with pytest.raises(TransientSourceError, match="busy"):
        fetch(URL)
    assert [fetch(URL).text for _ in range(3)] == ["one", "two", "two"]
    assert [fetch(URL, name="n").text for _ in range(2)] == ["only", "only"]


class Copied(Exception):  # noqa: N818 - a name for a test
    """An exception that can be copied."""


class Demanding(Exception):  # noqa: N818 - a name for a test
    """An exception whose constructor wants more than its args, so that no copy can be made."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} {other}")


@pytest.mark.parametrize(
    "error", [Copied("x"), Demanding("a", "b"), KeyboardInterrupt(), DataUnavailable("none", kind="k")], ids=repr
)
def test_an_exception_is_raised_as_it_was_given(error: BaseException) -> None:
    """Whatever is to be raised is raised, of its class, again and again, and the one in the dictionary stays as it is where it can. [R10.3]"""
    fetch = DictFetch({URL: error})
    caught: list[BaseException] = []
    for _ in range(2):
        with pytest.raises(type(error)) as raised:
            fetch(URL)
        caught.append(raised.value)
        assert str(raised.value) == str(error)
        assert vars(raised.value) == vars(error)
    if not isinstance(error, Demanding):
        assert caught[0] is not caught[1] is not error
        assert error.__traceback__ is None


def test_what_is_not_in_the_dictionary_is_not_published() -> None:
    """An unknown document is unavailable, and the message says under which keys it was looked for; so is one with no answers. [R10.3]"""
    with pytest.raises(DataUnavailable, match=r"holds neither 'n' nor 'https://example\.org/61'; add one of them"):
        DictFetch({})(URL, name="n")
    with pytest.raises(DataUnavailable):
        DictFetch({URL: []})(URL)


def test_the_callers_check_is_run() -> None:
    """A check sees each document and may refuse it; what it returns is kept with the document. [R10.3]"""

    def check(document: Document) -> object:
        if document.text == "bad":
            raise PermanentSourceError("bad")
        return len(document.text)

    fetch = DictFetch({URL: ["good", "bad"]})
    assert fetch(URL, check=check).parsed == 4
    with pytest.raises(PermanentSourceError):
        fetch(URL, check=check)
    assert fetch.calls == [DocumentRequest(URL)] * 2


def test_many_threads_may_ask() -> None:
    """Eight threads get each answer of a list once, and every call is counted. [R10.3]"""
    fetch = DictFetch({URL: [str(number) for number in range(400)]})
    with ThreadPoolExecutor(8) as threads:
        texts = sorted(int(document.text) for document in threads.map(lambda _: fetch(URL), range(400)))
    assert texts == list(range(400))
    assert len(fetch.calls) == 400


def test_a_service_takes_it_as_its_door() -> None:
    """Handed to a service, it is retried, checked and recorded like any door. [R10.3, B3]"""
    address = f"https://example.org/{day(0)}/A"
    store = MemorySnapshotStore()
    fetch = DictFetch({address: [TransientSourceError("busy"), ConnectionResetError(), "7"]})

    class Fetching(ScriptedSource):
        def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
            return int(fetch(f"https://example.org/{on}/{district}").text)

    report = collect(Fetching(), store, ask(1, "A", "B"), fetch=fetch)
    assert (report.progress.completed, report.progress.unavailable, len(fetch.calls)) == (1, 1, 4)
    record = store.read(day(0)).district("A")
    assert (record.data, [ref.url for ref in record.provenance], record.collected_at) == (7, [address], FETCHED_AT)


# --- replay -----------------------------------------------------------------------------------------------------------


def _unit() -> UnitContext:
    return UnitContext(JobContext("job", datetime(2026, 1, 1, tzinfo=UTC)), day(0), "61")


@pytest.mark.parametrize("as_given", [lambda root: root, str, RawArchive], ids=["a path", "a text", "an archive"])
def test_an_archive_is_replayed(as_given: Callable[[Path], Path | str | RawArchive], tmp_path: Path) -> None:
    """What an archive holds is answered from it, wherever it is, and the rest is not archived; nothing is fetched. [B4]"""
    archive = RawArchive(tmp_path)
    archive.put(Document.of(URL, "figures", name="n", fetched_at=FETCHED_AT))
    archive.close()
    fetcher = replay(as_given(tmp_path))
    assert isinstance(fetcher, Fetcher)
    fetch = fetcher.bind(_unit())
    document = fetch("https://moved.example.org/61", name="n")
    assert (document.text, document.from_archive) == ("figures", True)
    with pytest.raises(NotArchived):
        fetch(URL)
    fetcher.close()


def test_a_job_is_replayed_from_what_another_fetched(tmp_path: Path) -> None:
    """The archive that a polite door kept serves a second job to the last byte, with nobody else to ask. [B4, R9.3]"""
    store, again = MemorySnapshotStore(), MemorySnapshotStore()
    sent: list[str] = []

    def answer(request: DocumentRequest) -> bytes:
        sent.append(request.url)
        return request.url[-1].encode()

    class Fetching(ScriptedSource):
        def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
            return fetch(f"data:{district}").text

    polite = PoliteFetcher(transports={"data:": answer}, archive=RawArchive(tmp_path))
    collect(Fetching(), store, ask(1, "A", "B"), fetch=polite)
    polite.close()
    assert len(sent) == 2
    assert collect(Fetching(), again, ask(1, "A", "B", "C"), fetch=replay(tmp_path)).progress.unavailable == 1
    assert len(sent) == 2
    for name in "AB":
        assert again.read(day(0)).district(name) == store.read(day(0)).district(name)


# --- scripted sources -------------------------------------------------------------------------------------------------

ABILITIES: Mapping[type[ScriptedSource], tuple[type, ...]] = {
    ScriptedSource: (),
    ScriptedCatalog: (DistrictCatalog,),
    ScriptedBatch: (BatchSource,),
    ScriptedSystemWide: (SystemWideSource,),
    ScriptedDashboard: (DistrictCatalog, BatchSource, SystemWideSource),
}


@pytest.mark.parametrize("kind", ABILITIES, ids=lambda kind: kind.__name__)
def test_each_scripted_source_can_do_what_its_name_says(kind: type[ScriptedSource]) -> None:
    """A scripted source has the abilities of its class and no others. [R10.3, R3.4]"""
    source = kind(name="mine")
    assert isinstance(source, DataSource)
    assert source.name == "mine"
    assert source.districts == ("A", "B", "C")
    for ability in (DistrictCatalog, BatchSource, SystemWideSource):
        assert isinstance(source, ability) is (ability in ABILITIES[kind])


def test_a_script_is_a_table_or_a_function() -> None:
    """Answers are looked up by day and district, or made; without a script there is a small payload for everything. [R10.3]"""
    table = ScriptedSource({(day(0), "A"): {"n": 1}})
    assert table.collect_district(day(0), "A", never) == {"n": 1}
    with pytest.raises(DataUnavailable, match="the script has nothing for B on 2026-01-05"):
        table.collect_district(day(0), "B", never)
    made = ScriptedSource(lambda on, name: (on, name))
    assert made.collect_district(day(1), "X", never) == (day(1), "X")
    assert ScriptedSource().collect_district(day(1), "X", never) == {"district": "X", "day": "2026-01-06"}
    assert table.calls == [("collect_district", day(0), ("A",)), ("collect_district", day(0), ("B",))]


def test_a_script_raises_and_changes_its_mind() -> None:
    """Exceptions of the script are raised, and a list is an answer for each call on the same day and district. [R10.3]"""
    source = ScriptedSource({(day(0), "A"): [TimeoutError("slow"), 1, SystemExit(2)], (day(1), "A"): [7]})
    with pytest.raises(TimeoutError):
        source.collect_district(day(0), "A", never)
    assert source.collect_district(day(1), "A", never) == 7
    assert source.collect_district(day(0), "A", never) == 1
    for _ in range(2):
        with pytest.raises(SystemExit):
            source.collect_district(day(0), "A", never)
    assert source.collect_district(day(1), "A", never) == 7


def test_a_catalog_lists_what_it_was_told() -> None:
    """A day's list is the entry for "*" where the table has one, else the districts of every day. [R10.3]"""
    source = ScriptedCatalog({(day(0), "*"): [("X",), ()], (day(1), "*"): PermanentSourceError("gone")}, districts=["A", "B"])
    assert source.list_districts(day(0), never) == ("X",)
    assert source.list_districts(day(0), never) == ()
    with pytest.raises(PermanentSourceError, match="gone"):
        source.list_districts(day(1), never)
    assert source.list_districts(day(2), never) == ("A", "B")
    assert ScriptedCatalog(lambda *_: 1).list_districts(day(0), never) == ("A", "B", "C")
    assert source.calls == [("list_districts", day(number), ()) for number in (0, 0, 1, 2)]


def test_calls_for_several_districts_answer_as_the_protocols_say() -> None:
    """What is not published is left out, a source's error stands in the place of a value, and any other exception ends the call. [R10.3, R3.4]"""
    gone = PermanentSourceError("gone")
    source = ScriptedDashboard({(day(0), "A"): 1, (day(0), "B"): gone, (day(1), "A"): ZeroDivisionError()})
    assert source.collect_many(day(0), ["C", "B", "A"], never) == {"B": gone, "A": 1}
    assert source.collect_all(day(0), never) == {"A": 1, "B": gone}
    with pytest.raises(ZeroDivisionError):
        source.collect_many(day(1), ["A"], never)
    with pytest.raises(ZeroDivisionError):
        source.collect_all(day(1), never)
    assert source.calls == [
        ("collect_many", day(0), ("C", "B", "A")),
        ("collect_all", day(0), ("A", "B", "C")),
        ("collect_many", day(1), ("A",)),
        ("collect_all", day(1), ("A", "B", "C")),
    ]


def test_the_most_calls_at_once_are_counted() -> None:
    """How many calls were under way together is known afterwards, also when some of them raised. [R10.3, P9]"""
    gate = threading.Barrier(3)

    def together(_on: date, name: str) -> object:
        gate.wait(PATIENCE)
        if name == "A":
            raise DataUnavailable("none")
        return 1

    source = ScriptedSource(together)
    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(source.collect_district, day(0), name, never) for name in "ABC"]:
            done.exception(PATIENCE)
    gate.abort()
    with pytest.raises(threading.BrokenBarrierError):
        source.collect_district(day(0), "D", never)
    assert (source.most_in_flight, source._in_flight, len(source.calls)) == (3, 0, 4)


def test_a_whole_service_runs_on_doubles() -> None:
    """Source, stores, clock and door: a test of a host needs neither network nor disk nor time. [R10.3]"""
    jobs = MemoryJobStore()
    with serving(ScriptedDashboard(), jobs=jobs) as service:
        report = service.run_backfill(ask(10, detail="summary"))
        assert report.collection_strategy.method is Method.SYSTEM_WIDE
        assert report.progress.completed == 30
        assert jobs.load(report.backfill_id).status == "complete"
