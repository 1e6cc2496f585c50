"""Vectors of what is stored: names of folders and files, metadata, manifests, which days a district has, and pruning; see `tm_vectors`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import pytest

from backfill import BackfillRequest, BackfillService, InvalidRequest
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.history.pruning import month_ends
from backfill.jsonvalues import JsonValue
from backfill.model import Frequency
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.samples import contribution, record, store_records
from backfill.toastmasters import RefreshService, RefreshServiceSource
from backfill.toastmasters.calendar import day_of
from backfill.toastmasters.dashboard import date_document, document_name
from backfill.toastmasters.identifiers import normalize_district
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.reports import as_report, read_report
from backfill.toastmasters.rows import ClubRow
from backfill.toastmasters.statistics import district_data
from backfill.toastmasters.years import ProgramYear, month_of, parse_month, program_year
from fetching_doubles import document
from service_doubles import NoDoor, serving
from tm_calendar_cases import edition, on
from tm_vectors import PARTLY, Section, SetAside, Vector, account_for

UTC_DAY = "a store takes days, not moments, which it refuses: the day is the moment's in UTC (contract.md, clock)"
NEWEST = "there is no pointer that could lag behind: the newest is the last day that is stored (domain.md 4, rule 23)"
TWO_DIGITS = "a district's name is the published one, with its zero (contract.md, Normal form of a district)"
SOURCE = "the source is named as the library names it (R11.4)"
NO_REASON = "a day is kept or not: the rule is one function, and gives no reason"
RULE = "which dates to keep besides month-ends, the current program year say, is a rule that the caller passes"
NO_AWARD = "this award is not computed: no requirement asks for it, and a file holds only what follows from its day's documents (contract.md, Files)"


@contextmanager
def file_store() -> Iterator[PerDistrictFileSnapshotStore]:
    """Provide a store on the disk."""
    with TemporaryDirectory() as folder:
        yield PerDistrictFileSnapshotStore(Path(folder) / "snapshots")


def folders(store: PerDistrictFileSnapshotStore) -> list[str]:
    """Return the names of the folders of days."""
    return sorted(path.name for path in store.root.iterdir() if not path.name.startswith("."))


def said(store: PerDistrictFileSnapshotStore, day: date, name: str) -> Vector:
    """Return what a file of a day says."""
    return cast("Vector", json.loads((store.root / day.isoformat() / name).read_bytes()))


def snapshot_naming(vector: Vector) -> None:
    """Folders, files, and the identifiers in them."""
    with file_store() as store:
        if vector["fn"] == "snapshot directory name":
            named(vector["input"], vector["expected"], store)
        elif vector["fn"].startswith("district file"):
            district_file(vector, store)
        elif "districts" in vector:
            described(vector, store)
        else:
            written(vector, store)


def named(text: str, expected: str, store: PerDistrictFileSnapshotStore) -> None:
    """The folder of a moment's day."""
    moment = datetime.fromisoformat(text)
    if len(text) > len("2025-01-07"):
        with pytest.raises(InvalidRequest):
            BackfillRequest(text)
        with pytest.raises(InvalidRequest):
            store.begin(moment, job_id="job")
        PARTLY[UTC_DAY] += 1
    day = VirtualClock(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).today()
    assert store_records(store, record(day=day), day=day).snapshot_id == expected
    assert folders(store) == [expected]


def written(vector: Vector, store: PerDistrictFileSnapshotStore) -> None:
    """A day written once, or again."""
    day, expected = on(vector["dataAsOfDate"]), vector["expected"]
    for members in (vector.get("first_membership"), vector.get("second_membership")):
        data: JsonValue = {"totals": {"totalMembership": members}}
        info = store_records(store, record("61", data, day=day, as_of=day), day=day)
    assert folders(store) == expected.get("directories", [day.isoformat()])
    kept = store.read(day).district("61").data
    assert kept == {"totals": {"totalMembership": expected.get("membership_total")}}
    assert info.snapshot_id == expected.get("snapshot_id", info.snapshot_id)
    metadata = said(store, day, "metadata.json")
    for name in ("snapshotId", "dataAsOfDate"):
        assert metadata[name] == expected.get(f"metadata_{name}", metadata[name])
    if "pointer_snapshot_id" in expected:
        assert list(store.days())[-1].isoformat() == expected["pointer_snapshot_id"]
        PARTLY[NEWEST] += 1


def district_file(vector: Vector, store: PerDistrictFileSnapshotStore) -> None:
    """The file of a district, from its club report."""
    day, district, expected = on(vector["date"]), normalize_district(vector["districtId"]), vector["expected"]
    clubs = as_report(read_report(vector["text"].encode(), ReportKind.CLUBS), ClubRow)
    made = district_data(day, district, clubs, None, None)
    store_records(store, record(district, made.data, day=day), day=day)
    path = store.root.parent / expected["path"].replace("district_1.", "district_01.")
    found = json.loads(path.read_bytes())
    data = found["data"]
    assert found["status"] == expected["wrapper"]["status"]
    for ours, theirs in ((found, expected["wrapper"]), (data, expected["data"])):
        assert ours["districtId"] == district == normalize_district(theirs["districtId"])
    assert normalize_district(found["districtName"]) == normalize_district(expected["wrapper"]["districtName"])
    assert data["snapshotDate"] == expected["data"]["snapshotDate"]
    assert (len(data["clubs"]), len(data["divisions"])) == (expected["data"]["clubs_count"], expected["data"]["divisions_count"])
    PARTLY[TWO_DIGITS] += 1


def described(vector: Vector, store: PerDistrictFileSnapshotStore) -> None:
    """What metadata and manifest say of a day."""
    day, expected = on(vector.get("date", "2024-01-15")), dict(vector["expected"])
    districts = [normalize_district(name) for name in vector["districts"]]
    store_records(store, *(record(name, day=day, as_of=day) for name in districts), day=day)
    if "entry_fields" in expected:
        manifest = said(store, day, "manifest.json")
        fields = set(expected.pop("entry_fields"))
        assert {name: manifest[name] for name in expected} == expected
        assert all(fields <= set(entry) for entry in manifest["districts"])
        return
    metadata = said(store, day, "metadata.json")
    del expected["source"]
    PARTLY[SOURCE] += 1
    assert expected.pop("dataAsOfDate") == "date of the snapshot"
    assert metadata["dataAsOfDate"] == day.isoformat()
    for name, value in expected.items():
        wanted = [normalize_district(one) for one in value] if isinstance(value, list) else value
        assert metadata[name] == wanted
    PARTLY[TWO_DIGITS] += 1


def stored_day(text: str, note: Mapping[str, str] | None) -> tuple[date, date]:
    """Return the day under which an answer of a date is stored, and its as-of."""
    as_of = on(text)
    return (as_of if note is None else day_of(parse_month(note["dataMonth"]), as_of)), as_of


def prune(vector: Vector) -> None:
    """Which days are kept."""
    expected = vector["expected"]
    if vector["fn"] == "classifyDate":
        day, as_of = stored_day(vector["date"], vector["metadata"])
        assert month_ends(day) is expected["keep"]
        assert day.isoformat() == expected.get("snapshotDate", day.isoformat())
        assert (as_of > day) is expected.get("isClosingPeriod", False)
        assert as_of.isoformat() == expected.get("rawCsvDate", day.isoformat())
        assert (day == month_of(day)) is expected.get("isMonthEnd", day == month_of(day))
        PARTLY[NO_REASON] += "reason_contains" in expected
        return
    with pruned_of(vector.get("dates", dict.fromkeys(vector.get("snapshotDates", ())))) as (service, store, archive):
        if vector["fn"] == "classifySnapshotDates":
            keepers, current = {on(text) for text in vector["keeperDates"]}, program_year(on(vector["today"]))
            done = service.prune(keep=lambda day: day in keepers or program_year(day) == current)
            assert [day.isoformat() for day in done.kept] == expected["toKeep"]
            assert [day.isoformat() for day in done.removed] == expected["toDelete"]
            assert list(store.days()) == list(done.kept)
            PARTLY[RULE] += 1
            return
        done = service.prune(dry_run=vector["dryRun"], archive=True)
        assert (len(done.kept), len(done.removed)) == (expected["keptDates"], expected["prunedDates"])
        assert [day.isoformat() for day in done.removed] == expected.get("deletedSnapshots", list(map(str, done.removed)))
        left = [day.isoformat() for day in store.days()]
        assert left == expected.get("remaining", left)
        raw = {dated.as_of.isoformat() for name in archive.names() if (dated := date_document(name)) is not None}
        gone = vector["dates"].keys() - raw
        assert gone == set(expected.get("deletedRawCsv", gone))
        assert len(gone) == expected["prunedDates"]


@contextmanager
def pruned_of(dates: Mapping[str, Mapping[str, str] | None]) -> Iterator[tuple[BackfillService, MemorySnapshotStore, RawArchive]]:
    """Provide a service whose store and archive have what was given out on *dates*."""
    store, clock = MemorySnapshotStore(), VirtualClock()
    with TemporaryDirectory() as folder, closing(RawArchive(folder)) as archive:
        for text, note in dates.items():
            day, as_of = stored_day(text, note)
            store_records(store, record(day=day, as_of=as_of), day=day)
            archive.put(document(text, name=document_name(ReportKind.SUMMARY, None, month_of(day), as_of)))
        with closing(PoliteFetcher(archive=archive, clock=clock)) as door:
            source = RefreshServiceSource(RefreshService(door, clock=clock))
            with serving(source, store, fetch=door, clock=clock) as service:
                yield service, store, archive


def backfill_metadata(vector: Vector) -> None:
    """The program year of a day, the reports of each of its districts, and the size of a backfill of years."""
    expected = vector["expected"]
    refresh = RefreshService(NoDoor(), clock=VirtualClock())
    source = RefreshServiceSource(refresh)
    if vector.get("fn") == "calculateScope":
        first = ProgramYear(2025 - vector["programYears_count"])
        last = ProgramYear(2024)
        with serving(source) as service:
            plan = service.plan(BackfillRequest(first.first_day, last.last_day, frequency=Frequency.MONTH_END))
        collected = [planned for planned in plan.days if planned.gap is None]
        assert len({program_year(planned.day) for planned in collected}) == expected["programYears"]
        assert plan.requests[ReportKind.SUMMARY] == len(collected)
        return
    assert str(program_year(on(vector["date"]))) == expected.get("programYear", str(program_year(on(vector["date"]))))
    reports: dict[str, set[str]] = {}
    for district in vector["districts"]:
        requests = refresh.requests_for(edition(vector["date"]), district)
        reports[district] = {str(one.report) for one in requests if not one.conditional}
    if "csvFiles_districts_keys" in expected:
        assert sorted(reports) == expected["csvFiles_districts_keys"]
        assert reports["09"] == {name.lower() for name, is_there in expected["csvFiles_district_09"].items() if is_there}


def snapshot_index(vector: Vector) -> None:
    """Which days each district has."""
    with file_store() as store:
        for district, there in (vector["index"] or {}).items():
            for text in there:
                store_records(store, record(district, day=on(text)), day=on(text))
        day = on(vector["date"])
        with store.begin(day, job_id="job-2") as draft:
            for district in vector["districts"]:
                draft.put(record(district, "newer", day=day))
            draft.commit(contribution(vector["districts"], day=day, job_id="job-2"))
        found: dict[str, list[str]] = {}
        for one in store.days():
            for district in store.entries(one):
                found.setdefault(district, []).append(one.isoformat())
    assert found == vector["expected"]


def club_strength(vector: Vector) -> None:
    """An award that compares with the year before."""
    raise SetAside(NO_AWARD)


RUN: dict[str, Section] = {
    "snapshot_naming": (snapshot_naming, 15, 0),
    "prune": (prune, 9, 0),
    "backfill_metadata": (backfill_metadata, 3, 0),
    "snapshot_index": (snapshot_index, 4, 0),
    "club_strength": (club_strength, 0, 4),
}


@pytest.mark.parametrize("section", RUN)
def test_vectors_of_what_is_stored(section: str) -> None:
    """Every vector of the section comes out as expected, or is set aside for a reason that is printed; how many are which is fixed. [R5.2, R5.5, R11.3]"""
    account_for(section, RUN[section])
