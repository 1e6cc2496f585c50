"""What cannot be: refused by value, rule and remedy before anything is fetched, or counted as what it is."""

from __future__ import annotations

import asyncio
import logging
import math
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill import BackfillError, BackfillRequest, BackfillScope, BackfillService, BackfillStatus, InvalidRequest
from backfill.clock import SystemClock
from backfill.errors import DamagedFile, StoreUnavailable
from backfill.fetching import BareFetcher, PoliteFetcher, RawArchive
from backfill.jobstores import MemoryJobStore
from backfill.model import Collected, Finding, ScopeKind
from backfill.model.checks import as_name, as_path
from backfill.protocols import Fetch, SnapshotStore
from backfill.scopes import DistrictConfigurationService, OpenScope
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.fetch import DictFetch
from backfill.testing.source import ScriptedBatch, ScriptedCatalog, ScriptedDashboard, ScriptedSource, ScriptedSystemWide
from service_doubles import PATIENCE, NoDoor, adds_up, ask, bounded, by_unit, collect, day, serving, stored
from service_patterns import keep

TODAY = date(2026, 1, 15)
"""That of a `VirtualClock`."""


def refusal(call: Callable[[], object], *, field: str | None = None, rule: str = "", remedy: str = "") -> InvalidRequest:
    """Return the error by which *call* is refused; it names value, rule and remedy, and its text has all three."""
    with pytest.raises(InvalidRequest) as caught:
        call()
    error = caught.value
    assert isinstance(error, BackfillError)
    assert isinstance(error, ValueError)
    assert field is None or error.field == field
    assert rule in error.rule
    assert remedy in error.remedy
    assert error.rule in str(error)
    assert error.remedy in str(error)
    assert error.field in str(error)
    return error


# --- days and options -------------------------------------------------------------------------------------------------

FORMS: Mapping[str, tuple[dict[str, object], str, str, str]] = {
    "start after end": ({"start_date": "2026-01-06", "end_date": "2026-01-05"}, "end_date", "lies before start_date 2026-01-06", "exchange the two"),
    "a datetime": ({"start_date": datetime(2024, 1, 1, 12, tzinfo=UTC)}, "start_date", "no time of day or time zone", "pass its .date()"),
    "a number": ({"start_date": 20240101}, "start_date", "not a date", "write a datetime.date or 'YYYY-MM-DD'"),
    "sloppy text": ({"start_date": "2024-1-5"}, "start_date", "not a date of the calendar", "YYYY-MM-DD"),
    "compact text": ({"start_date": "20240105"}, "start_date", "not in the form YYYY-MM-DD", "write '2024-01-05'"),
    "a week date": ({"start_date": "2024-W01-5"}, "start_date", "not in the form YYYY-MM-DD", "write '2024-01-05'"),
    "no such day": ({"start_date": "2023-02-29"}, "start_date", "not a date of the calendar", "YYYY-MM-DD"),
    "text with a time": ({"start_date": "2024-01-05T00:00:00"}, "start_date", "not a date of the calendar", "YYYY-MM-DD"),
    "blanks": ({"start_date": " 2024-01-05 "}, "start_date", "not a date of the calendar", "YYYY-MM-DD"),
    "nothing": ({"start_date": None}, "start_date", "not a date", "YYYY-MM-DD"),
    "a wrong end": ({"end_date": 7}, "end_date", "not a date", "YYYY-MM-DD"),
    "no concurrency": ({"concurrency": 0}, "concurrency", "not a whole number from 1 to 64", "in that range"),
    "a thousand": ({"concurrency": 1000}, "concurrency", "not a whole number from 1 to 64", "in that range"),
    "a bool": ({"concurrency": True}, "concurrency", "not a whole number from 1 to 64", "in that range"),
    "a text": ({"concurrency": "3"}, "concurrency", "not a whole number from 1 to 64", "in that range"),
    "a fraction": ({"concurrency": 2.0}, "concurrency", "not a whole number from 1 to 64", "in that range"),
    "yes": ({"skip_existing": "yes"}, "skip_existing", "not a bool", "write True or False"),
    "one": ({"retry_failures": 1}, "retry_failures", "not a bool", "write True or False"),
    "none": ({"enable_caching": None}, "enable_caching", "not a bool", "write True or False"),
    "no interval": ({"min_interval": -1}, "min_interval", "not from 0 to 86400", "in that range"),
    "no number": ({"min_interval": math.nan}, "min_interval", "not a finite number", "write a number"),
    "hourly": ({"frequency": "hourly"}, "frequency", "not one of the choices", "'daily', 'weekly', 'month-end'"),
    "a wrong type": ({"collection_type": 3}, "collection_type", "not one of the choices", "'system-wide'"),
    "a wrong case": ({"detail": "Full"}, "detail", "not one of the choices", "'full'"),
    "a wrong order": ({"order": ["newest-first"]}, "order", "not one of the choices", "'oldest-first'"),
    "a summary in full": ({"collection_type": "system-wide", "detail": "full"}, "detail", "a summary of each district only", "per-district"),
    "no districts": ({"target_districts": []}, "target_districts", "an empty list selects nothing", "leave it out to mean all"),
    "one text": ({"target_districts": "61"}, "target_districts", "one string, where a list", "write ['61']"),
    "a bare number": ({"target_districts": 61}, "target_districts", "not a list of strings", "['61', 'F']"),
    "numbers": ({"target_districts": [61]}, "target_districts", "not a string", 'write "61"'),
    "no name": ({"target_districts": [None]}, "target_districts", "not a string", ""),
}  # fmt: skip


@pytest.mark.parametrize(("options", "field", "rule", "remedy"), FORMS.values(), ids=FORMS)
def test_a_request_that_cannot_be_is_not_even_made(options: dict[str, object], field: str, rule: str, remedy: str) -> None:
    """A value of the wrong form never becomes a request: the error names it, its rule and the remedy. [R8.4, R7.4]"""
    error = refusal(lambda: BackfillRequest(**({"start_date": "2024-01-01"} | options)), field=field, rule=rule, remedy=remedy)  # type: ignore[arg-type] # the slip that is tested
    value = error.value
    assert any(
        value is given or str(value) == str(given) or (isinstance(given, list) and value in given) for given in options.values()
    )


def refused_without_a_call(request: BackfillRequest, source: ScriptedSource | None = None, **options: object) -> InvalidRequest:
    """Return the error by which plan and job for *request* are refused, with nothing asked for, kept or stored."""
    source = source or ScriptedDashboard()
    store = MemorySnapshotStore()
    with serving(source, store, **options) as service:  # type: ignore[arg-type] # options of any kind
        planned = refusal(lambda: service.plan(request))
        started = refusal(lambda: service.initiate_backfill(request))
        waited = refusal(lambda: service.run_backfill(request))
        assert str(planned) == str(started) == str(waited)
        assert service.list_backfills() == []
        assert service.events() == []
    assert source.calls == []
    assert stored(store) == {}
    return started


@pytest.mark.parametrize("late", [TODAY, TODAY + timedelta(1), TODAY + timedelta(400), date.max])
def test_days_that_are_not_over_are_refused(late: date) -> None:
    """Today, tomorrow and any later day are refused with the newest that can be had: yesterday, in UTC. [R7.4, R8.4]"""
    error = refused_without_a_call(BackfillRequest(day(0), late))
    assert (error.field, error.value) == ("end_date", late.isoformat())
    assert "not published yet: the newest day that source 'scripted' can have is 2026-01-14" in error.rule
    assert error.remedy == "end with 2026-01-14 or earlier"
    assert (
        collect(ScriptedSource(), MemorySnapshotStore(), BackfillRequest("2026-01-14", target_districts=["A"])).status
        == "complete"
    )


def test_today_is_that_of_utc() -> None:
    """What is today elsewhere does not matter: the clock's time in UTC decides. [R7.4]"""
    clock = VirtualClock(datetime(2026, 1, 15, 23, 30, tzinfo=UTC) - timedelta(hours=23, minutes=31))
    assert "the newest day that source 'scripted' can have is 2026-01-13" in refused_without_a_call(ask(10), clock=clock).rule


def test_a_source_may_know_a_newer_day() -> None:
    """Where the source says which day is its newest, that one is the limit. [R7.4, R3.4]"""

    class Forecast(ScriptedDashboard):
        def latest_day(self, today: date, /) -> date:
            return today + timedelta(2)

    error = refused_without_a_call(BackfillRequest(day(0), TODAY + timedelta(3)), Forecast())
    assert error.remedy == "end with 2026-01-17 or earlier"
    report = collect(Forecast(), MemorySnapshotStore(), BackfillRequest(TODAY, TODAY + timedelta(2), ["A"]))
    assert report.progress.completed == 3


@pytest.mark.parametrize("start", ["1926-01-01", "1971-04-10", "0001-01-01"])
def test_a_range_that_nobody_means_is_refused(start: str) -> None:
    """A century in one request, or a slip in the year, is refused with its length; 20,000 days are not. [R7.4, R8.4]"""
    error = refused_without_a_call(BackfillRequest(start, "2026-01-14"))
    assert (error.field, error.value) == ("start_date", start)
    length = (date(2026, 1, 14) - date.fromisoformat(start)).days + 1
    assert f"{length:,} days up to 2026-01-14 are more than the 20,000 that one request may span" in error.rule
    with serving(ScriptedSource()) as service:
        assert len(service.plan(BackfillRequest("1971-04-14", "2026-01-14", ["A"])).days) == 20_000
        assert refusal(lambda: service.coverage(start, "2026-01-14")).rule == error.rule


def test_a_range_without_a_day_of_its_frequency_is_refused() -> None:
    """Month ends of a range that holds none are refused with what to ask for instead. [R7.4]"""
    error = refused_without_a_call(BackfillRequest("2026-01-05", "2026-01-14", frequency="month-end"))
    assert (error.field, error.value) == ("frequency", "month-end")
    assert "selects no day from 2026-01-05 to 2026-01-14" in error.rule


@pytest.mark.parametrize("request_", [None, "2026-01-05", {"start_date": "2026-01-05"}, BackfillRequest, 5])
def test_what_is_no_request_is_refused(request_: object) -> None:
    """A text, a dictionary or the class in the place of a request is refused with how to write one. [R8.4]"""
    with serving(source := ScriptedSource()) as service:
        for start in (service.plan, service.initiate_backfill, service.run_backfill):
            refusal(lambda start=start: start(request_), field="request", remedy="write BackfillRequest(")  # type: ignore[misc] # a default argument binds the loop's value
    assert source.calls == []


# --- districts --------------------------------------------------------------------------------------------------------

NAMES = {
    "a path": "../61", "an absolute path": "/etc/passwd", "a hidden file": ".61", "a backslash": "a\\b", "a drive": "C:",
    "a zero": "6\x001", "a line break": "6\n1", "an escape": "\x1b[2J", "nothing": "", "blanks": "  ", "a letter beyond ASCII": "61é",
    "a digit beyond ASCII": "٦١", "half a character": "\ud800", "a long name": "x" * 65, "a slash inside": "6/1",
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_what_can_be_no_file_name_can_name_no_district(name: str, tmp_path: Path) -> None:
    """A target that could lead out of the store's folder, or cannot stand in it, is refused, alone or in company. [R7.4, R7.5, P7]"""
    error = refused_without_a_call(ask(1, name))
    assert (error.field, error.value) == ("district", name)
    assert "a district is 1 to 64 of the letters A-Z, digits, '.', '_' and '-', and does not begin with a dot" in error.rule
    source = ScriptedSource()
    root = tmp_path / "root"
    report = collect(source, PerDistrictFileSnapshotStore(root), ask(1, name, "61"))
    assert report.status is BackfillStatus.COMPLETE
    assert [(doubt.text, doubt.why) for doubt in report.scope.excluded] == [(name, error.rule)]
    assert {names for _call, _on, names in source.calls} == {("61",)}
    assert [path.name for path in root.rglob("district_*")] == ["district_61.json"]
    assert list(tmp_path.iterdir()) == [root]


@pytest.mark.parametrize("names", [("a", "A"), ("x-1", "61", "X-1"), (" f", "F ")])
def test_districts_that_would_be_one_file_are_refused(names: tuple[str, ...]) -> None:
    """Two targets that differ in case only are refused by name, since on some file systems they are one file. [R7.4]"""
    error = refused_without_a_call(ask(1, *names))
    assert "differ only in upper and lower case" in error.rule
    assert error.remedy == "give each district one spelling"
    with serving(ScriptedSource()) as service:
        assert refusal(lambda: service.coverage(day(0), day(0), districts=names)).rule == error.rule


def test_a_district_that_is_not_configured_is_refused_with_suggestions(tmp_path: Path) -> None:
    """Of targets none of which is configured each is named, with what may have been meant. [R7.3, R7.4, R7.5]"""
    scope = DistrictConfigurationService(tmp_path / "districts.json")
    scope.set_districts(["61", "117", "F", "north"])
    error = refused_without_a_call(ask(1, "16", "nroth", "District 61"), scope=scope)
    assert (error.field, error.value) == ("target_districts", ("16", "nroth"))
    assert "none of them is in scope" in error.rule
    assert error.remedy.startswith("did you mean '61' or 'north'?")


def test_of_targets_partly_in_scope_the_others_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is configured is collected; what is not is left out, logged, and stands in plan and report with suggestions. [R7.5, R7.3, P7]"""
    scope = DistrictConfigurationService(tmp_path / "districts.json")
    scope.set_districts(["61", "117"])
    source = ScriptedSource()
    store = MemorySnapshotStore()
    with serving(source, store, scope=scope) as service:
        request = ask(2, "61", "16", "../x", "117", "zzz")
        plan = service.plan(request)
        report = service.initiate_backfill(request).wait(PATIENCE)
    for kept in (plan.scope, report.scope):
        assert kept.districts == ("61", "117")
        assert {doubt.text: (doubt.why, doubt.suggestions) for doubt in kept.excluded} == {
            "../x": ("a district is 1 to 64 of the letters A-Z, digits, '.', '_' and '-', and does not begin with a dot", ()),
            "16": ("is not configured", ("61",)),
            "zzz": ("is not configured", ()),
        }
    assert report.progress.completed == 4
    assert {names for _call, _on, names in source.calls} == {("61",), ("117",)}
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert {f"district {name!r} is left out: " in message for name in ("16", "../x", "zzz") for message in told} == {True, False}
    assert sum("is left out" in message for message in told) == 6, "three, told for the plan and for the job"


def test_a_misspelt_district_of_an_open_scope_is_kept_and_doubted() -> None:
    """Where nothing is configured, a target that the newest stored day has not, but one much like it, is collected and doubted. [R7.2, R7.5]"""
    store = MemorySnapshotStore()
    keep(store, day(0), "north")
    keep(store, day(1), "south")
    source = ScriptedSource({(day(2), "sout"): 1, (day(2), "west"): 1})
    report = collect(source, store, BackfillRequest(day(2), target_districts=["sout", "west", "south"]))
    assert [(doubt.text, doubt.why, doubt.suggestions) for doubt in report.scope.doubtful] == [
        ("sout", "the newest stored day, 2026-01-06, does not have it", ("south",))
    ]
    assert report.scope.districts == ("sout", "west", "south")


ANSWERS: Mapping[str, tuple[object, str, str]] = {
    "nothing": (None, "resolve() returned something else than a BackfillScope", "mend resolve()"),
    "a list": (["A"], "resolve() returned something else than a BackfillScope", "mend resolve()"),
    "no district": (BackfillScope(ScopeKind.TARGETED, ()), "no district is left in scope", "name or configure one"),
    "a text": (BackfillScope(ScopeKind.TARGETED, "AB"), "no tuple", "mend resolve()"),  # type: ignore[arg-type] # the slip that is tested
    "a path": (BackfillScope(ScopeKind.TARGETED, ("../x",)), "a district is 1 to 64 of the letters", "write the publisher's"),
    "a number": (BackfillScope(ScopeKind.TARGETED, (61,)), "a district is a string", 'write "61" in quotes'),  # type: ignore[arg-type] # the slip that is tested
    "another form": (BackfillScope(ScopeKind.TARGETED, ("A ",)), "not in its normal form", "configure it as 'A'"),
    "one twice": (BackfillScope(ScopeKind.TARGETED, ("A", "A")), "in it twice", "mend resolve()"),
    "one file": (BackfillScope(ScopeKind.TARGETED, ("a", "A")), "differ only in upper and lower case", "one spelling"),
}  # fmt: skip


@pytest.mark.parametrize("targets", [(), ("A",)])
@pytest.mark.parametrize(("answer", "rule", "remedy"), ANSWERS.values(), ids=ANSWERS)
def test_a_scope_that_answers_nonsense_is_refused(answer: object, rule: str, remedy: str, targets: tuple[str, ...]) -> None:
    """A resolver of anybody's making cannot bring districts into a job that could not be stored. [P7, R7.4, R3.4]"""

    class Odd:
        def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
            return answer  # type: ignore[return-value] # a wrong type on purpose

    error = refused_without_a_call(ask(1, *targets), scope=Odd())
    assert rule in error.rule
    assert remedy in error.remedy


def test_a_configuration_is_held_against_the_sources_own_names(tmp_path: Path) -> None:
    """A configured district in another form than the source's is refused with the form it should have. [R7.1, R7.4]"""

    class Padded(ScriptedDashboard):
        def normalize_district(self, text: str, /) -> str:
            return text.zfill(2)

    scope = DistrictConfigurationService(tmp_path / "districts.json")
    scope.set_districts(["1", "61"])
    error = refused_without_a_call(ask(1), Padded(), scope=scope)
    assert (error.field, error.value, error.remedy) == ("scope", "1", "configure it as '01'")
    scope.set_districts(["01", "61"])
    report = collect(Padded(), MemorySnapshotStore(), ask(1, "1"), scope=scope)
    assert report.scope.districts == ("01",)


def test_a_request_that_nothing_can_list_is_refused() -> None:
    """All districts of a source that cannot say which there are, with nothing configured: refused with the three ways out. [R2.2, R8.4]"""
    error = refused_without_a_call(ask(1), ScriptedSource())
    assert error.remedy == "name target_districts, configure a scope, or give the source list_districts() or collect_all()"
    error = refused_without_a_call(ask(1, "A", collection_type="system-wide"), ScriptedBatch())
    assert error.remedy == "use 'auto' or 'per-district', or give the source collect_all()"


# --- what a service is made of ----------------------------------------------------------------------------------------


class Nameless:
    """A source without a name."""

    def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
        """Return something."""
        return 1


def _make(field: str, value: object) -> BackfillService:
    parts: dict[str, object] = {"source": ScriptedSource(), "store": MemorySnapshotStore()}
    return BackfillService(**(parts | {field: value}))  # type: ignore[arg-type] # the slip that is tested


def _limited(most: object) -> ScriptedSource:
    source = ScriptedSource()
    source.max_concurrency = most  # type: ignore[attr-defined] # an ability that the scripted sources do not have
    return source


def _rain(on: date, district: str, fetch: Fetch) -> object:
    return {"mm": 1.0}


PARTS: Mapping[str, tuple[str, object, str, str]] = {
    "no source": ("source", None, "a source needs a name and collect_district", "pass an object that has them"),
    "a source without a name": ("source", Nameless(), "a source needs a name and collect_district", "pass an object"),
    "a function": ("source", _rain, "a source needs a name and collect_district", 'decorate it with @function_source("_rain")'),
    "a source's class": ("source", ScriptedSource, "a class, where an instance of it is meant", "write ScriptedSource(…)"),
    "no store": ("store", None, "a store needs begin, read, entries, days and delete", "pass an object that has them"),
    "a path": ("store", Path("snapshots"), "a store needs begin, read, entries, days and delete", "write backfill.stores.PerDistrictFileSnapshotStore('snapshots')"),
    "a store's class": ("store", MemorySnapshotStore, "a class, where an instance", "write MemorySnapshotStore(…)"),
    "a list": ("scope", ["61"], "a scope needs resolve(requested)", "pass an object that has them"),
    "a scope's class": ("scope", OpenScope, "a class, where an instance", "write OpenScope(…)"),
    "a job store's path": ("jobs", "jobs.sqlite3", "a job store needs create, load, apply, list and delete", "write backfill.jobstores.SqliteJobStore('jobs.sqlite3')"),
    "a job store's class": ("jobs", MemoryJobStore, "a class, where an instance", "write MemoryJobStore(…)"),
    "no door": ("fetch", 5, "neither a Fetcher nor a Fetch", "pass a PoliteFetcher, or a function that returns a Document"),
    "a door's class": ("fetch", PoliteFetcher, "a class, where an instance", "write PoliteFetcher(…)"),
    "a clock": ("clock", datetime.now(UTC), "a clock needs today, now, monotonic and wait", "pass an object that has them"),
    "a clock's class": ("clock", SystemClock, "a class, where an instance", "write SystemClock(…)"),
    "no job at once": ("max_active_jobs", 0, "not a whole number from 1 to 64", "choose one in that range"),
    "many jobs at once": ("max_active_jobs", 65, "not a whole number from 1 to 64", "choose one in that range"),
    "a bool of jobs": ("max_active_jobs", True, "not a whole number from 1 to 64", "choose one in that range"),
}  # fmt: skip


@pytest.mark.parametrize(("field", "value", "rule", "remedy"), PARTS.values(), ids=PARTS)
def test_a_service_is_made_of_what_it_needs(field: str, value: object, rule: str, remedy: str) -> None:
    """A collaborator that lacks something, or is a class, is refused when the service is made, by its name. [R10.2, R10.5]"""
    error = refusal(lambda: _make(field, value), field=field, rule=rule, remedy=remedy)
    assert error.value is value


@pytest.mark.parametrize("name", ["", "\n", "rain\n", "\ud800", None, 5, "x" * 256])
def test_a_source_has_a_name_that_can_be_stored(name: object) -> None:
    """A source's name stands in every snapshot, so it is a short printable text. [R5.5, R3.4]"""
    refusal(lambda: _make("source", ScriptedSource(name=name)), field="source.name", rule="not a name of 1 to 255")  # type: ignore[arg-type] # the slip that is tested


class Awaited(ScriptedSource):
    """A source whose author has reached for what is asynchronous."""

    async def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
        """Return something to be awaited."""
        return 1


class AwaitedList(ScriptedSource):
    """A source whose list comes piece by piece."""

    async def list_districts(self, on: date, fetch: Fetch, /) -> AsyncIterator[str]:
        """Yield something."""
        yield "61"


@pytest.mark.parametrize(("source", "call"), [(Awaited(), "collect_district"), (AwaitedList(), "list_districts")])
def test_an_asynchronous_source_is_refused_with_what_to_write(source: ScriptedSource, call: str) -> None:
    """Calls come from threads, where nobody awaits: said when the service is made, and not of each district. [R3.4, R10.5]"""
    error = refusal(lambda: _make("source", source), field=f"source.{call}", rule="asynchronous")
    assert "`def` instead of `async def`" in error.remedy
    assert "asyncio.run" in error.remedy


@pytest.mark.parametrize("most", [0, -1, True, "3", None, 1.5])
def test_a_source_stands_at_least_one_call(most: object) -> None:
    """A source that says how many calls it stands says a whole number from 1. [R9.2, P9]"""
    refusal(lambda: _make("source", _limited(most)), field="source.max_concurrency", rule="not a whole number from 1")


def test_a_bare_function_will_do_as_a_door() -> None:
    """A function that returns documents is wrapped; a fetcher is used as it is. [R3.4]"""
    assert isinstance(_make("fetch", DictFetch({}))._fetcher, BareFetcher)
    door = NoDoor()
    assert _make("fetch", door)._fetcher is door


@bounded
@given(st.text(max_size=300) | st.none() | st.integers() | st.binary(max_size=3))
def test_a_name_is_accepted_or_refused(value: object) -> None:
    """Whatever is given for a name is returned as it is, or refused; what is accepted can be written as UTF-8, on one line."""
    try:
        name = as_name("name", value)
    except InvalidRequest as error:
        assert error.value is value  # noqa: PT017 - either way is fine, and both are looked at
    else:
        assert name == value
        assert len(name.encode().decode().splitlines()) == 1


# --- stores and configurations on disk --------------------------------------------------------------------------------


def starts_nothing(store: SnapshotStore, error: type[BackfillError], message: str) -> None:
    """Assert that a job for *store* is refused by *error* before the source is asked, and leaves no job behind."""
    source = ScriptedDashboard()
    with serving(source, store) as service:
        for request in (ask(1, "A"), ask(1)):
            with pytest.raises(error, match=message):
                service.initiate_backfill(request)
            with pytest.raises(error, match=message):
                service.run_backfill(request)
        assert service.list_backfills() == []
    assert source.calls == []


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """A file in the place of the store's folder is told when the store is made; put there later, before anything is fetched. [R5.1, R8.4]"""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreUnavailable, match=r"file: Not a directory while opening the store.*choose a directory"):
        PerDistrictFileSnapshotStore(tmp_path / "file")
    with pytest.raises(StoreUnavailable, match="Not a directory"):
        PerDistrictFileSnapshotStore(tmp_path / "file" / "below")
    store = PerDistrictFileSnapshotStore(tmp_path / "later")
    (tmp_path / "later").write_text("mine, too")
    starts_nothing(store, StoreUnavailable, "later: Not a directory.*choose a directory")
    assert (tmp_path / "later").read_text() == "mine, too"
    below = PerDistrictFileSnapshotStore(tmp_path / "a" / "b" / "c")
    below.check_writable()
    (tmp_path / "a").write_text("in the way")
    with pytest.raises(StoreUnavailable, match=r"Not a directory while looking whether days can be stored.*choose a directory"):
        below.check_writable()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a file system in which nothing can be made")
def test_a_root_that_cannot_be_made_pauses_the_job_with_the_remedy() -> None:
    """Where the folder is not there and cannot be made the job rests with one clear reason, and not with a failure of each district. [R5.1, R8.4]"""
    store = PerDistrictFileSnapshotStore("/proc/nope")
    with serving(ScriptedSource(), store) as service:
        report = service.run_backfill(ask(3, "A", "B"))
    assert (report.status, report.errors) == ("paused", ())
    assert "cannot be made: make it, or choose another directory" in str(report.status_reason)
    starts_nothing(
        PerDistrictFileSnapshotStore("/proc/self/nope"), StoreUnavailable, "Permission denied.*let this user write there"
    )


DENIED = """
import os, sys
from pathlib import Path

from backfill import BackfillRequest, BackfillService
from backfill.errors import StoreUnavailable
from backfill.fetching import PoliteFetcher
from backfill.jobstores import MemoryJobStore
from backfill.scopes import OpenScope
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing.source import ScriptedSource

source = ScriptedSource()
request = BackfillRequest("2024-01-01", target_districts=["A"])
with BackfillService(ScriptedSource(), MemorySnapshotStore()) as service:
    service.run_backfill(request)  # loads what a run loads lazily: the other user may not be able to read the package

if os.getuid() == 0:
    os.setuid(65534)
else:
    os.chmod(sys.argv[1], 0o555)

for root in (sys.argv[1], sys.argv[1] + "/not/made/yet"):
    with BackfillService(source, PerDistrictFileSnapshotStore(root)) as service:
        assert service.plan(request).total_units == 1, "who only looks need not write"
        try:
            service.run_backfill(request)
        except StoreUnavailable as error:
            assert f"{root}: Permission denied" in str(error) and "let this user write there" in str(error), error
        else:
            raise AssertionError("accepted")
        assert service.list_backfills() == []
assert source.calls == [] and list(Path(sys.argv[1]).iterdir()) == []
print("ok")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="folders cannot be made read-only there")
def test_a_root_that_cannot_be_written_is_refused_before_anything_is_fetched() -> None:
    """A job of a user who may not write to the store's folder is refused with the remedy; planning works. [R5.1, R8.4]"""
    root = Path(tempfile.mkdtemp())  # not below pytest's folders, which no other user can look into
    root.chmod(0o755)
    try:
        done = subprocess.run([sys.executable, "-c", DENIED, str(root)], capture_output=True, text=True, timeout=60, check=False)
    finally:
        root.chmod(0o755)
        root.rmdir()
    assert (done.stdout, done.stderr) == ("ok\n", "")


def test_a_job_with_nothing_to_do_needs_no_store_that_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where everything is stored already a job is accepted, and complete, even where nothing can be written. [R9.3]"""
    clock = VirtualClock()
    store = PerDistrictFileSnapshotStore(tmp_path, clock=clock)
    with serving(ScriptedSource(), store, clock=clock) as service:
        service.run_backfill(ask(2, "A"))

        def refuse() -> None:
            raise StoreUnavailable("read-only")

        monkeypatch.setattr(store, "check_writable", refuse)
        assert service.run_backfill(ask(2, "A")).progress.skipped == 2
        with pytest.raises(StoreUnavailable, match="read-only"):
            service.initiate_backfill(ask(3, "A"), idempotency_key="key")
        monkeypatch.undo()
        assert service.initiate_backfill(ask(3, "A"), idempotency_key="key").wait(PATIENCE).progress.completed == 1


@pytest.mark.parametrize("root", [None, "", 5, b"snapshots", "a\0b", ["a"]])
def test_what_is_no_path_is_refused(root: object) -> None:
    """Nothing, an empty text or a zero character in a path is refused by name, and does not become the working directory. [R8.4]"""
    for make in (PerDistrictFileSnapshotStore, RawArchive, DistrictConfigurationService):
        refusal(lambda make=make: make(root), rule="not a path", remedy="write a text or a pathlib.Path")  # type: ignore[misc] # a default argument binds the loop's value
    assert as_path("root", Path("x")) == as_path("root", "x") == Path("x")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b'{"schemaVersion":"9.0.0"}', b'{"schemaVersion":"1.0.0"}'])
def test_a_damaged_configuration_starts_nothing_and_stays_as_it_is(content: bytes, tmp_path: Path) -> None:
    """A configuration that cannot be read is told by its path with the remedy, not taken for an empty one. [R7.1, R7.3, P7]"""
    path = tmp_path / "districts.json"
    path.write_bytes(content)
    source = ScriptedDashboard()
    with serving(source, scope=DistrictConfigurationService(path)) as service:
        for start in (
            lambda: service.plan(ask(1)),
            lambda: service.initiate_backfill(ask(1, "A")),
            lambda: service.coverage(day(0), day(0)),
        ):
            with pytest.raises(DamagedFile, match=r"districts\.json: ") as caught:
                start()
            assert caught.value.path == str(path)
            assert caught.value.remedy
        assert service.coverage(day(0), day(0), districts=["A"]).counts, "named districts need no configuration"
        assert service.list_backfills() == []
    assert source.calls == []
    assert path.read_bytes() == content


# --- questions --------------------------------------------------------------------------------------------------------

QUESTIONS: Mapping[str, tuple[Callable[[BackfillService], object], str, str]] = {
    "a state": (lambda service: service.list_backfills(states="error"), "states", "one state, where a list of them is meant"),
    "a state's member": (lambda service: service.list_backfills(states=BackfillStatus.ERROR), "states", "one state"),
    "an unknown state": (lambda service: service.list_backfills(states=["done"]), "states", "not one of the choices"),
    "a number of states": (lambda service: service.list_backfills(states=5), "states", "not a list of states"),  # type: ignore[arg-type] # the slip that is tested
    "no jobs": (lambda service: service.list_backfills(limit=0), "limit", "not a whole number from 1"),
    "a text of jobs": (lambda service: service.list_backfills(limit="5"), "limit", "not a whole number from 1"),  # type: ignore[arg-type] # the slip that is tested
    "an error before the first": (lambda service: service.errors("x", after=-1), "after", "not a whole number from 0"),
    "no errors": (lambda service: service.errors("x", limit=0), "limit", "not a whole number from 1"),
    "a text for a number": (lambda service: service.events(after="3"), "after", "not a whole number from 0"),  # type: ignore[arg-type] # the slip that is tested
    "an event before the first": (lambda service: service.events(after=-1), "after", "not a whole number from 0"),
    "a bool for a number": (lambda service: service.events(after=True), "after", "not a whole number from 0"),
    "days for a duration": (lambda service: service.cleanup_old_jobs(older_than=30), "older_than", "not a duration"),  # type: ignore[arg-type] # the slip that is tested
    "less than no time": (lambda service: service.cleanup_old_jobs(older_than=timedelta(-1)), "older_than", "not a duration"),
    "fewer than none": (lambda service: service.cleanup_old_jobs(keep=-1), "keep", "not a whole number from 0"),
    "a bool to keep": (lambda service: service.cleanup_old_jobs(keep=True), "keep", "not a whole number from 0"),
    "the end before the start": (lambda service: service.coverage("2026-01-06", "2026-01-05"), "end_date", "lies before start_date"),
    "the future": (lambda service: service.coverage(day(0), TODAY), "end_date", "not published yet"),
    "no days": (lambda service: service.coverage(None, None), "start_date", "not a date"),  # type: ignore[arg-type] # the slip that is tested
    "no districts": (lambda service: service.coverage(day(0), day(0), districts=[]), "districts", "an empty list selects nothing"),
    "one district": (lambda service: service.coverage(day(0), day(0), districts="61"), "districts", "one string"),
    "a path": (lambda service: service.coverage(day(0), day(0), districts=["../x"]), "district", "a district is 1 to 64"),
    "an odd frequency": (lambda service: service.coverage(day(0), day(0), frequency="hourly"), "frequency", "not one of"),
}  # fmt: skip


@pytest.mark.parametrize(("question", "field", "rule"), QUESTIONS.values(), ids=QUESTIONS)
def test_a_question_that_makes_no_sense_is_refused(question: Callable[[BackfillService], object], field: str, rule: str) -> None:
    """What lists, pages, cleans up and surveys refuses a value that cannot be meant, by its name. [R8.4, R1.3]"""
    with serving(ScriptedSource()) as service:
        refusal(lambda: question(service), field=field, rule=rule)


# --- sources that misbehave -------------------------------------------------------------------------------------------


class Unspeakable(Exception):  # noqa: N818 - a name for a test
    """An exception whose text raises."""

    def __str__(self) -> str:
        raise SystemExit("no text")

    __repr__ = __str__


class Custom(BaseException):
    """Not even an Exception."""


class Hostile:
    """A value that raises whatever one does with it."""

    def __iter__(self) -> object:
        raise KeyboardInterrupt("no")

    def __getattr__(self, name: str) -> object:
        raise SystemExit(name)


BUGS: Mapping[str, BaseException] = {
    "an exception": ValueError("x"), "an exit": SystemExit(0), "an interruption": KeyboardInterrupt(), "a generator's end": GeneratorExit(),
    "one of its own": Custom("x"), "one without a text": Unspeakable(), "too deep": RecursionError("x"), "no memory": MemoryError(),
    "the end of an iteration": StopIteration(7), "a group": BaseExceptionGroup("x", [Custom(), ValueError()]), "an assertion": AssertionError("x"),
    "a warning": UserWarning("x"), "nobody's cancellation": asyncio.CancelledError(),
}  # fmt: skip


@pytest.mark.parametrize("kind", [ScriptedSource, ScriptedBatch, ScriptedSystemWide, ScriptedCatalog])
@pytest.mark.parametrize("error", BUGS.values(), ids=BUGS)
def test_whatever_a_source_raises_is_its_bug_and_stops_no_other(
    error: BaseException, kind: type[ScriptedSource], caplog: pytest.LogCaptureFixture
) -> None:
    """Anything that was not meant to be raised fails its units as source_bug, with its class; the other days and districts go on. [R6.1, R6.2, P6]"""
    source = kind(lambda on, name: error if (on, name) == (day(1), "B") else {"n": 1}, districts=("A", "B"))
    store = MemorySnapshotStore()
    report = collect(source, store, ask(3, "A", "B", detail="summary"))
    one_call = kind in {ScriptedBatch, ScriptedSystemWide}
    failed = {(day(1), "A"), (day(1), "B")} if one_call else {(day(1), "B")}
    assert by_unit(report.errors).keys() == failed
    assert {(found.kind, found.stage, found.is_retryable, found.attempts) for found in report.errors} == {
        ("source_bug", "transform", False, 1)
    }
    assert all(found.message.startswith(f"raised {type(error).__name__}: ") for found in report.errors)
    assert report.status is BackfillStatus.PARTIAL_SUCCESS
    assert adds_up(report)
    assert stored(store) == {day(0): ("A", "B"), day(2): ("A", "B")} | ({} if one_call else {day(1): ("A",)})
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert all(vars(record)["job_id"] == report.backfill_id and vars(record)["day"] == "2026-01-06" for record in logged)


PAYLOADS: Mapping[str, object] = {
    "nothing": None, "nan": math.nan, "a nan within": {"a": [1, {"b": math.nan}]}, "an infinity": [math.inf], "bytes": b"x", "bytes within": [b"x"],
    "a set of sets": {frozenset({object()})}, "an object": object(), "a class": int, "a function": len, "numbers as keys": {1: 2}, "nothing as a key": {None: 1},
    "half a character": "\ud800", "a complex number": 1j, "hostile": Hostile(), "a generator": (n for n in range(3)),
    "a nan as of": Collected({"n": 1}, as_of="2024-01-01"), "a wrong detail": Collected(1, detail="huge"), "wrong findings": Collected(1, findings=["x"]),  # type: ignore[arg-type,list-item] # the slip that is tested
    "a doubtful settled": Collected(1, settled="no"),  # type: ignore[arg-type] # the slip that is tested
}  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_payload_that_cannot_be_stored_fails_its_unit(payload: object) -> None:
    """What is no JSON value fails in stage validate or as a bug, says what to return, and leaves the other district alone. [R6.1, R6.2, P6]"""
    store = MemorySnapshotStore()
    report = collect(ScriptedSource({(day(0), "A"): payload, (day(0), "B"): 1}), store, ask(1, "A", "B"))
    (error,) = report.errors
    assert (error.district_id, error.is_retryable, error.attempts) == ("A", False, 1)
    assert error.kind in {"invalid_payload", "source_bug"}
    assert error.message
    assert stored(store) == {day(0): ("B",)}
    assert report.partial_snapshots == (day(0),)


def test_a_payload_that_refers_to_itself_fails_its_unit() -> None:
    """A circle, or a value nested beyond all measure, is refused, and takes nothing with it. [R6.1]"""
    circle: list[object] = []
    circle.append(circle)
    deep: object = 1
    for _ in range(100_000):
        deep = (deep,)
    report = collect(ScriptedSource(lambda _on, name: circle if name == "A" else deep), MemorySnapshotStore(), ask(1, "A", "B"))
    assert [(error.kind, error.stage) for error in report.errors] == [("invalid_payload", "validate")] * 2
    while isinstance(deep, tuple):
        (deep,) = deep  # taken apart by hand: left to itself it would be taken apart from the outside in, a frame for each


MAPPINGS: Mapping[str, object] = {
    "nothing": None, "a list": ["A"], "a text": "AB", "a generator": (pair for pair in [("A", 1)]), "a number": 3,
}  # fmt: skip


@pytest.mark.parametrize("answer", MAPPINGS.values(), ids=MAPPINGS)
def test_a_call_for_several_that_returns_no_mapping_fails_all_of_them(answer: object) -> None:
    """collect_many and collect_all answer by district; anything else fails every district of the call by the name of the call. [R6.1, P6]"""

    class Wrong(ScriptedDashboard):
        def collect_many(self, on: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
            return answer  # type: ignore[return-value] # a wrong type on purpose

        def collect_all(self, on: date, fetch: Fetch, /) -> Mapping[str, object]:
            return answer  # type: ignore[return-value] # as above

    for call, request in (("collect_many", ask(1, "A", "B")), ("collect_all", ask(1, "A", "B", detail="summary"))):
        report = collect(Wrong(), MemorySnapshotStore(), request)
        assert {(error.district_id, error.kind) for error in report.errors} == {
            ("A", "invalid_payload"),
            ("B", "invalid_payload"),
        }
        assert all(error.message.startswith(f"{call} returned {type(answer).__name__}, not a mapping") for error in report.errors)


def test_districts_that_were_not_asked_for_are_dropped_and_reported() -> None:
    """What an answer has beyond the districts asked for is not stored, and a finding says so; a key that is no district as well. [P5, P7, R3.4]"""

    class Generous(ScriptedBatch):
        def collect_many(self, on: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
            return dict.fromkeys([*districts, "C", "../D", "", 5], 1)  # type: ignore[list-item] # a wrong key on purpose

    store = MemorySnapshotStore()
    report = collect(Generous(), store, ask(1, "A", "B"))
    assert report.status is BackfillStatus.COMPLETE
    assert stored(store) == {day(0): ("A", "B")}
    assert sorted((found.kind, found.district) for found in report.findings if found.district) == [("unasked_district", "C")]
    assert sorted(found.kind for found in report.findings) == ["invalid_district"] * 3 + ["unasked_district"]
    assert store.read(day(0)).metadata.findings == report.findings


def test_one_call_that_returns_nothing_for_a_district_fails_it() -> None:
    """A district that collect_many leaves out failed; one that collect_all leaves out was not published. [R6.2, R3.4]"""
    script = {(day(0), "A"): 1}
    many = collect(ScriptedBatch(script), MemorySnapshotStore(), ask(1, "A", "B"))
    assert [(error.district_id, error.kind) for error in many.errors] == [("B", "returned_nothing")]
    every = collect(ScriptedSystemWide(script), MemorySnapshotStore(), ask(1, "A", "B", detail="summary"))
    assert (every.progress.unavailable, every.errors) == (1, ())


LISTS: Mapping[str, object] = {
    "nothing": None, "a text": "AB", "bytes": b"AB", "a mapping": {"A": 1}, "a set": {"A"}, "numbers": [61], "a path": ["../x"],
    "one file": ["a", "A"], "nothing within": [None], "hostile": Hostile(),
}  # fmt: skip


@pytest.mark.parametrize("answer", LISTS.values(), ids=LISTS)
def test_a_list_that_is_none_fails_its_day(answer: object) -> None:
    """A day whose list of districts is no list of districts failed in stage list, as one unit; the other days go on. [R6.1, R6.2]"""

    class Wrong(ScriptedCatalog):
        def list_districts(self, on: date, fetch: Fetch, /) -> Sequence[str]:
            return answer if on == day(0) else ("A",)  # type: ignore[return-value] # a wrong type on purpose

    store = MemorySnapshotStore()
    report = collect(Wrong(), store, ask(2))
    (error,) = report.errors
    assert (error.day, error.district_id, error.stage) == (day(0), None, "list")
    assert stored(store) == {day(1): ("A",)}
    assert report.progress.total == 2


def test_summaries_that_are_wrong_are_a_finding() -> None:
    """A day whose summaries are nonsense is stored without them, and says so. [R6.1]"""
    for answer in (None, {"all": None}, {"../x": Collected(1)}, {"all": Collected(1, findings=[Finding("x", "y")]), 5: 6}):

        class Wrong(ScriptedSource):
            def summarize_day(self, on: date, names: Sequence[str], fetch: Fetch, /) -> Mapping[str, Collected]:
                return answer  # type: ignore[return-value] # noqa: B023 - used at once

        store = MemorySnapshotStore()
        report = collect(Wrong(), store, ask(1, "A"))
        assert (report.status, [found.kind for found in report.findings]) == ("complete", ["summary_failed"])
        assert stored(store) == {day(0): ("A",)}


@pytest.fixture(autouse=True)
def _quiet(request: pytest.FixtureRequest) -> None:
    """Keep the tracebacks of made-up bugs out of the output of a failing test, unless it looks at the log."""
    if "caplog" not in request.fixturenames:
        request.getfixturevalue("caplog").set_level(logging.CRITICAL, "backfill")
