"""A rebuild where something is odd: days that cannot be read, jobs tried again, sources that bring records of their own."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from backfill import BackfillRequest, BackfillService, DistrictRecord, Document, InvalidRequest
from backfill.errors import DataUnavailable
from backfill.fetching import ArchiveFetch, RawArchive
from backfill.fetching.memory import MemoryArchive
from backfill.model import CellState, Edition, EncodedRecord, Method, PlannedDay
from backfill.protocols import Fetch
from backfill.rebuilding.evidence import Catalog, edition_as_of
from backfill.rebuilding.replay import Part, make
from backfill.rebuilding.source import ArchivedSource
from backfill.serialization import encode_record
from backfill.stores import MemorySnapshotStore
from tm_serving import counts
from trust_roots import DAY, END, START, blob_of, file_of, over, stored

JANUARY = date(2023, 1, 31)
FIRST = date(2024, 1, 1)


def test_a_day_that_cannot_be_read_stops_no_other(root: Path) -> None:
    """A damaged manifest fails its own day by name, with the remedy; the other day is made anew. [R6.1, B4]"""
    before = stored(root)
    file_of(root, "manifest.json").write_bytes(b"{}")
    with over(root) as service:
        report = service.rebuild(START, END).wait(60)
    assert counts(report)["completed"] == 3
    assert {error.day for error in report.errors} == {JANUARY}
    assert {(error.district_id, error.kind, error.stage) for error in report.errors} == {
        (name, "damaged_day", "store") for name in ("61", "F", "U")
    }
    assert all("manifest" in error.message and "move the day's folder away" in error.message for error in report.errors)
    assert stored(root) == before
    shutil.move(file_of(root).parent, root / "aside")
    with over(root) as service:
        assert counts(service.rebuild(START).wait(60)) == {"completed": 3}
    assert stored(root) == before


def test_what_failed_in_a_rebuild_is_tried_again_from_the_archive(root: Path, tmp_path: Path) -> None:
    """A retry of a rebuild is a rebuild: once the document is back, the unit is made, and nobody is asked. [R6.6, B4]"""
    blob = blob_of(root, "clubperformance~61~2023-01-31~2023-02-08")
    content = blob.read_bytes()
    blob.unlink()
    with over(root) as service:
        job = service.rebuild(DAY)
        assert counts(job.wait(60)) == {"completed": 2, "failed": 1}
        blob.write_bytes(content)
        retry = service.retry_failed(job.backfill_id)
        assert counts(retry.wait(60)) == {"completed": 1}
        assert service.store.read(JANUARY).metadata.operations[-1]["operation"] == "rebuild"
        assert service.verify(DAY).is_proved


def test_a_rebuild_is_gone_on_with_after_a_restart(root: Path) -> None:
    """A rebuild that was paused is a rebuild when another service goes on with it. [B2, R4.2]"""
    before = stored(root)
    with over(root) as service:
        job = service.rebuild(START, END)
        service.pause_backfill(job.backfill_id)
    with over(root) as service:
        service.resume_backfill(job.backfill_id)
        report = service.get_job(job.backfill_id).wait(60)
        assert counts(report) == {"completed": 6}
        assert service.verify(START, END).is_proved
    assert stored(root) == before


def test_pieces_are_not_asked_for_too_far_ahead(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an executor, so many pieces are under way at most, and what comes of them is the same. [B8]"""
    monkeypatch.setattr("backfill.rebuilding.making.AHEAD", 1)
    monkeypatch.setattr("backfill.rebuilding.making.CHUNK", 1)
    with ThreadPoolExecutor(2) as executor, over(root, None, executor) as service:
        assert service.verify(START, END).same == 8


class Encoding:
    """A source whose records come in their stored form."""

    name = "encoding"

    def __init__(self, district: str = "north") -> None:
        self.district = district

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return a record made elsewhere."""
        document = fetch("https://x.test/a")
        record = DistrictRecord(self.district, day, day, "full", {"n": 1}, document.fetched_at, provenance=(document.ref,))
        return encode_record(record, job_id="")


def with_a() -> MemoryArchive:
    """An archive with one document."""
    archive = MemoryArchive()
    archive.put(Document.of("https://x.test/a", "1"))
    return archive


def test_a_record_in_its_stored_form_is_stored_as_it_is() -> None:
    """A source may bring bytes that are final; of another district they are refused. [R5.5, P4]"""
    store = MemorySnapshotStore()
    with BackfillService(Encoding(), store, fetch=ArchiveFetch(with_a())) as service:
        assert counts(service.run_backfill(BackfillRequest(FIRST, target_districts=["north"]), progress=False)) == {
            "completed": 1
        }
        assert store.read(FIRST).district("north").data == {"n": 1}
        assert counts(service.rebuild(FIRST).wait(60)) == {"completed": 1}
    with BackfillService(Encoding("other"), store, fetch=ArchiveFetch(with_a())) as service:
        report = service.run_backfill(BackfillRequest(FIRST, target_districts=["south"]), progress=False)
        assert [error.kind for error in report.errors] == ["invalid_payload"]


class Nothing:
    """A source that has nothing any more."""

    name = "nothing"

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Say so."""
        fetch("https://x.test/a")
        raise DataUnavailable("nothing was published")


class Lying(Nothing):
    """A source whose copy is no source."""

    def replaying(self, edition: Edition, /) -> object:
        """Return something else."""
        return edition


def part(**options: object) -> Part:
    """A part of one district."""
    archive = with_a()
    document = archive.get("GET https://x.test/a")
    assert document is not None
    return Part(FIRST, FIRST, None, Method.PER_DISTRICT, ("north",), {"north": (document.ref,)} if options.get("pinned") else {})


def test_a_stored_record_does_not_become_unavailable() -> None:
    """Where the rules of today find nothing in the documents of a stored record, that is a failure; of one not stored, it is not there. [R6.2]"""
    made = make(Nothing(), with_a(), part(pinned=True)).records["north"]
    assert not isinstance(made, EncodedRecord)
    assert made.kind == "cannot_be_made"
    assert isinstance(make(Nothing(), with_a(), part()).records["north"], DataUnavailable)


def test_a_copy_that_is_no_source_is_refused() -> None:
    """An ability that lies is told by name. [R10.5]"""
    with pytest.raises(InvalidRequest, match="replaying"):
        make(Lying(), with_a(), part())


def test_the_archive_is_a_source_of_single_districts_too(tmp_path: Path) -> None:
    """One district is had, or its error raised. [R3.4]"""
    planned = PlannedDay(FIRST, FIRST, None, None, Method.TARGETED, ("north",))
    archived = ArchivedSource(Encoding(), with_a(), MemorySnapshotStore(), [planned], Catalog())
    assert archived.name == "encoding"

    def nobody(*_args: object, **_options: object) -> Document:
        raise AssertionError

    assert archived.collect_district(FIRST, "north", nobody) is not None
    empty = ArchivedSource(Nothing(), RawArchive(tmp_path), MemorySnapshotStore(), [planned], Catalog())
    with pytest.raises(Exception, match="the archive holds no"):
        empty.collect_district(FIRST, "north", nobody)


@pytest.mark.parametrize(
    ("own", "of_day", "expected"),
    [((), (), None), ((), (4, 9), 9), ((8,), (4, 9), 9), ((4,), (4, 9), 4), ((3,), (9,), 3), ((9,), (4,), 9)],
)
def test_the_edition_is_the_days_nearest_to_the_districts(
    own: tuple[int, ...], of_day: tuple[int, ...], expected: int | None
) -> None:
    """A district's documents may be some days older than the day's, but no more; then they stand alone. [B10]"""
    as_ofs = {
        "61": tuple(date(2023, 2, number) for number in own),
        None: tuple(date(2023, 2, number) for number in of_day),
    }
    found = edition_as_of({key: days for key, days in as_ofs.items() if days}, "61")
    assert found == (None if expected is None else date(2023, 2, expected))


def test_a_failed_rebuild_changes_nothing_of_what_is_known_of_the_collection(root: Path) -> None:
    """What could not be made anew was collected all the same: once documents and day are gone, it is known what there was. [B4, B5]"""
    contents = root / "raw" / "contents"
    contents.rename(root / "aside")
    with over(root) as service:
        assert counts(service.rebuild(DAY).wait(60)) == {"failed": 3}
        assert service.coverage(DAY, DAY).counts[CellState.FAILED] == 0
    (root / "aside").rename(contents)
    shutil.rmtree(file_of(root).parent)
    with over(root) as service:
        assert service.verify(DAY).absent == (JANUARY,)
        assert service.explain(DAY, "61").standing == "lost"
        assert counts(service.rebuild(DAY).wait(60)) == {"completed": 3}
