"""Snapshots made anew from the archive, without the publisher."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backfill import BackfillRequest, BackfillService, Document, InvalidRequest, function_source
from backfill.fetching import ArchiveFetch, RawArchive
from backfill.fetching.memory import MemoryArchive
from backfill.model import BackfillStatus, DocumentRequest, Edition
from backfill.protocols import DataSource, Fetch
from backfill.scopes import DistrictConfigurationService
from backfill.stores import MemorySnapshotStore
from backfill.testing.fetch import DictFetch
from backfill.toastmasters import source as toastmasters_source
from tm_serving import counts, opened, ran, serving, whole
from trust_roots import DAY, END, START, TODAY, blob_of, file_of, forget, over, stored

PATIENCE = 60.0


def rebuilt(root: Path, start: str = START, end: str = END, **options: object) -> dict[str, int]:
    """Rebuild, and return how many units came to which end."""
    with over(root) as service:
        return counts(service.rebuild(start, end, **options).wait(PATIENCE))  # type: ignore[arg-type] # passed through


def test_a_rebuild_gives_the_same_bytes(root: Path) -> None:
    """Every record and every ranking comes out as it was, and nobody is asked. [B4, R5.5]"""
    before = stored(root)
    assert len(before) == 8
    assert rebuilt(root) == {"completed": 6}
    assert stored(root) == before


def test_what_is_lost_comes_back(root: Path) -> None:
    """A root whose snapshots are gone is made anew from the archive alone, byte for byte. (Pitfall 33.) [B4]"""
    before = stored(root)
    shutil.rmtree(root / "snapshots")
    assert rebuilt(root) == {"completed": 6}
    assert stored(root) == before


@pytest.mark.parametrize("name", ["district_61.json", "district_U.json", "all-districts-rankings.json"])
def test_what_was_edited_or_removed_is_put_right(root: Path, name: str) -> None:
    """A file that is not what was written, or is gone, is what it was after a rebuild. [B4]"""
    before = stored(root)
    file_of(root, name).write_bytes(b"{}")
    file_of(root, name, END).unlink()
    assert rebuilt(root) == {"completed": 6}
    assert stored(root) == before


def test_the_rebuild_is_a_job(root: Path) -> None:
    """It has an identifier, a report and a place in metadata; a day and a district can be chosen. [R4.1, R11.4]"""
    with over(root) as service:
        job = service.rebuild(DAY, districts=["F"])
        report = job.wait(PATIENCE)
        assert report.progress.total == 1
        assert report.status is BackfillStatus.COMPLETE
        assert service.get_job(job.backfill_id).report().snapshot_ids == (DAY,)
        operation = service.store.read(date.fromisoformat(DAY)).metadata.operations[-1]
        assert operation["operation"] == "rebuild"
        assert operation["job"] == job.backfill_id
        entries = service.store.entries(date.fromisoformat(DAY))
        assert [name for name, header in entries.items() if header.job_id == job.backfill_id] == ["F"]


def test_other_processes_give_the_same(root: Path) -> None:
    """With an executor the records are made elsewhere, and come out the same. [B8]"""
    before = stored(root)
    shutil.rmtree(root / "snapshots")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor, over(root, None, executor) as service:
        assert counts(service.rebuild(START, END).wait(PATIENCE)) == {"completed": 6}
        assert service.verify(START, END).is_proved
    assert stored(root) == before


def test_a_missing_document_leaves_the_record_as_it_is(root: Path) -> None:
    """Nothing is made of less than before: the unit fails by name, and the stored record stays. (Pitfall 35.) [B3, P6]"""
    before = stored(root)
    forget(root, "divisionperformance~61~2023-01-31~2023-02-08")
    with over(root) as service:
        report = service.rebuild(DAY).wait(PATIENCE)
    assert counts(report) == {"completed": 2, "failed": 1}
    (error,) = report.errors
    assert (error.district_id, error.kind, error.is_retryable) == ("61", "document_missing", False)
    assert "divisionperformance~61~2023-01-31~2023-02-08" in error.message
    assert stored(root) == before
    with over(root) as service:
        assert service.store.read(date.fromisoformat(DAY)).metadata.status == "success"


def test_what_the_archive_lacks_is_no_proof_that_it_was_not_published(root: Path) -> None:
    """A lost district whose documents are lost as well fails; it does not count as unavailable. [R6.2, B5]"""
    shutil.rmtree(root / "snapshots")
    blob_of(root, "districtsummary~2023-01-31~2023-02-08").unlink()
    blob_of(root, "clubperformance~61~2023-01-31~2023-02-08").unlink()
    with over(root) as service:
        report = service.rebuild(DAY, districts=["61", "F"]).wait(PATIENCE)
    assert {error.district_id: error.kind for error in report.errors} == {"61": "document_missing", "F": "document_missing"}


def test_a_district_whose_day_has_no_summary_is_made_all_the_same(root: Path) -> None:
    """Where the archive never had the day's summary, a district's own reports give its figures, to be completed later. [B4]"""
    shutil.rmtree(root / "snapshots")
    forget(root, "districtsummary~2023-01-31~2023-02-08")
    with over(root) as service:
        report = service.rebuild(DAY).wait(PATIENCE)
        assert counts(report) == {"completed": 2, "failed": 1}
        assert [(error.district_id, error.kind) for error in report.errors] == [("U", "not_archived")]
        assert [found.kind for found in report.findings] == ["summary_failed"]
        header = service.store.entries(date.fromisoformat(DAY))["61"]
        assert (header.detail, header.settled) == ("full", False)
        assert service.verify(DAY).is_proved


def test_what_failed_since_it_was_stored_comes_back_too(root: Path) -> None:
    """The last outcome in the ledger is a failure, of a job that asked again in vain: the archive has it all the same. [B4]"""
    before = stored(root)
    with over(root) as service:
        again = BackfillRequest(DAY, target_districts=["U"], skip_existing=False, enable_caching=False, retry_failures=False)
        assert service.run_backfill(again).progress.failed == 1
        shutil.rmtree(file_of(root).parent)
        assert counts(service.rebuild(DAY).wait(PATIENCE)) == {"completed": 3}
    assert stored(root) == before


def test_a_lost_district_without_its_own_reports_is_made_of_the_summary(root: Path) -> None:
    """The archive gives what it has: a summary, where the club report is gone. [B4]"""
    shutil.rmtree(root / "snapshots")
    forget(root, "clubperformance~61~2023-01-31~2023-02-08")
    assert rebuilt(root, DAY, DAY) == {"completed": 3}
    with over(root) as service:
        details = {name: header.detail for name, header in service.store.entries(date.fromisoformat(DAY)).items()}
    assert details == {"61": "summary", "F": "full", "U": "summary"}


def test_new_rules_give_new_figures(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a rule changes, a rebuild derives everything again by it, settled and up to date as it was. [B4, R5.5]"""
    with over(root) as service:
        before = dict(service.store.entries(date.fromisoformat(DAY)))
    monkeypatch.setattr(toastmasters_source.RefreshServiceSource, "calculation_version", "2.0.0")
    assert rebuilt(root, DAY, DAY) == {"completed": 3}
    with over(root) as service:
        after = service.store.entries(date.fromisoformat(DAY))
        assert service.store.read(date.fromisoformat(DAY)).district("61").calculation_version == "2.0.0"
    assert all(after[name].sha256 != before[name].sha256 for name in before)
    assert [(one.settled, one.as_of, one.method) for one in after.values()] == [
        (one.settled, one.as_of, one.method) for one in before.values()
    ]


def test_a_report_without_rows_is_without_rows_again(tmp_path: Path) -> None:
    """What was refused is refused again for the same reason: a record made without a report is made without it. [B3, B4]"""
    files = whole("2023-01", "2023-02-08", ("61",), full=())
    files |= {key: value for key, value in whole("2023-01", "2023-02-08", ("61",)).items() if key.report != "divisionperformance"}
    with serving(files, TODAY) as server, opened(tmp_path, server, TODAY) as service:
        report = ran(service, DAY, districts=["61"])
        assert counts(report) == {"completed": 1}
        assert "missing_report" in {found.kind for found in report.findings}
    before = stored(tmp_path)
    with over(tmp_path) as service:
        report = service.rebuild(DAY).wait(PATIENCE)
        assert "missing_report" in {found.kind for found in report.findings}
        assert not service.store.entries(date.fromisoformat(DAY))["61"].settled
        assert service.verify(DAY).is_proved
    assert stored(tmp_path) == before


def test_what_was_learnt_since_changes_nothing(root: Path) -> None:
    """A close that is known to be later by now does not make a rebuild ask for documents that it was not made from. [B4, B10]"""
    before = stored(root)
    with over(root) as service:
        service.refresh_service.almanac.learn(date(2023, 1, 31), date(2023, 2, 12))
        assert counts(service.rebuild(DAY).wait(PATIENCE)) == {"completed": 3}
    assert stored(root) == before


def test_findings_survive_a_rebuild(root: Path) -> None:
    """What was noticed by looking at other days is still told after one day was made anew. [R5.5]"""
    name = "metadata.json"
    with over(root) as service:
        day = date.fromisoformat(DAY)
        from backfill.model import Contribution, Finding  # noqa: PLC0415 - used here only

        note = Finding("same_rows", "has the same rows as another day", day, "F")
        with service.store.begin(day, job_id="note") as draft:
            draft.put(service.store.read(day).district("F"))
            draft.commit(Contribution(day, "note", "", "targeted", "toastmasters", datetime.now(UTC), ("F",), findings=(note,)))
        service.rebuild(DAY).wait(PATIENCE)
        assert note in service.store.read(day).metadata.findings
    assert (root / "snapshots" / DAY / name).exists()


def test_only_what_is_in_scope_is_made(root: Path) -> None:
    """A rebuild touches nothing outside of what is configured. [P7, R7.3]"""
    shutil.rmtree(root / "snapshots")
    with over(root) as service:
        service.configuration.set_districts(["F"])
        assert counts(service.rebuild(START, END).wait(PATIENCE)) == {"completed": 2}
        with pytest.raises(InvalidRequest, match="61"):
            service.rebuild(START, END, districts=["61"])


def test_nothing_to_make_is_said(tmp_path: Path) -> None:
    """A range of which nothing is stored or archived is refused, with what to do. [B4]"""
    with over(tmp_path) as service, pytest.raises(InvalidRequest, match="import documents"):
        service.rebuild("2020-01-01", "2020-01-31")


# --- any source -------------------------------------------------------------------------------------------------------

WHEN = datetime(2024, 3, 1, 12, tzinfo=UTC)
FIRST, SECOND = date(2024, 1, 1), date(2024, 1, 2)


@function_source("rain")
def rain(day: date, district: str, fetch: Fetch) -> object:
    """Return what the document of the day and district says."""
    return {"mm": int(fetch(f"https://rain.test/{day}/{district}").text)}


@function_source("guess")
def guess(day: date, district: str, fetch: Fetch) -> object:
    """Return a figure that no document tells."""
    return {"mm": 1}


class Kept:
    """A service of any source over an archive, whose documents a test puts there."""

    def __init__(self, source: object, archive: object) -> None:
        self.archive = archive
        self.store = MemorySnapshotStore()
        self.service = BackfillService(source, self.store, fetch=ArchiveFetch(archive))  # type: ignore[arg-type] # whatever a test passes


def put(archive: object, day: date, district: str, text: str) -> None:
    """Archive a document."""
    archive.put(Document.of(f"https://rain.test/{day}/{district}", text, fetched_at=WHEN))  # type: ignore[attr-defined] # any archive


def test_a_source_of_one_function_can_be_rebuilt(tmp_path: Path) -> None:
    """Nothing but `fetch` is needed of a source: what it asked for is named, archived, and handed out again. [R10.5, B4]"""
    kept = Kept(rain, RawArchive(tmp_path))
    put(kept.archive, FIRST, "north", "3")
    with kept.service as service:
        service.run_backfill(BackfillRequest(FIRST, target_districts=["north"]))
        put(kept.archive, FIRST, "north", "4")  # a newer answer changes nothing that is stored
        assert counts(service.rebuild(FIRST).wait(PATIENCE)) == {"completed": 1}
        assert kept.store.read(FIRST).district("north").data == {"mm": 3}
        kept.store.delete(FIRST)
        assert counts(service.rebuild(FIRST, SECOND, districts=["north"]).wait(PATIENCE)) == {"completed": 1, "failed": 1}
        assert kept.store.read(FIRST).district("north").data == {"mm": 4}
        kept.store.delete(FIRST)
        assert counts(service.rebuild(FIRST, SECOND).wait(PATIENCE)) == {"completed": 1}, "the ledger knows who was there"
        assert kept.store.read(FIRST).district("north").data == {"mm": 4}
    with Kept(rain, kept.archive).service as service, pytest.raises(InvalidRequest, match="name the districts"):
        service.rebuild(FIRST, SECOND)  # nothing tells which districts there are


class Planned:
    """A source that says beforehand which documents it needs, and whose documents do not tell their day."""

    name = "rain"

    def requests_for(self, edition: Edition, district: str | None, /) -> Sequence[DocumentRequest]:
        """Return the one document of a district."""
        return () if district is None else (DocumentRequest(f"https://rain.test/{edition.day}/{district}"),)

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return what it says."""
        return {"mm": int(fetch(f"https://rain.test/{day}/{district}").text)}


@pytest.mark.parametrize("source", [rain, Planned()], ids=["asks", "plans"])
@pytest.mark.parametrize("known", ["by a stored day beside it", "by the configuration"])
def test_a_lost_day_is_made_of_the_districts_that_the_archive_has(tmp_path: Path, source: DataSource, known: str) -> None:
    """Without a ledger, and though no document tells its day: those in scope, or of days nearby, that the archive gives. [B4]"""
    third = date(2024, 1, 3)
    archive = RawArchive(tmp_path / "raw")
    kept = Kept(source, archive)
    for day, district in ((FIRST, "north"), (FIRST, "south"), (SECOND, "north"), (third, "south")):
        put(archive, day, district, "3")
    scope = None
    if known == "by the configuration":
        scope = DistrictConfigurationService(tmp_path / "config.json")
        scope.set_districts(["north", "south", "west"])
    else:
        with kept.service as service:
            service.run_backfill(BackfillRequest(FIRST, target_districts=["north", "south"]))
    with BackfillService(source, kept.store, scope, fetch=ArchiveFetch(archive)) as service:
        report = service.rebuild(SECOND, date(2024, 1, 4)).wait(PATIENCE)
        assert counts(report) == {"completed": 2}
        assert (kept.store.read(SECOND).districts, kept.store.read(third).districts) == (("north",), ("south",))


class System:
    """A source with one document a day for all of its districts, which does not tell its day."""

    name = "rain"

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return what the document of the day says of one."""
        return self.collect_all(day, fetch)[district]

    def collect_all(self, day: date, fetch: Fetch, /) -> dict[str, object]:
        """Return what it says of all."""
        return {name: {"mm": 1} for name in fetch(f"https://rain.test/{day}/all").text.split()}


def test_a_lost_day_of_one_document_for_all_comes_back(tmp_path: Path) -> None:
    """What the archive gives is found in the way in which it is then made. [B4]"""
    archive = RawArchive(tmp_path / "raw")
    kept = Kept(System(), archive)
    put(archive, FIRST, "all", "north south")
    put(archive, SECOND, "all", "north")
    with kept.service as service:
        service.run_backfill(BackfillRequest(FIRST))
    with Kept(System(), archive).service as service, pytest.raises(InvalidRequest, match="name the districts"):
        service.rebuild(FIRST, SECOND)
    with BackfillService(System(), kept.store, fetch=ArchiveFetch(archive)) as service:
        assert counts(service.rebuild(FIRST, SECOND).wait(PATIENCE)) == {"completed": 3}
        assert kept.store.read(SECOND).districts == ("north",)


def test_no_more_is_looked_for_than_one_job_may_have(tmp_path: Path) -> None:
    """A range of lost days is refused at the first unit too many, before the rest of it is looked for. [B4, R7.4]"""
    archive = RawArchive(tmp_path / "raw")
    asked: list[date] = []

    @function_source("rain")
    def watched(day: date, district: str, fetch: Fetch) -> object:
        asked.append(day)
        return {"mm": int(fetch(f"https://rain.test/{day}/{district}").text)}

    days = [date(2024, 1, number) for number in range(1, 11)]
    for day in days:
        put(archive, day, "north", "3")
    kept = Kept(watched, archive)
    with kept.service as service:
        service.run_backfill(BackfillRequest(FIRST, target_districts=["north"]))
    asked.clear()
    again = BackfillService(watched, kept.store, fetch=ArchiveFetch(archive))
    with again, pytest.raises(InvalidRequest, match="more than the 3 units"):
        again.rebuild(days[0], days[-1], max_units=3)
    assert asked == days[1:4]


def test_a_record_without_documents_cannot_be_rebuilt() -> None:
    """A source that made figures without its `fetch` is named, and its record stays. [B3]"""
    kept = Kept(guess, MemoryArchive())
    with kept.service as service:
        service.run_backfill(BackfillRequest(FIRST, target_districts=["north"]))
        report = service.rebuild(FIRST).wait(PATIENCE)
        assert [error.kind for error in report.errors] == ["no_provenance"]
        (difference,) = service.verify(FIRST).differences
        assert difference.cause == "no provenance"
        assert "'guess'" in difference.message


def test_a_range_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    """Days to come, a range of thousands of years, and more units than allowed are refused before anything is looked up. [B4, R8.4]"""
    with over(tmp_path) as service:
        for start, end, field in ((START, "2999-01-01", "end_date"), ("0001-01-01", END, "start_date")):
            with pytest.raises(InvalidRequest) as caught:
                service.rebuild(start, end, districts=["61"])
            assert caught.value.field == field
        with pytest.raises(InvalidRequest, match="1 units"):
            service.rebuild(START, END, districts=["61"], max_units=1)
        with pytest.raises(InvalidRequest, match="max_units"):
            service.rebuild(START, max_units=0)
        assert not service.list_backfills()


def test_a_door_without_an_archive_is_refused() -> None:
    """Without raw documents there is nothing to rebuild from, and the remedy is named. [B4]"""
    with BackfillService(rain, MemorySnapshotStore(), fetch=DictFetch({})) as service:
        with pytest.raises(InvalidRequest, match="RawArchive"):
            service.rebuild(FIRST)
        with pytest.raises(InvalidRequest, match="RawArchive"):
            service.verify(FIRST)
        assert service.explain(FIRST, "north").standing == "never-tried"


def test_an_archive_in_memory_cannot_go_to_other_processes() -> None:
    """What pickle cannot carry is refused before anything is submitted. [B8]"""
    archive = MemoryArchive()
    put(archive, FIRST, "north", "3")
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor,
        BackfillService(rain, MemorySnapshotStore(), fetch=ArchiveFetch(archive), executor=executor) as service,
    ):
        service.run_backfill(BackfillRequest(FIRST, target_districts=["north"]))
        with pytest.raises(InvalidRequest, match="executor"):
            service.verify(FIRST)
        with pytest.raises(InvalidRequest, match="executor"):
            service.rebuild(FIRST)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answers=st.dictionaries(
        st.tuples(st.sampled_from([FIRST, SECOND]), st.sampled_from(["a", "b", "c"])),
        st.lists(st.integers(0, 9), min_size=1, max_size=3),
        min_size=1,
    )
)
def test_an_unchanged_archive_gives_the_same_bytes(answers: dict[tuple[date, str], list[int]]) -> None:
    """Whatever was collected, in whichever order it was answered: a rebuild, twice or from nothing, changes no byte. [B4, P4]"""
    archive = MemoryArchive()
    kept = Kept(rain, archive)
    with kept.service as service:
        for (day, district), texts in answers.items():
            for text in texts:
                put(archive, day, district, str(text))
            service.run_backfill(BackfillRequest(day, target_districts=[district]))

        def digests() -> dict[tuple[date, str], str]:
            return {(day, name): one.sha256 for day in kept.store.days() for name, one in kept.store.entries(day).items()}

        before = digests()
        for _ in range(2):
            service.rebuild(FIRST, SECOND).wait(PATIENCE)
            assert digests() == before
        assert service.verify(FIRST, SECOND).is_proved
        for day in list(kept.store.days()):
            kept.store.delete(day)
        service.rebuild(FIRST, SECOND, districts=["a", "b", "c"]).wait(PATIENCE)
        assert digests() == before


def test_what_is_no_executor_is_refused() -> None:
    """It is one of `concurrent.futures`, and is looked at when the service is made. [B8]"""
    with pytest.raises(InvalidRequest, match="executor"):
        BackfillService(rain, MemorySnapshotStore(), executor=ProcessPoolExecutor)  # type: ignore[arg-type] # what is refused
    with pytest.raises(InvalidRequest, match="executor"):
        BackfillService(rain, MemorySnapshotStore(), executor=7)  # type: ignore[arg-type] # as above
