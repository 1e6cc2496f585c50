"""Figures over time, two days compared, findings listed, days forgotten."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from backfill import BackfillRequest, BackfillService, InvalidRequest, function_source
from backfill.errors import DamagedFile, SnapshotNotFound, StoreUnavailable
from backfill.fetching import RawArchive
from backfill.history.cache import HistoryCache
from backfill.history.reading import scalars
from backfill.jobstores import MemoryJobStore
from backfill.model import DistrictRecord, JobSpec
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.stores._snapshot import FileSnapshot
from backfill.toastmasters import DashboardService
from raining import rain
from tm_serving import counts
from trust_roots import DAY, END, blob_of, edited, file_of, over, stored

JANUARY, FEBRUARY = date(2023, 1, 31), date(2023, 2, 28)


def test_a_history_has_a_row_for_each_day_and_district(root: Path) -> None:
    """Figures stand under their paths, beside the day, the district, the as-of and the detail. [B9]"""
    with over(root) as service:
        table = service.history(fields=["totals.totalPayments", "totals.totalMembership"])
        assert table.names == ("day", "district", "as_of", "detail", "totals.totalPayments", "totals.totalMembership")
        assert [row[:4] for row in table.rows()][:3] == [
            (JANUARY, "61", date(2023, 2, 8), "full"), (JANUARY, "F", date(2023, 2, 8), "full"), (JANUARY, "U", date(2023, 2, 8), "summary"),
        ]  # fmt: skip
        assert [None if value is None else type(value) for value in table["totals.totalMembership"]] == [int, int, None] * 2
        chosen = service.history(["f"], ["totals.totalPayments"], FEBRUARY)
        record = service.store.read(FEBRUARY).district("F")
        assert list(chosen.rows()) == [(FEBRUARY, "F", date(2023, 3, 9), "full", record.data["totals"]["totalPayments"])]  # type: ignore[index,call-overload] # its form
        assert "districtId" in service.history().names
        with pytest.raises(InvalidRequest, match=r"totals\.totalMembership"):
            service.history(fields=["totals.members"])
        assert len(service.history(start="2024-01-01", fields=["anything"])) == 0


class Counted:
    """Counts how often a district's file is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.opened: list[str] = []
        real = FileSnapshot.district

        def district(snapshot: FileSnapshot, name: str) -> DistrictRecord:
            self.opened.append(f"{snapshot.day} {name}")
            return real(snapshot, name)

        monkeypatch.setattr(FileSnapshot, "district", district)


def test_only_what_has_changed_is_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second history, of another process as well, opens no file; after a change, those that changed. [B9]"""
    opened = Counted(monkeypatch)
    with over(root) as service:
        first = service.history()
        assert len(opened.opened) == 6
        assert service.history() == first
    with over(root) as service:
        assert service.history() == first
        assert len(opened.opened) == 6
        record = service.store.read(JANUARY).district("U")
        opened.opened.clear()
        with service.store.begin(JANUARY, job_id="test") as draft:
            from attrs import evolve  # noqa: PLC0415 - used here only

            from backfill.model import Contribution  # noqa: PLC0415 - used here only

            draft.put(evolve(record, data={**record.data, "note": "new"}))  # type: ignore[dict-item] # an object
            draft.commit(Contribution(JANUARY, "test", "", "targeted", "toastmasters", datetime.now(UTC), ("U",)))
        assert service.history()["note"] == [None, None, "new", None, None, None]
        assert opened.opened == [f"{DAY} U"]


@pytest.mark.parametrize("content", [b"not a database", None])
def test_a_cache_that_cannot_be_used_changes_nothing(root: Path, content: bytes | None) -> None:
    """A damaged cache, or a folder in its place, costs time and no figure. [B2]"""
    with over(root) as service:
        expected = service.history()
    path = root / "history.sqlite3"
    path.unlink()
    path.mkdir() if content is None else path.write_bytes(content)
    with over(root) as service:
        assert service.history() == expected


def test_a_cache_of_another_version_is_made_anew(root: Path) -> None:
    """What another release has kept is dropped. [B2]"""
    with sqlite3.connect(root / "history.sqlite3") as connection:
        connection.executescript("CREATE TABLE days (x); PRAGMA user_version = 99;")
    connection.close()
    with over(root) as service:
        assert len(service.history()) == 6
    assert len(HistoryCache(root / "history.sqlite3").load(JANUARY, FEBRUARY)) == 2


def test_what_is_damaged_is_left_out_with_a_warning(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One damaged record, or day, does not stop a history of years. [R6.1]"""
    file_of(root).write_bytes(b"{}")
    file_of(root, "manifest.json", END).write_bytes(b"{}")
    with over(root) as service:
        table = service.history()
    assert list(zip(table["day"], table["district"], strict=True)) == [(JANUARY, "F"), (JANUARY, "U")]
    assert len([record for record in caplog.records if record.name == "backfill.history"]) == 2


@pytest.mark.parametrize("name", ["metadata.json", "manifest.json"])
def test_a_day_that_cannot_be_read_stops_neither_history_nor_findings(
    root: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """A day of which only the metadata, or the manifest, are gone is left out of the one, and told by the other. [R6.1]"""
    file_of(root, name).unlink()
    with over(root) as service:
        assert set(service.history()["day"]) == {FEBRUARY}
        assert [record.name for record in caplog.records].count("backfill.history") == 1
        assert [(one.kind, one.day) for one in service.findings()] == [("damaged_day", JANUARY)]
        assert len(service.history(start=DAY, end=DAY)) == 0


def test_any_source_has_a_history(raining: BackfillService) -> None:
    """Every figure that is not in a list has a column, whatever the source calls it; also twice. [R10.5, B9]"""
    for _ in range(2):
        table = raining.history(["south"])
        assert table.names == ("day", "district", "as_of", "detail", "mm", "by.hour.max")
        assert list(table["mm"]) == [29, 30, 31]
    assert dict(scalars(3)) == {"value": 3}


@function_source("namesake")
def namesake(day: date, district: str, fetch: Fetch) -> object:
    """Return figures that are called as a history's own columns are."""
    return {"day": day.day * 10, "detail": "mine", "mm": 1, "figure": {"day": 3, "figure": {"day": 4}, "mm": 5}}


def test_a_figure_called_as_a_column_of_every_history_stands_beside_it() -> None:
    """No column hides another one, whatever figures are called, and one that is asked for twice is there once. [B9]"""
    with BackfillService(namesake, MemorySnapshotStore()) as service:
        service.run_backfill(BackfillRequest("2024-01-01", "2024-01-02", ["a"]), progress=False)
        table = service.history()
        assert len(set(table.names)) == len(table.names) == 10
        values = dict(zip(table.names, next(iter(table.rows())), strict=True))
        assert (values["day"], values["detail"]) == (date(2024, 1, 1), "full")
        assert (values["figure.day"], values["figure.detail"], values["figure.mm"]) == (10, "mine", 5)
        assert (values["figure.figure.day"], values["figure.figure.figure.day"]) == (3, 4)
        chosen = service.history(fields=["mm", "figure.day", "mm"])
        assert chosen.names == ("day", "district", "as_of", "detail", "mm", "figure.day")
        assert list(chosen["figure.day"]) == [10, 20]
        with pytest.raises(InvalidRequest, match=r"figure\.day"):
            service.history(fields=["day"])
        assert service.history(["none"], ["mm", "mm"]).names == ("day", "district", "as_of", "detail", "mm")


def test_two_days_are_compared(root: Path) -> None:
    """Districts that came, went and changed are told, with the places in which they did. (Pitfall 39.) [B4]"""
    with over(root) as service:
        found = service.diff(DAY, END)
        assert (found.added, found.removed, found.same) == ((), (), ())
        assert set(found.changed) == {"61", "F", "U"}
        paths = [place.path for place in found.changed["61"]]
        assert "totals.totalPayments" in paths
        assert "snapshotDate" not in paths
        assert set(found.table()["district"]) == {"61", "F", "U"}
        with pytest.raises(InvalidRequest, match="the same day"):
            service.diff(DAY, JANUARY)
        assert set(service.diff(DAY, END, districts=["61"]).changed) == {"61"}
        with pytest.raises(SnapshotNotFound):
            service.diff(DAY, "2023-03-31")
        file_of(root).write_bytes(b"{}")
        with pytest.raises(DamagedFile):
            service.diff(DAY, END)


def test_districts_that_came_and_went_are_told(raining: BackfillService) -> None:
    """A district that one of the days lacks is new, or gone. [B4]"""
    raining.run_backfill(BackfillRequest("2024-01-31", target_districts=["east"]), progress=False)
    assert raining.diff("2024-01-30", "2024-01-31").added == ("east",)
    assert raining.diff("2024-01-31", "2024-01-30").removed == ("east",)


def test_findings_are_listed(root: Path) -> None:
    """What was found stands in the days' metadata, and is listed by day, district and kind; a damaged day is one. [R5.5]"""

    def note(held: dict[str, object]) -> None:
        held["findings"] = [
            {"kind": "same_rows", "message": "m", "day": None, "district": "F"},
            {"kind": "odd", "message": "n", "day": DAY, "district": None},
        ]

    import hashlib  # noqa: PLC0415 - used here only

    content = edited(file_of(root, "metadata.json"), note)

    def agree(held: dict[str, object]) -> None:
        held["metadata"] = {"fileName": "metadata.json", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}

    edited(file_of(root, "manifest.json"), agree)
    with over(root) as service:
        found = list(service.findings(end=JANUARY))
        assert [(one.kind, one.day, one.district) for one in found] == [("same_rows", JANUARY, "F"), ("odd", JANUARY, None)]
        assert [one.kind for one in service.findings(DAY, DAY, districts=["f"])] == ["same_rows"]
        assert [one.kind for one in service.findings(DAY, DAY, kinds=["odd"])] == ["odd"]
        file_of(root, "manifest.json").write_bytes(b"{}")
        assert [one.kind for one in service.findings(DAY, DAY)] == ["damaged_day"]


def test_a_figure_that_should_only_grow_and_does_not_is_found(root: Path) -> None:
    """Payments of a program year that decrease are told, whichever day was collected first; members may. (Pitfall 28.) [R5.5]"""
    with over(root) as service:
        assert not list(service.findings(kinds=["decrease"]))
        table = service.history(["61"], ["totals.totalPayments"])
        before = table["totals.totalPayments"][0]

        def fewer(held: dict[str, object]) -> None:
            held["data"]["totals"]["totalPayments"] = 1  # type: ignore[index] # the form of a record

        import hashlib  # noqa: PLC0415 - used here only

        content = edited(file_of(root, day=END), fewer)

        def agree(held: dict[str, object]) -> None:
            for entry in held["districts"]:  # type: ignore[attr-defined] # the form of a manifest
                if entry["districtId"] == "61":
                    entry["sha256"], entry["fileSize"] = hashlib.sha256(content).hexdigest(), len(content)

        edited(file_of(root, "manifest.json", END), agree)
        (finding,) = service.findings(kinds=["decrease"])
        assert (finding.day, finding.district) == (FEBRUARY, "61")
        assert finding.message == f"totals.totalPayments is 1, after {before:,} on 2023-01-31"
        assert list(service.findings(END, END)) == [finding]
        (same,) = service.findings(DAY, DAY)
        assert (same.kind, same.day, same.district) == ("decrease", JANUARY, "61")
        assert same.message == f"totals.totalPayments is {before:,}, and 1 on 2023-02-28"
        assert not list(service.findings("2023-02-01", "2023-02-27"))


class Rising:
    """A source whose figure adds up over a year, and once does not."""

    name = "rising"

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return the figure."""
        return {"sum": {24: 10, 25: 8, 26: 12}[day.day]}

    def cumulative_fields(self) -> list[str]:
        """Return the figure's path."""
        return ["sum"]

    def period_of(self, day: date, /) -> str:
        """Return the year."""
        return str(day.year)


@pytest.mark.parametrize("order", ["newest-first", "oldest-first"])
def test_what_the_metadata_of_one_day_say_of_a_decrease_is_found_of_that_day(order: str) -> None:
    """Asked of one day, the findings have what was found when it was published, whichever day came first. [R5.5]"""
    with BackfillService(Rising(), MemorySnapshotStore()) as service:
        service.run_backfill(BackfillRequest("2024-01-24", "2024-01-26", ["a"], order=order), progress=False)
        stored_ones = [finding for day in service.store.days() for finding in service.store.read(day).metadata.findings]
        assert [one.kind for one in stored_ones] == ["decrease"]
        for one in stored_ones:
            assert one.day is not None
            assert [found.message for found in service.findings(one.day, one.day)] == [one.message]
        assert [found.day for found in service.findings()] == [date(2024, 1, 25)]


def test_pruning_keeps_month_ends_and_the_day_before(raining: BackfillService) -> None:
    """By default the last of a month and the day before stay; a dry run tells the same, and removes nothing. (Pitfall 35.) [B4]"""
    dry = raining.prune(dry_run=True)
    assert dry.removed == (date(2024, 1, 29),)
    assert dry.is_dry
    assert len(list(raining.store.days())) == 3
    done = raining.prune()
    assert (done.removed, done.kept, done.needed) == (dry.removed, dry.kept, ())
    assert done.bytes == dry.bytes > 0
    assert list(raining.store.days()) == [date(2024, 1, 30), date(2024, 1, 31)]
    assert raining.prune(keep=lambda _day: False).removed == (date(2024, 1, 30), date(2024, 1, 31))
    raining.run_backfill(BackfillRequest("2024-01-29", target_districts=["north"]), progress=False)
    with pytest.raises(InvalidRequest, match="removed by day"):
        raining.prune(keep=lambda _day: False, archive=True)
    assert list(raining.store.days()) == [date(2024, 1, 29)]


def test_what_a_job_needs_is_never_pruned() -> None:
    """Days in the plan of a job that has not ended stay, whatever the rule says. [R11.2]"""
    jobs, store = MemoryJobStore(), MemorySnapshotStore()
    with BackfillService(rain, store, jobs=jobs) as service:
        request = BackfillRequest("2024-01-02", "2024-01-03", ["north"])
        service.run_backfill(request, progress=False)
        jobs.create(
            JobSpec("waiting", datetime.now(UTC), service.plan(BackfillRequest("2024-01-03", target_districts=["north"])))
        )
        done = service.prune()
        assert done.removed == (date(2024, 1, 2),)
        assert done.needed == (date(2024, 1, 3),)
        jobs.delete("waiting")


def test_what_a_job_needs_that_was_accepted_meanwhile_is_never_pruned() -> None:
    """A job that is accepted while days are removed keeps those of its plan that are still there. [R11.2]"""
    jobs, store = MemoryJobStore(), MemorySnapshotStore()
    with BackfillService(rain, store, jobs=jobs) as service:
        service.run_backfill(BackfillRequest("2024-01-02", "2024-01-04", ["north"]), progress=False)

        def keep(day: date) -> bool:
            if day.day == 3:
                plan = service.plan(BackfillRequest("2024-01-03", "2024-01-04", ["north"]))
                jobs.create(JobSpec("meanwhile", datetime.now(UTC), plan))
            return False

        done = service.prune(keep=keep)
        assert done.removed == (date(2024, 1, 2),)
        assert done.needed == (date(2024, 1, 3), date(2024, 1, 4))
        assert list(store.days()) == list(done.needed)
        jobs.delete("meanwhile")


def test_what_was_pruned_comes_back_unless_the_archive_was_pruned_too(root: Path) -> None:
    """The archive stays, so that a rebuild brings a day back byte for byte; with archive=True it is gone for good. [B4]"""
    before = stored(root)
    with over(root) as service:
        assert isinstance(service, DashboardService)
        assert service.prune(DAY, DAY, keep=lambda _day: False).removed == (JANUARY,)
        assert counts(service.rebuild(DAY).wait(60)) == {"completed": 3}
        assert stored(root) == before
        blob = blob_of(root, "clubperformance~61~2023-01-31~2023-02-08")
        assert blob.exists()
        service.prune(DAY, DAY, keep=lambda _day: False, archive=True)
        assert not blob.exists()
        assert not [name for name in service.archive.names() if "2023-01-31" in name]
        assert service.verify(END).is_proved


def test_a_content_that_another_document_has_stays(tmp_path: Path) -> None:
    """Of two documents with one content, forgetting one leaves the other; an archive without a file has nothing to forget. [B4]"""
    from backfill.model import Document  # noqa: PLC0415 - used here only

    archive = RawArchive(tmp_path)
    archive.discard(["a"])
    assert archive.names() == []
    for name in ("a", "b"):
        archive.put(Document.of("https://x.test", "same", name=name))
    archive.discard(["a"])
    assert archive.names() == ["b"]
    assert archive.get("b") is not None
    archive.close()


def test_an_archive_that_cannot_be_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A content that cannot be removed is an error of the archive. [R6.2]"""
    from backfill.model import Document  # noqa: PLC0415 - used here only

    archive = RawArchive(tmp_path)
    archive.put(Document.of("https://x.test", "text", name="a"))

    def refuse(_path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StoreUnavailable, match="writable"):
        archive.discard(["a"])
    monkeypatch.undo()
    archive.close()


def test_a_store_may_be_compared_with_another(tmp_path: Path, raining: BackfillService) -> None:
    """Two stores, before and after say, are compared day by day. [B4]"""
    from backfill.history.days import diff_days  # noqa: PLC0415 - used here only

    other = PerDistrictFileSnapshotStore(tmp_path)
    with BackfillService(rain, other) as service:
        service.run_backfill(BackfillRequest("2024-01-30", target_districts=["north"]), progress=False)
    found = diff_days(raining.store, date(2024, 1, 30), date(2024, 1, 30), other=other)
    assert (found.same, found.removed) == (("north",), ("south",))
