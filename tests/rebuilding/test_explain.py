"""From a figure to the bytes that it was made from; or why there is no figure."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from backfill import BackfillRequest, BackfillService, DataUnavailable, PermanentSourceError, function_source
from backfill.fetching import ArchiveFetch, RawArchive
from backfill.fetching.memory import MemoryArchive
from backfill.model import Document, Explanation, Kept, Standing
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore
from tm_serving import opened, ran, serving, whole
from trust_roots import DAY, END, TODAY, blob_of, edited, file_of, forget, over


def explained(root: Path, day: str, district: str | None = None, today: str = TODAY) -> Explanation:
    """Explain a figure."""
    with over(root, today) as service:
        return service.explain(day, district)


def test_the_chain_goes_down_to_the_bytes(pristine: Path) -> None:
    """A stored district names each document with its as-of, and the archive has exactly these bytes. [B3]"""
    told = explained(pristine, DAY, "61")
    assert told.standing is Standing.STORED
    assert told.why == "stored in full, as of 2023-02-08"
    assert [one.ref.name.partition("~")[0] for one in told.documents] == [
        "districtsummary", "clubperformance", "districtperformance", "divisionperformance",
    ]  # fmt: skip
    assert {one.as_of for one in told.documents} == {date(2023, 2, 8)}
    assert told.is_provable
    assert repr(told) == "<Explanation 2023-01-31 61: stored in full, as of 2023-02-08; 4 documents, all archived>"
    archive = RawArchive(pristine / "raw")
    for one in told.documents:
        document = archive.get(one.ref.name, sha256=one.ref.sha256)
        assert isinstance(document, Document)
        assert len(document.content) == one.size
    archive.close()
    assert [operation["operation"] for operation in told.operations] == ["backfill", "backfill"]


def test_what_the_archive_lost_is_seen(root: Path) -> None:
    """Documents that are gone, or are something else, are told apart. [B3]"""
    forget(root, "divisionperformance~61~2023-01-31~2023-02-08")
    blob_of(root, "districtperformance~61~2023-01-31~2023-02-08").unlink()
    blob_of(root, "clubperformance~61~2023-01-31~2023-02-08").write_bytes(b"x")
    told = explained(root, DAY, "61")
    assert [one.kept for one in told.documents] == [Kept.THERE, Kept.DAMAGED, Kept.MISSING, Kept.MISSING]
    assert not told.is_provable
    assert repr(told).endswith("4 documents, not all archived>")


def test_the_summaries_of_a_day_are_explained(root: Path) -> None:
    """Without a district, the day's rankings and their document. [B3]"""
    told = explained(root, DAY)
    assert told.why == "stored, 3 districts; summaries: all-districts-rankings"
    assert [one.ref.name for one in told.documents] == ["districtsummary~2023-01-31~2023-02-08"]
    file_of(root, "all-districts-rankings.json").write_bytes(b"{}")
    assert explained(root, DAY).standing is Standing.DAMAGED


def test_damage_is_no_absence(root: Path) -> None:
    """A record, or a day, that cannot be read is told so, with what helps. [B3]"""
    file_of(root).write_bytes(b"{}")
    told = explained(root, DAY, "61")
    assert told.standing is Standing.DAMAGED
    assert "a rebuild of the day" in told.why
    file_of(root, "manifest.json").write_bytes(b"{}")
    assert explained(root, DAY, "61").standing is Standing.DAMAGED


def test_why_there_is_no_figure(tmp_path: Path) -> None:
    """A gap of the calendar, a district that failed or was not published, and one that nobody asked for. [B3, B5]"""
    files = whole("2023-01", "2023-02-08", ("61", "F"), full=("61",))
    with serving(files, TODAY) as server, opened(tmp_path, server, TODAY) as service:
        ran(service, DAY, districts=["61", "F", "U"], retry_failures=False)
        failed = service.explain(DAY, "F")
        assert failed.standing is Standing.FAILED
        assert failed.error is not None
        assert failed.kind == "missing_rows"
        assert "another attempt may help" in failed.why
        assert service.explain(DAY, "U").kind == "unavailable"
        gap = service.explain("2023-02-03", "61")
        assert (gap.standing, gap.kind) == (Standing.UNAVAILABLE, "closing")
        assert service.explain(DAY, "44").standing is Standing.NEVER_TRIED
        ran(service, DAY)
        assert service.explain(DAY, "44").kind == "no_such_district"
        ran(service, "2023-03-31", districts=["61"], retry_failures=False)
        assert service.explain("2023-03-31", "61").standing in {Standing.FAILED, Standing.UNAVAILABLE}
        shutil.rmtree(tmp_path / "snapshots")
        lost = service.explain(DAY, "61")
        assert lost.standing is Standing.LOST
        assert "rebuild" in lost.why
        assert service.explain("2022-12-31", None).why == "no job has tried to collect it"


@function_source("odd")
def odd(day: date, district: str, fetch: Fetch) -> object:
    """Fail for one district, and have nothing of the others."""
    if district == "broken":
        raise PermanentSourceError("cannot be read")
    raise DataUnavailable("nothing was published")


def test_what_was_pruned_with_its_documents_is_told(root: Path) -> None:
    """A day that is not stored any more comes back from the archive as long as it has its documents; else it is collected again. [B3, B4]"""
    with over(root) as service:
        service.prune(DAY, DAY, keep=lambda _day: False)
        for district in ("61", "U", None):
            told = service.explain(DAY, district)
            assert told.standing is Standing.LOST
            assert told.why.endswith("a rebuild makes it anew from the archive")
        assert service.rebuild(DAY).wait(60).status == "complete"
        service.prune(DAY, DAY, keep=lambda _day: False, archive=True)
        for district in ("61", "U", None):
            told = service.explain(DAY, district)
            assert (told.standing, told.documents) == (Standing.LOST, ())
            assert "nor does the archive have its documents any more" in told.why
            assert told.why.endswith("collect it again")
        assert service.explain(END, "61").is_provable


def test_a_day_without_its_manifest_is_no_absence(root: Path) -> None:
    """Files that nothing describes are damage: a rebuild would not store over them, and it is not said to. [B3]"""
    file_of(root, "manifest.json").unlink()
    with over(root) as service:
        for district in ("61", None):
            told = service.explain(DAY, district)
            assert told.standing is Standing.DAMAGED
            assert "move its folder away" in told.why


def test_an_archive_that_cannot_be_listed_leaves_open_what_comes_back(root: Path) -> None:
    """Nothing is claimed of it, and nothing raised. [B3]"""
    with over(root) as service:
        service.prune(DAY, DAY, keep=lambda _day: False)
    (root / "raw" / "index.sqlite3").write_bytes(b"no database" * 1000)
    with over(root) as service:
        assert "which cannot be read now" in service.explain(DAY, "61").why


def test_the_ledger_tells_what_became_of_days_that_are_not_stored() -> None:
    """Where nothing of a day is stored, the last outcome of the district is what is known. [B3, B5]"""
    with BackfillService(odd, MemorySnapshotStore(), fetch=ArchiveFetch(MemoryArchive())) as service:
        service.run_backfill(BackfillRequest("2024-01-01", target_districts=["broken", "gone"]), progress=False)
        assert service.explain("2024-01-01", "broken").standing is Standing.FAILED
        told = service.explain("2024-01-01", "gone")
        assert (told.standing, told.kind) == (Standing.UNAVAILABLE, "unavailable")
        assert service.explain("2024-01-02", "gone").standing is Standing.NEVER_TRIED


def test_what_is_to_be_completed_is_said(root: Path) -> None:
    """A record that is not settled, or of which a newer summary was seen, says so. [B3, B10]"""

    def loosen(held: dict[str, object]) -> None:
        for entry in held["districts"]:  # type: ignore[attr-defined] # the form of a manifest
            entry["settled"] = False
            if entry["districtId"] == "F":
                entry["staleDetail"] = True

    edited(file_of(root, "manifest.json"), loosen)
    assert explained(root, DAY, "61").why.endswith("; a later run completes it")
    assert explained(root, DAY, "F").why.endswith("; a newer state is known in summary only")


def test_a_day_without_summaries_is_explained() -> None:
    """A source that makes no summaries has none to explain. [B3]"""

    @function_source("plain")
    def plain(day: date, district: str, fetch: Fetch) -> object:
        """Return a figure."""
        return {"n": 1}

    with BackfillService(plain, MemorySnapshotStore(), fetch=ArchiveFetch(MemoryArchive())) as service:
        service.run_backfill(BackfillRequest("2024-01-01", target_districts=["a"]), progress=False)
        told = service.explain("2024-01-01")
        assert told.why == "stored, 1 districts; it has no summaries"
        assert not told.is_provable


def test_an_archive_that_cannot_be_read_leaves_it_unknown(root: Path) -> None:
    """Where the archive's index is no index, nothing is claimed of its documents. [B3]"""
    (root / "raw" / "index.sqlite3").unlink()
    (root / "raw" / "index.sqlite3").mkdir()
    assert {one.kept for one in explained(root, DAY, "61").documents} == {Kept.UNKNOWN}
