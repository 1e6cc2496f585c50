"""A refresh: the newest day, stored as a backfill of that day would store it, and beside a running one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import NoReturn, cast

import pytest

from backfill import BackfillRequest
from backfill.errors import (
    DataUnavailable,
    InvalidRequest,
    PermanentSourceError,
    StoreError,
    StoreUnavailable,
    TransientSourceError,
)
from backfill.jsonvalues import JsonValue, loads
from backfill.scopes import FixedScope
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing.dashboard import DashboardServer, Fault
from tm_calendar_cases import DAY, on
from tm_serving import (
    CLUBS,
    SUMMARY,
    Files,
    backfilling,
    clock_at,
    opened,
    published_daily,
    ran,
    refreshing,
    sent,
    serving,
    whole,
)

TODAY, YESTERDAY = "2023-01-19", "2023-01-18"

FILES = whole("2023-01", YESTERDAY)


def daily(first: str, last: str) -> Files:
    """Return summaries of January 2023 for each day."""
    files: Files = {}
    for number in range((on(last) - on(first)).days + 1):
        files |= whole("2023-01", str(on(first) + number * DAY), full=[])
    return files


# --- which day ---------------------------------------------------------------------------------------------------------------


def test_the_newest_day_is_yesterday() -> None:
    """A refresh collects yesterday, all districts in summary by one request, with the ranking beside them. [R3.2, R3.5, R5.3]"""
    store = MemorySnapshotStore()
    with serving(FILES, TODAY) as server, refreshing(server, TODAY) as service:
        info = service.refresh(store)
        assert (info.day, info.status, info.stored, info.districts) == (on(YESTERDAY), "success", ("61", "F"), ("61", "F"))
        assert sent(server) == {f"{SUMMARY}~2023-01-31~{YESTERDAY}": 1}
        ranked = cast("dict[str, JsonValue]", store.read(on(YESTERDAY)).summary("all-districts-rankings"))
        assert len(cast("list[JsonValue]", ranked["rankings"])) == 2


def test_named_districts_are_refreshed_in_full() -> None:
    """With districts named a refresh collects these, in full. [R3.5, R5.4]"""
    store = MemorySnapshotStore()
    with serving(FILES, TODAY) as server, refreshing(server, TODAY) as service:
        info = service.refresh(store, ["District 61"])
        assert (info.stored, store.entries(info.day)["61"].detail) == (("61",), "full")
        assert not [name for name in sent(server) if "~F~" in name]


@pytest.mark.parametrize("back", [0, 1, 2, 3])
def test_stepping_back(back: int) -> None:
    """Where nothing is there yet, up to three days before are tried, each as any day is: two requests for a day without rows. [R6.5, R11.5]"""
    newest = on(YESTERDAY) - back * DAY
    store = MemorySnapshotStore()
    with serving(daily("2023-01-12", str(newest)), TODAY) as server, refreshing(server, TODAY) as service:
        assert service.refresh(store).day == newest
        assert list(store.days()) == [newest]
        in_vain = {f"{SUMMARY}~2023-01-31~{on(YESTERDAY) - number * DAY}": 2 for number in range(back)}
        assert sent(server) == {**in_vain, f"{SUMMARY}~2023-01-31~{newest}": 1}


def test_nothing_of_four_days() -> None:
    """Where none of the newest four days has anything, that is said, and nothing is stored. [R6.2]"""
    store = MemorySnapshotStore()
    with serving(daily("2023-01-12", "2023-01-14"), TODAY) as server, refreshing(server, TODAY) as service:
        with pytest.raises(DataUnavailable, match="2023-01-18, 2023-01-17, 2023-01-16, 2023-01-15"):
            service.refresh(store)
        assert list(store.days()) == []


@pytest.mark.parametrize("named", [["77"], ["77", "78"]])
def test_a_district_that_the_newest_day_lacks_is_not_looked_for_in_older_ones(named: list[str]) -> None:
    """The newest day that has figures is the newest day, whichever districts it lists: those that it lacks are named. [R3.5, R6.2]"""
    files = whole("2023-01", "2023-01-17") | whole("2023-01", "2023-01-16", ["61", *named])
    store = MemorySnapshotStore()
    with serving(files, TODAY) as server, refreshing(server, TODAY) as service:
        with pytest.raises(DataUnavailable, match=f"2023-01-17, the newest day .* none of {', '.join(named)}: it lists 61, F;"):
            service.refresh(store, named)
        assert list(store.days()) == []
        assert set(sent(server)) == {f"{SUMMARY}~2023-01-31~2023-01-18", f"{SUMMARY}~2023-01-31~2023-01-17"}
        assert service.refresh(store, [*named, "61"]).stored == ("61",), "what is there is stored"


def test_while_a_month_is_closing() -> None:
    """While a month is closing the newest figures are of its last day, and stored there; on the day after its close they are of that day again. [R11.5, B10]"""
    files, spans = published_daily(m2027_10=("2027-10-28", "2027-11-03"), m2027_11=("2027-11-04", "2027-11-12"))
    store = MemorySnapshotStore()
    days: list[tuple[str, str]] = []
    for today in ("2027-10-31", "2027-11-02", "2027-11-04", "2027-11-05", "2027-11-06"):
        with serving(files, today, opened=spans) as server, refreshing(server, today) as service:
            day = service.refresh(store).day
            days.append((str(day), str(store.entries(day)["61"].as_of)))
    assert days == [
        ("2027-10-30", "2027-10-30"),
        ("2027-10-31", "2027-11-01"),
        ("2027-10-31", "2027-11-03"),
        ("2027-11-04", "2027-11-04"),
        ("2027-11-05", "2027-11-05"),
    ]
    assert store.read(on("2027-10-31")).metadata.as_of == on("2027-11-03")


def test_in_july_the_newest_day_is_that_of_june() -> None:
    """In July, while June is closing, the newest figures are June's, of the program year that has ended; with July they are the new year's (pitfall 8). [R11.5, B10]"""
    files, spans = published_daily(m2028_06=("2028-06-28", "2028-07-19"), m2028_07=("2028-08-01", "2028-08-12"), m2028_08=None)
    store = MemorySnapshotStore()
    days: list[tuple[str, str]] = []
    for today in ("2028-07-10", "2028-07-22", "2028-08-03"):
        with serving(files, today, opened=spans) as server, refreshing(server, today) as service:
            day = service.refresh(store).day
            days.append((str(day), str(store.entries(day)["61"].as_of)))
    assert days == [("2028-06-30", "2028-07-09"), ("2028-06-30", "2028-07-19"), ("2028-07-31", "2028-08-02")]


# --- what is stored ----------------------------------------------------------------------------------------------------------


def contents(day: Path) -> dict[str, bytes]:
    """Return the files of a stored day."""
    return {path.name: path.read_bytes() for path in sorted(day.iterdir())}


def differing(one: bytes, other: bytes) -> set[str]:
    """Return the keys under which two JSON objects differ, with those of the objects in lists below them."""

    def walk(left: JsonValue, right: JsonValue, at: str) -> set[str]:
        if isinstance(left, dict) and isinstance(right, dict):
            assert [*left] == [*right]
            return {key for name in left for key in walk(left[name], right[name], name)}
        if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
            return {key for pair in zip(left, right, strict=True) for key in walk(*pair, at)}
        return set() if left == right else {at}

    return walk(loads(one), loads(other), "")


@pytest.mark.parametrize("districts", [None, ["61"], ["61", "F"]])
def test_p4_a_refresh_stores_what_a_backfill_stores(districts: list[str] | None, tmp_path: Path) -> None:
    """Pitfall 32: district files and rankings of a refresh and of a backfill of the same day are equal byte for byte; metadata and manifest differ in the operation and its job alone. [P4, R3.5, R11.3, R11.4]"""
    stores = [PerDistrictFileSnapshotStore(tmp_path / name, clock=clock_at(TODAY)) for name in ("refreshed", "backfilled")]
    with serving(FILES, TODAY) as server:
        with refreshing(server, TODAY) as service:
            service.refresh(stores[0], districts)
        with backfilling(server, TODAY, store=stores[1]) as backfill:
            ran(backfill, YESTERDAY, districts=districts)
    refreshed, backfilled = (contents(store.root / YESTERDAY) for store in stores)
    assert [*refreshed] == [*backfilled]
    assert {name for name in refreshed if refreshed[name] != backfilled[name]} == {"manifest.json", "metadata.json"}
    assert differing(refreshed["metadata.json"], backfilled["metadata.json"]) == {"operation", "job"}
    assert differing(refreshed["manifest.json"], backfilled["manifest.json"]) == {
        "backfillJobId",
        "sha256",
        "size",
    }  # of the metadata
    operations = [store.read(on(YESTERDAY)).metadata.operations for store in stores]
    assert [operation["operation"] for (operation,) in operations] == ["refresh", "backfill"]


def test_p4_each_reads_what_the_other_stored(tmp_path: Path) -> None:
    """What a backfill stored a refresh of the day reads and leaves as it is, byte for byte, and the other way round; both operations stand in the metadata. [P4, R11.3, R11.4]"""
    store = PerDistrictFileSnapshotStore(tmp_path, clock=clock_at(TODAY))
    with serving(FILES, TODAY) as server, refreshing(server, TODAY) as service:
        with backfilling(server, TODAY, store=store) as backfill:
            ran(backfill, YESTERDAY, districts=["61"])
            first = contents(tmp_path / YESTERDAY)
            info = service.refresh(store, ["61", "F"])
            assert (info.stored, info.kept, info.districts) == (("F",), ("61",), ("61", "F"))
            assert contents(tmp_path / YESTERDAY)["district_61.json"] == first["district_61.json"]
            ran(backfill, YESTERDAY, districts=["61", "F"], skip_existing=False)
        assert [operation["operation"] for operation in store.read(on(YESTERDAY)).metadata.operations] == [
            "backfill",
            "refresh",
            "backfill",
        ]
        assert service.refresh(store, ["61", "F"]).stored == ()


def test_a_summary_refresh_keeps_what_is_stored_in_full() -> None:
    """A refresh of all districts in summary takes nothing from a district that is stored in full (pitfall 22). [R5.4, R11.3]"""
    store = MemorySnapshotStore()
    with serving(FILES, TODAY) as server, refreshing(server, TODAY) as service:
        service.refresh(store, ["61"])
        info = service.refresh(store)
        assert (info.stored, info.kept) == (("F",), ("61",))
        assert {name: header.detail for name, header in store.entries(info.day).items()} == {"61": "full", "F": "summary"}


def test_a_scope_bounds_a_refresh(tmp_path: Path) -> None:
    """Pitfall 15: with a scope nothing outside it is stored, whichever districts the day has; a district outside it is refused. [P7, R7.3]"""
    store = MemorySnapshotStore()
    with serving(FILES, TODAY) as server, refreshing(server, TODAY) as service:
        assert service.refresh(store, scope=FixedScope(["F"])).districts == ("F",)
        with pytest.raises(InvalidRequest):
            service.refresh(store, ["61"], scope=FixedScope(["F"]))
        with opened(tmp_path, server, TODAY) as folder:
            folder.configuration.set_districts(["F"])
            assert folder.refresh().districts == ("F",)
            folder.configuration.clear()
            assert folder.refresh().districts == ("61", "F")
            assert folder.refresh(["61"]).stored == ("61",)


# --- what fails --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("districts", [None, ["61"]])
@pytest.mark.parametrize(("fault", "kind"), [(Fault.error_page(), "not_csv"), (Fault.stale_month(), "wrong_period")])
def test_a_day_that_cannot_be_had_is_no_day_without_figures(fault: Fault, kind: str, districts: list[str] | None) -> None:
    """Where yesterday's answer cannot be believed, that is raised, and no older day is taken for the newest; nothing is stored. [R6.2, R6.5]"""
    store = MemorySnapshotStore()
    files = daily("2023-01-12", YESTERDAY) | whole("2022-12", "2023-01-10")
    with serving(files, TODAY) as server, refreshing(server, TODAY) as service:
        server.fail(fault, report=SUMMARY, as_of=YESTERDAY)
        with pytest.raises(TransientSourceError) as caught:
            service.refresh(store, districts)
        assert (caught.value.kind, caught.value.attempts) == (kind, 2)
        assert list(store.days()) == []
        assert {name.rpartition("~")[2] for name in sent(server)} == {YESTERDAY}


def test_a_district_that_fails_stops_no_other() -> None:
    """A district that fails is told in the metadata, and the others are stored; where all fail, the failure is raised. [R6.1, R6.3]"""
    store = MemorySnapshotStore()
    with serving(FILES, TODAY) as server, refreshing(server, TODAY) as service:
        server.fail(Fault.status(403), report=CLUBS, district="61")
        info = service.refresh(store, ["61", "F"])
        assert (info.status, info.stored, info.missing) == ("partial", ("F",), ("61",))
        with pytest.raises(PermanentSourceError) as caught:
            service.refresh(store, ["61"])
        assert caught.value.kind == "http_403"


class Broken(MemorySnapshotStore):
    """A store that cannot be written, from the beginning or when a record comes."""

    def __init__(self, error: Exception, *, at_first: bool) -> None:
        super().__init__()
        self._error, self._at_first = error, at_first

    def check_writable(self) -> None:
        """Fail, or not."""
        if self._at_first:
            raise self._error

    def begin(self, day: date, /, *, job_id: str) -> NoReturn:
        """Fail as well."""
        raise self._error


@pytest.mark.parametrize("at_first", [True, False])
@pytest.mark.parametrize("error", [StoreUnavailable("full"), StoreError("broken")])
def test_a_store_that_cannot_be_written(error: StoreError, at_first: bool) -> None:
    """A store that cannot be written is told as what it is, and not as a day without figures. [R6.2]"""
    with serving(FILES, TODAY) as server, refreshing(server, TODAY) as service, pytest.raises(StoreError):
        service.refresh(Broken(error, at_first=at_first))


# --- beside a backfill -------------------------------------------------------------------------------------------------------


def test_beside_a_running_backfill_of_the_same_day(tmp_path: Path) -> None:
    """A refresh of the day that a backfill is at work on waits for nobody and takes nothing away: both are stored, in one snapshot (pitfall 22). [R11.2, R5.4]"""
    store = PerDistrictFileSnapshotStore(tmp_path, clock=clock_at(TODAY))
    gate = threading.Event()
    with serving(FILES, TODAY) as server, refreshing(server, TODAY) as service:
        held = server.fail(Fault.hold(gate), report=CLUBS, district="61", times=1)
        with backfilling(server, TODAY, store=store) as backfill:
            job = backfill.initiate_backfill(BackfillRequest(YESTERDAY, target_districts=["61"]))
            assert server.wait_for_requests(2)
            assert held.hits == 1
            assert service.refresh(store, ["F"]).stored == ("F",)
            assert not job.report().status.is_final
            gate.set()
            assert job.wait(60).status == "complete"
        metadata = store.read(on(YESTERDAY)).metadata
        assert metadata.districts == ("61", "F")
        assert [operation["operation"] for operation in metadata.operations] == ["refresh", "backfill"]
        assert contents(tmp_path / YESTERDAY).keys() >= {"district_61.json", "district_F.json", "all-districts-rankings.json"}


def test_many_at_once(tmp_path: Path) -> None:
    """Refreshes and backfills of one day from several threads leave one snapshot with every district, and a file of each. [R11.2, R5.2]"""
    names = [f"{number:02d}" for number in range(1, 7)]
    store = PerDistrictFileSnapshotStore(tmp_path)

    def work(server: DashboardServer, number: int) -> None:
        if number % 2:
            with backfilling(server, TODAY, store=store) as backfill:
                ran(backfill, YESTERDAY, districts=[names[number]]).raise_for_failures()
        else:
            with refreshing(server, TODAY) as service:
                service.refresh(store, [names[number]])

    with serving(whole("2023-01", YESTERDAY, names), TODAY) as server, ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(work, [server] * len(names), range(len(names))))
    snapshot = store.read(on(YESTERDAY))
    assert snapshot.districts == tuple(names)
    assert [snapshot.district(name).district_id for name in names] == names
    assert len(snapshot.metadata.operations) == len(names)
