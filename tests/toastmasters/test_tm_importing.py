"""Folders of raw reports become part of the archive, dated by what stands in them."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from backfill.errors import InvalidRequest
from backfill.fetching import RawArchive
from backfill.toastmasters import DashboardService, importing
from backfill.toastmasters.almanac import Almanac
from backfill.toastmasters.importing import ImportReport, import_reports
from backfill.toastmasters.kinds import ReportKind
from tm_files import export, footer_of
from tm_serving import club_cells, counts, summary_row
from trust_roots import collect, over, stored

AS_OF = "2023-02-08"
REPORTS = {
    "club-performance": ReportKind.CLUBS, "district-performance": ReportKind.DISTRICT, "division-performance": ReportKind.DIVISIONS,
}  # fmt: skip


def report(
    kind: ReportKind, *, as_of: str = AS_OF, district: str = "61", month: str = "Jan", rows: int = 2, first: int = 1
) -> bytes:
    """Return an export."""
    day = date.fromisoformat(as_of)
    if kind is ReportKind.SUMMARY:
        cells = [summary_row(name, as_of) for name in ("61", "F")][:rows]
    else:
        cells = [dict(club_cells(district, number, as_of)[kind]) for number in range(first, first + rows)]
    return export(kind, cells, year=2022, footer=footer_of(month, day))


def cache(root: Path, *, named: str = "2023-01-31", as_of: str = AS_OF, timestamp: int | None = 1_675_900_000_000) -> Path:
    """Return a cache of toast-stats with one day of one district, in a folder *named* after some date."""
    day = root / "raw-csv" / named
    (day / "district-61").mkdir(parents=True)
    (day / "all-districts.csv").write_bytes(report(ReportKind.SUMMARY, as_of=as_of))
    for name, kind in REPORTS.items():
        (day / "district-61" / f"{name}.csv").write_bytes(report(kind, as_of=as_of))
    if timestamp is not None:
        (day / "metadata.json").write_text(json.dumps({"timestamp": timestamp, "isClosingPeriod": False}))
    return root


def imported(folder: Path, archive: Path, almanac: Almanac | None = None, *, today: date = date(2026, 11, 1)) -> ImportReport:
    """Import a folder into an archive."""
    opened = RawArchive(archive)
    try:
        return import_reports(folder, opened, almanac, today=today)
    finally:
        opened.close()


def test_a_cache_of_toast_stats_becomes_snapshots(tmp_path: Path) -> None:
    """What was collected by another system is imported, rebuilt, and proved. (Pitfall 32.) [B4, R11.3]"""
    folder = cache(tmp_path / "cache")
    with over(tmp_path / "root") as service:
        done = service.import_reports(folder)
        assert (done.files, len(done.imported), done.known, done.is_whole) == (4, 4, 0, True)
        assert counts(service.rebuild("2023-01-31").wait(60)) == {"completed": 2}
        entries = service.store.entries(date(2023, 1, 31))
        assert {name: one.detail for name, one in entries.items()} == {"61": "full", "F": "summary"}
        assert service.verify("2023-01-31").is_proved
        record = service.store.read(date(2023, 1, 31)).district("61")
        assert record.collected_at == datetime.fromtimestamp(1_675_900_000, UTC)
        assert {ref.url for ref in record.provenance} == {""}
        again = service.import_reports(folder)
        assert (again.imported, again.known) == ((), 4)


@pytest.mark.parametrize("named", ["2023-03-31", "2022-01-01", "whatever"])
def test_names_say_nothing(tmp_path: Path, named: str) -> None:
    """A folder of another date changes nothing: the footer says of which month and day a report is. (Pitfalls 6, 33, 43.) [B4]"""
    done = imported(cache(tmp_path / "cache", named=named), tmp_path / "raw")
    assert set(done.imported) == {
        "districtsummary~2023-01-31~2023-02-08", "clubperformance~61~2023-01-31~2023-02-08",
        "districtperformance~61~2023-01-31~2023-02-08", "divisionperformance~61~2023-01-31~2023-02-08",
    }  # fmt: skip


def test_copies_that_conflict_are_all_kept(tmp_path: Path) -> None:
    """Two contents of one document are reported with their files; both stay, and the newest is used. (Pitfall 9.) [B3]"""
    for name, rows, when in (("old", 1, 1_675_900_000), ("new", 2, 1_675_990_000)):
        path = tmp_path / "files" / name / "club.csv"
        path.parent.mkdir(parents=True)
        path.write_bytes(report(ReportKind.CLUBS, rows=rows))
        os.utime(path, (when, when))
    done = imported(tmp_path / "files", tmp_path / "raw")
    (conflict,) = done.conflicts
    assert conflict.name == "clubperformance~61~2023-01-31~2023-02-08"
    assert [copy.path for copy in conflict.copies] == ["old/club.csv", "new/club.csv"]
    assert not done.is_whole
    archive = RawArchive(tmp_path / "raw")
    assert len(list(archive.documents(conflict.name))) == 2
    newest = archive.get(conflict.name)
    assert newest is not None
    assert newest.sha256 == conflict.copies[-1].sha256
    archive.close()
    third = tmp_path / "more" / "third.csv"
    third.parent.mkdir()
    third.write_bytes(report(ReportKind.CLUBS, rows=3))
    (later,) = imported(third.parent, tmp_path / "raw").conflicts
    assert len(later.copies) == 3


REFUSED: Mapping[str, tuple[bytes, str]] = {
    "a page": (b"<html>An error has occured</html>", "not_csv"),
    "nothing": (b"", "not_csv"),
    "no footer": (report(ReportKind.CLUBS).rsplit(b"Month", 1)[0], "undated"),
    "the day of a download": (report(ReportKind.CLUBS, as_of="2025-09-13", month="Jun"), "undated"),
    "no rows": (report(ReportKind.SUMMARY, rows=0), "no_rows"),
    "no rows, so no district": (report(ReportKind.CLUBS, rows=0), "wrong_district"),
    "two districts": (
        report(ReportKind.CLUBS, district="61").rsplit(b"Month", 1)[0]
        + report(ReportKind.CLUBS, district="62", first=7).partition(b"\r\n")[2],
        "wrong_district",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_dated_is_refused_by_name(tmp_path: Path, what: str) -> None:
    """Pages, cut files, undatable and empty ones are told with their path and the reason; the others are taken. (Pitfall 13.) [R6.2]"""
    content, kind = REFUSED[what]
    folder = cache(tmp_path / "cache")
    (folder / "odd.CSV").write_bytes(content)
    done = imported(folder, tmp_path / "raw")
    assert [(one.path, one.kind) for one in done.refused] == [("odd.CSV", kind)]
    assert done.refused[0].why
    assert len(done.imported) == 4


def test_files_that_cannot_be_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is too large for a report, or cannot be read at all, stops no other. [R6.1]"""
    folder = cache(tmp_path / "cache")
    monkeypatch.setattr("backfill.toastmasters.importing._MOST_BYTES", 1)
    assert {one.kind for one in imported(folder, tmp_path / "raw").refused} == {"too_large"}
    monkeypatch.undo()

    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert {one.kind for one in imported(folder, tmp_path / "raw2").refused} == {"unreadable"}


@pytest.mark.parametrize("said", ["99999999999999999999", "1e400", "true", "253402300800000"])
def test_a_cache_that_says_no_time_stops_nothing(tmp_path: Path, said: str) -> None:
    """What says when a day was fetched and cannot be, is passed over; the files' own time has to do. [B4, P9]"""
    folder = cache(tmp_path / "cache")
    (folder / "raw-csv" / "2023-01-31" / "metadata.json").write_text(f'{{"timestamp": {said}}}')
    assert (imported(folder, tmp_path / "raw").refused, len(imported(folder, tmp_path / "raw2").imported)) == ((), 4)
    (folder / "raw-csv" / "2023-01-31" / "metadata.json").write_text("[" * 100_000)
    assert len(imported(folder, tmp_path / "raw3").imported) == 4


@pytest.mark.parametrize(
    "error", [OSError("gone"), OverflowError("too large"), ValueError("no time"), RecursionError("too deep")]
)
def test_one_file_of_an_impossible_time_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """A file whose own time cannot be had, or is none, is refused by name; the others are imported. [P9]"""
    folder = cache(tmp_path / "cache", timestamp=None)
    real = importing._fetched_at

    def fetched_at(path: Path) -> datetime:
        if path.name == "all-districts.csv":
            raise error
        return real(path)

    monkeypatch.setattr(importing, "_fetched_at", fetched_at)
    found = imported(folder, tmp_path / "raw")
    assert [(one.path, one.kind) for one in found.refused] == [("raw-csv/2023-01-31/all-districts.csv", "unreadable")]
    assert str(error) in found.refused[0].why
    assert len(found.imported) == 3


def test_what_the_files_tell_of_closes_is_learnt(tmp_path: Path) -> None:
    """A month seen as of a day in a file is known to have been open on it. [B10]"""
    almanac = Almanac()
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "s.csv").write_bytes(report(ReportKind.SUMMARY, as_of="2026-10-06", month="Sep"))
    imported(folder, tmp_path / "raw", almanac)
    assert almanac.calendar.knows(date(2026, 9, 30), date(2026, 10, 6))


def test_what_was_not_learnt_the_first_time_is_learnt_the_second(tmp_path: Path) -> None:
    """An import that was killed between archiving and learning, or a root that lost what it knew, is made good by another import. [B10, B2]"""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "s.csv").write_bytes(report(ReportKind.SUMMARY, as_of="2026-10-06", month="Sep"))
    imported(folder, tmp_path / "raw", Almanac())
    almanac = Almanac()
    assert imported(folder, tmp_path / "raw", almanac).known == 1
    assert almanac.calendar.knows(date(2026, 9, 30), date(2026, 10, 6))


@pytest.mark.parametrize(
    ("month", "as_of"),
    [
        ("Jun", "2023-07-21"),  # closed as of 2023-07-20, as the shipped table has it
        ("Jun", "2025-08-10"),  # its close is not known exactly, but no June was open so long
        ("Aug", "2022-10-10"),
        ("Jan", "2023-01-09"),  # December was still open
        ("Dec", "1999-01-05"),  # before the dashboard
        ("Oct", "2026-11-02"),  # after today
        ("Dec", "2090-01-05"),
        ("Dec", "9999-12-31"),
    ],
)
def test_nothing_is_learnt_from_a_footer_that_cannot_be(tmp_path: Path, month: str, as_of: str) -> None:
    """A file whose footer lies beyond what the calendar allows is kept, told, and not used; closes are known as they were. (Pitfall 10.) [P9]"""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "all.csv").write_bytes(
        report(ReportKind.SUMMARY, as_of="2023-02-08").replace(
            footer_of("Jan", date(2023, 2, 8)).encode(), footer_of(month, date.fromisoformat(as_of)).encode()
        )
    )
    almanac = Almanac()
    found = imported(tmp_path / "in", tmp_path / "raw", almanac)
    assert (found.imported, [one.kind for one in found.refused]) == ((), ["implausible"])
    assert not almanac.calendar.sightings
    archive = RawArchive(tmp_path / "raw")
    assert (archive.names(), len(list(archive.documents(refused=True)))) == ([], 1)
    archive.close()


def test_what_cannot_have_been_is_not_used(tmp_path: Path) -> None:
    """Neither a proof nor a rebuild of what is lost takes a document of an as-of that cannot be; nor is it used when it comes again. [B4, P9]"""
    root, folder = tmp_path / "root", tmp_path / "files"
    collect(root)
    folder.mkdir()
    for kind in (ReportKind.SUMMARY, ReportKind.CLUBS):
        text = report(kind, as_of="2023-02-08")
        late = footer_of("Jan", date(2023, 2, 20)).encode()
        (folder / f"{kind}.csv").write_bytes(text.replace(footer_of("Jan", date(2023, 2, 8)).encode(), late))
    before = stored(root)
    with over(root) as service:
        for _again in range(2):
            done = service.import_reports(folder)
            assert (done.imported, {one.kind for one in done.refused}) == ((), {"implausible"})
            assert not done.is_whole
        assert service.verify("2023-01-31").is_proved
        service.store.delete(date(2023, 1, 31))
        assert counts(service.rebuild("2023-01-31").wait(60)) == {"completed": 3}
    assert stored(root) == before


def test_a_footer_within_the_calendar_teaches(tmp_path: Path) -> None:
    """The last as-of that a month may have, and today, are still believed. [P9]"""
    for month, as_of in (("Oct", "2026-11-01"), ("Sep", "2026-10-18"), ("Jun", "2026-07-31")):
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{month}.csv").write_bytes(
            report(ReportKind.SUMMARY, as_of="2023-02-08").replace(
                footer_of("Jan", date(2023, 2, 8)).encode(), footer_of(month, date.fromisoformat(as_of)).encode()
            )
        )
    almanac = Almanac()
    imported(tmp_path / "in", tmp_path / "raw", almanac)
    assert {date(2026, 9, 30), date(2026, 10, 31)} <= set(almanac.calendar.sightings)


def test_a_file_is_never_older_than_what_it_says(tmp_path: Path) -> None:
    """A wrong time of a file, or of a cache, gives way to the as-of that stands in it. [B3]"""
    folder = cache(tmp_path / "cache", timestamp=1)
    for path in folder.rglob("*.csv"):
        os.utime(path, (0, 0))
    imported(folder, tmp_path / "raw")
    archive = RawArchive(tmp_path / "raw")
    assert {document.fetched_at for document in archive.documents()} == {datetime(2023, 2, 8, tzinfo=UTC)}
    archive.close()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A slip of the pen is no empty import."""
    with pytest.raises(InvalidRequest, match="no such folder"):
        imported(tmp_path / "nowhere", tmp_path / "raw")


SHARED = Path(__file__).parents[3] / "shared" / "data" / "dashboard"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared real files lie beside the checkout, and are not here")
def test_the_real_files_are_imported_and_proved(tmp_path: Path) -> None:
    """Every real report that can be dated becomes part of a snapshot that is proved. [B4, R5.5]"""
    shutil.copytree(SHARED / "2022-2023", tmp_path / "files")
    with over(tmp_path / "root", None) as service:
        assert isinstance(service, DashboardService)
        done = service.import_reports(tmp_path / "files")
        assert (len(done.imported), {one.kind for one in done.refused}, done.conflicts) == (105, {"undated"}, ())
        assert counts(service.rebuild("2023-01-01", "2023-01-31").wait(120)) == {"completed": 128}
        found = service.verify("2022-07-01", "2023-06-30")
        assert found.is_proved
        assert found.same == 128 + 1
