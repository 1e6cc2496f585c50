"""Writing a source: a plain function as one, and trying one without storing anything."""

from __future__ import annotations

import logging
import math
import pickle
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import NoReturn

import pytest

import backfill.sources
from backfill import (
    BackfillError,
    Collected,
    DataUnavailable,
    Document,
    DocumentRequest,
    Edition,
    InvalidRequest,
    PermanentSourceError,
    TransientSourceError,
    function_source,
    try_source,
)
from backfill.errors import SourceError
from backfill.fetching import PoliteFetcher
from backfill.model import Finding, Frequency
from backfill.protocols import DataSource, Fetch
from backfill.sources import FunctionSource
from backfill.stores import MemorySnapshotStore
from backfill.testing.fetch import FETCHED_AT, DictFetch
from backfill.testing.source import ScriptedSource
from service_doubles import NoDoor, ask, collect, day

URL = "https://example.org/2024-02-29/61"
FIGURES = DictFetch({URL: "12.5"})


@function_source("rain")
def rain(on: date, district: str, fetch: Fetch) -> object:
    """Return the figure that the one document holds."""
    return {"mm": float(fetch(f"https://example.org/{on}/{district}").text)}


# --- a function as a source -------------------------------------------------------------------------------------------


def test_a_function_is_a_source() -> None:
    """A decorated function has all that a source must have, and can still be called as the function that it is. [R3.4, R10.5]"""
    assert isinstance(rain, DataSource)
    assert rain.name == "rain"
    assert repr(rain) == "FunctionSource(name='rain')"
    assert rain(date(2024, 2, 29), "61", FIGURES) == rain.collect_district(date(2024, 2, 29), "61", FIGURES) == {"mm": 12.5}
    store = MemorySnapshotStore()
    fetch = DictFetch({f"https://example.org/{day(0)}/61": "1", f"https://example.org/{day(0)}/F": "2"})
    report = collect(rain, store, ask(1, "61", "F"), fetch=fetch)
    assert report.status == "complete"
    assert store.read(day(0)).metadata.source == "rain"
    assert store.read(day(0)).district("F").data == {"mm": 2.0}


def test_a_lambda_is_a_source_as_well() -> None:
    """Anything that can be called with day, district and door will do. [R3.4]"""
    store = MemorySnapshotStore()
    assert collect(function_source("x")(lambda on, district, fetch: [district]), store, ask(1, "A")).status == "complete"
    assert store.read(day(0)).district("A").data == ["A"]


@pytest.mark.parametrize("name", ["", "  ", None, 5, b"x", "a\tb", "\ud800", "x" * 256])
def test_a_name_that_cannot_be_stored_is_refused(name: object) -> None:
    """A source's name is a short printable text. [R3.4]"""
    with pytest.raises(InvalidRequest, match="not a name of 1 to 255 printable characters") as caught:
        function_source(name)  # type: ignore[arg-type] # a wrong type on purpose
    assert caught.value.field == "name"


def test_a_decorator_without_its_brackets_says_what_to_write() -> None:
    """Who forgets the brackets is told the whole line. [R3.4, R10.5]"""
    with pytest.raises(InvalidRequest) as caught:
        function_source(_refused)  # type: ignore[arg-type] # a wrong type on purpose
    assert (caught.value.field, caught.value.remedy) == ("name", 'write @function_source("_refused")')


def _refused(on: date, district: str, fetch: Fetch) -> object:
    raise AssertionError("nobody calls it")


@pytest.mark.parametrize("function", [None, "collect", 3])
def test_what_is_no_function_is_no_source(function: object) -> None:
    """What is decorated must be callable; it is refused where it is written, not once a unit. [R3.4]"""
    with pytest.raises(InvalidRequest, match=r"rain=.*: not a function; decorate a function collect\(day, district, fetch\)"):
        function_source("rain")(function)  # type: ignore[arg-type] # a wrong type on purpose


# --- trying one -------------------------------------------------------------------------------------------------------


def test_trying_a_source_shows_what_a_job_would_store() -> None:
    """The result holds the figures as stored, as-of day, detail, findings, and the documents that they were made from. [R3.4, B3]"""
    shown = try_source(rain, "2024-02-29", " 61 ", FIGURES)
    (document,) = shown.documents
    assert shown == Collected({"mm": 12.5}, date(2024, 2, 29), "full", settled=True, documents=(document,))
    assert (document.url, document.fetched_at) == (URL, FETCHED_AT)
    assert document.sha256 == Document.of(URL, "12.5").sha256

    def summary(on: date, district: str, fetch: Fetch) -> object:
        return Collected(
            (1, date(2024, 3, 1)),
            date(2024, 3, 1),
            "summary",
            findings=[Finding("odd", "x")],
            settled=False,
        )

    assert try_source(function_source("s")(summary), date(2024, 2, 29), "61", FIGURES) == Collected(
        [1, "2024-03-01"],
        date(2024, 3, 1),
        "summary",
        findings=(Finding("odd", "x", date(2024, 2, 29), "61"),),
        settled=False,
    )


def test_trying_retries_as_a_job_does() -> None:
    """A passing failure of the source is tried again, and the answer of the last attempt is shown. [R6.5]"""
    source = ScriptedSource({(day(0), "A"): [TransientSourceError("busy", max_attempts=2, retry_after=1e-9), {"n": 1}]})
    assert try_source(source, day(0), "A", FIGURES).data == {"n": 1}
    assert len(source.calls) == 2


class Unspeakable(Exception):  # noqa: N818 - a name for a test
    """An exception whose text raises."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


RAISED: Mapping[str, tuple[object, type[SourceError], str, str | None]] = {
    "unavailable": (DataUnavailable("nothing that day"), DataUnavailable, "unavailable", "nothing that day"),
    "transient": (TransientSourceError("busy", max_attempts=1), TransientSourceError, "transient", "busy"),
    "permanent": (PermanentSourceError("gone", kind="gone"), PermanentSourceError, "gone", "gone"),
    "bug": (ZeroDivisionError("by zero"), PermanentSourceError, "source_bug", "raised ZeroDivisionError: by zero"),
    "exit": (SystemExit(1), PermanentSourceError, "source_bug", "raised SystemExit: 1"),
    "no text": (Unspeakable(), PermanentSourceError, "source_bug", "raised Unspeakable: (its text cannot be had)"),
    "nothing": (None, PermanentSourceError, "invalid_payload", None),
    "nan": ({"n": math.nan}, PermanentSourceError, "invalid_payload", None),
    "bytes": (b"raw", PermanentSourceError, "invalid_payload", None),
    "wrong as-of": (Collected(1, as_of=datetime(2024, 1, 1, tzinfo=UTC)), PermanentSourceError, "invalid_payload", None),
}


@pytest.mark.parametrize(("answer", "error", "kind", "text"), RAISED.values(), ids=RAISED)
def test_trying_raises_what_a_job_would_record(
    answer: object, error: type[SourceError], kind: str, text: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the source raises or returns that cannot be stored comes out as the failure that a job would list. [R6.2]"""
    source = ScriptedSource({(day(0), "A"): answer})
    report = collect(ScriptedSource({(day(0), "A"): answer}), MemorySnapshotStore(), ask(1, "A"))
    with pytest.raises(error) as caught:
        try_source(source, day(0), "A", FIGURES)
    assert type(caught.value) is error
    assert caught.value.kind == kind
    assert text is None or str(caught.value) == text
    if error is DataUnavailable:
        assert report.progress.unavailable == 1
    else:
        assert (report.errors[0].kind, report.errors[0].message, report.errors[0].stage) == (
            kind,
            str(caught.value),
            caught.value.stage,
        )


def test_ctrl_c_reaches_who_tries() -> None:
    """An interruption of the main thread is no failure of the source: it passes. [R6.1]"""
    with pytest.raises(KeyboardInterrupt):
        try_source(ScriptedSource({(day(0), "A"): KeyboardInterrupt()}), day(0), "A", FIGURES)


def test_a_made_up_ctrl_c_of_another_thread_is_a_bug(caplog: pytest.LogCaptureFixture) -> None:
    """A KeyboardInterrupt that a source raises in another thread can be no interruption, and is its bug. [R6.2]"""
    caught: list[BaseException] = []

    def attempt() -> None:
        try:
            try_source(ScriptedSource({(day(0), "A"): KeyboardInterrupt()}), day(0), "A", FIGURES)
        except BaseException as error:  # noqa: BLE001 - looked at below
            caught.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    (error,) = caught
    assert isinstance(error, PermanentSourceError)
    assert error.kind == "source_bug"


def test_a_day_without_an_edition_is_not_asked_for() -> None:
    """For a known gap nobody is asked: it is unavailable, and says why. [R3.4]"""

    class Calendar(ScriptedSource):
        def editions(self, start: date, end: date, _frequency: Frequency, /) -> Iterable[Edition]:
            return [Edition(start, gap="closing")]

    source = Calendar()
    with pytest.raises(
        DataUnavailable, match=r"2026-01-05 has no edition of its own \(closing\); a job would count it as unavailable"
    ):
        try_source(source, day(0), "A", FIGURES)
    assert source.calls == []


def test_only_planned_documents_are_to_be_had() -> None:
    """A source that names its documents is held to them when it is tried, too. [P12]"""

    class Planning(ScriptedSource):
        def requests_for(self, edition: Edition, district: str | None, /) -> list[DocumentRequest]:
            return [DocumentRequest(f"https://example.org/{edition.day}/{district}")]

        def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
            return fetch(f"https://example.org/{on}/{district}").text + fetch("https://example.org/more").text

    with pytest.raises(PermanentSourceError, match="not among the documents that the source planned"):
        try_source(Planning(), "2024-02-29", "61", FIGURES)


# --- the door ---------------------------------------------------------------------------------------------------------


def test_a_door_of_its_own_is_polite_and_closed_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a door a polite one is made, and closed whatever happens; one that was handed in stays open. [B6, R10.2]"""
    made: list[NoDoor] = []

    def make(_clock: object) -> NoDoor:
        made.append(NoDoor())
        return made[-1]

    monkeypatch.setattr(backfill.sources, "default_fetcher", make)
    try_source(ScriptedSource(), day(0), "A")
    with pytest.raises(PermanentSourceError):
        try_source(ScriptedSource({(day(0), "A"): None}), day(0), "A")
    with pytest.raises(KeyboardInterrupt):
        try_source(ScriptedSource({(day(0), "A"): KeyboardInterrupt()}), day(0), "A")
    assert [door.closed for door in made] == [1, 1, 1]
    given = NoDoor()
    try_source(ScriptedSource(), day(0), "A", given)
    assert (given.closed, len(made)) == (0, 3)


def test_the_default_door_needs_no_argument() -> None:
    """A source that fetches nothing can be tried with nothing but itself, a day and a district."""
    assert try_source(ScriptedSource(), day(0), "A").data == {"district": "A", "day": "2026-01-05"}


# --- what cannot be tried ---------------------------------------------------------------------------------------------

WRONG: Mapping[str, tuple[Callable[[], object], str]] = {
    "a class": (
        lambda: try_source(ScriptedSource, day(0), "A"),  # type: ignore[arg-type] # the slip that is tested
        r"a class, where an instance of it is meant; write ScriptedSource\(…\)",
    ),
    "no source": (lambda: try_source(5, day(0), "A"), "a source needs a name and collect_district"),  # type: ignore[arg-type] # the slip that is tested
    "a bare function": (lambda: try_source(rain.collect, day(0), "A"), "a source needs a name and collect_district"),  # type: ignore[arg-type] # the slip that is tested
    "no name": (lambda: try_source(ScriptedSource(name=" "), day(0), "A"), "source.name=' ': not a name"),
    "a datetime": (lambda: try_source(rain, datetime(2024, 1, 1, tzinfo=UTC), "A"), r"pass its \.date\(\)"),
    "a sloppy day": (lambda: try_source(rain, "2024-1-5", "A"), "not a date of the calendar in the form YYYY-MM-DD"),
    "no day": (lambda: try_source(rain, None, "A"), "day=None: not a date"),  # type: ignore[arg-type] # the slip that is tested
    "a path": (lambda: try_source(rain, day(0), "../A"), "a district is 1 to 64 of the letters"),
    "a number": (lambda: try_source(rain, day(0), 61), 'a district is a string; write "61" in quotes'),  # type: ignore[arg-type] # the slip that is tested
    "no door": (lambda: try_source(rain, day(0), "A", 5), "fetch=5: neither a Fetcher nor a Fetch"),  # type: ignore[arg-type] # the slip that is tested
    "a door's class": (lambda: try_source(rain, day(0), "A", PoliteFetcher), "a class, where an instance of it is meant"),  # type: ignore[arg-type] # the slip that is tested
}


@pytest.mark.parametrize(("attempt", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_tried_is_refused(attempt: Callable[[], object], message: str) -> None:
    """A wrong source, day, district or door is refused with value, rule and remedy, before anything is asked for. [R7.4]"""
    with pytest.raises(InvalidRequest, match=message) as caught:
        attempt()
    assert isinstance(caught.value, BackfillError)


def test_an_asynchronous_function_makes_no_source() -> None:
    """A coroutine is refused where it is decorated, with what to write instead. [R3.4, R10.5]"""
    with pytest.raises(InvalidRequest, match="write `def` instead of `async def`"):

        @function_source("awaited")
        async def collect(_day: date, _district: str, _fetch: Fetch) -> int:
            return 1


@pytest.mark.parametrize("function", [lambda day: day, lambda: 1, lambda _a, _b, _c, _d: 1, lambda *, day: day])
def test_a_function_that_cannot_be_called_makes_no_source(function: Callable[..., object]) -> None:
    """What no job could call is refused at once, not once for each unit. [R10.1]"""
    with pytest.raises(InvalidRequest, match=r"does not fit .*; write collect\(day, district, fetch\)"):
        function_source("x")(function)


def test_a_function_that_nobody_can_tell_is_taken_as_it_is() -> None:
    """A builtin without a signature, and a function of any arguments, make sources."""
    assert function_source("x")(lambda *_all: 1).collect_district(date(2024, 1, 1), "A", refuse) == 1
    function_source("x")(dict)  # type: ignore[arg-type] # a class, of whose parameters nothing can be told


def refuse(*_args: object, **_options: object) -> NoReturn:
    """Fetch nothing."""
    raise AssertionError


def test_a_function_source_is_a_value() -> None:
    """Two sources of one name and function are equal, and neither can be changed. [R10.2]"""
    assert FunctionSource("rain", rain.collect) == rain
    with pytest.raises(AttributeError):
        rain.name = "snow"  # type: ignore[misc] # frozen


@pytest.fixture(autouse=True)
def _no_output(caplog: pytest.LogCaptureFixture) -> None:
    """Keep the tracebacks of made-up bugs out of the output of a failing test."""
    caplog.set_level(logging.CRITICAL, "backfill")


def test_a_function_source_is_pickled_by_its_name() -> None:
    """A decorated function is found again by the name that it has in its module; any other is pickled by its parts. [B8]"""
    assert pickle.loads(pickle.dumps(_later)) is _later
    plain = FunctionSource("plain", str.lower)  # type: ignore[arg-type] # any function of a module
    assert pickle.loads(pickle.dumps(plain)) == plain


@function_source("later")
def _later(_day: date, _district: str, _fetch: Fetch) -> object:
    return 1
