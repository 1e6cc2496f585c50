"""One folder that holds everything: from the bytes of the dashboard to files on disk, and back."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from backfill import BackfillRequest
from backfill.errors import DamagedFile, DataUnavailable, InvalidRequest, ServiceUnusable, SnapshotNotFound, StoreUnavailable
from backfill.model import CollectionType, Contribution, DistrictRecord, DocumentRef
from backfill.testing.dashboard import Fault, ReportArchive, ReportKey
from backfill.toastmasters import DASHBOARD_URL, ReportKind, open_service
from backfill.toastmasters.opening import DashboardService
from tm_calendar_cases import on
from tm_serving import (
    CLUBS,
    DISTRICT,
    DIVISIONS,
    SUMMARY,
    clock_at,
    counts,
    opened,
    published_daily,
    ran,
    sent,
    serving,
    whole,
)

TODAY, DAY, NEXT = "2024-01-15", "2023-01-18", "2023-01-19"
FILES = whole("2023-01", DAY) | whole("2023-01", NEXT)


def tree(root: Path) -> set[str]:
    """Return the files of a folder, without those that only this run leaves (locks, databases' companions)."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and not path.name.endswith(".lock")}


def read(path: Path) -> Any:
    """Return what a JSON file holds."""
    return json.loads(path.read_bytes())


# --- from bytes to files -----------------------------------------------------------------------------------------------------


def test_opening_touches_nothing(tmp_path: Path) -> None:
    """Opening, planning and closing write nothing and ask for nothing; the rate is polite, and the address the dashboard's. [B1, B6]"""
    root = tmp_path / "folder"
    with open_service(root, clock=clock_at(TODAY)) as service:
        plan = service.plan(BackfillRequest(DAY, target_districts=["61"]))
        assert plan.seconds_at_rate == 4 / 5
        assert repr(service) == f"DashboardService({str(root)!r})"
        assert service.refresh_service._base_url == DASHBOARD_URL
    assert not root.exists()


@pytest.mark.parametrize(
    ("districts", "collection", "stored", "method"),
    [
        (None, "auto", {"61": "summary", "F": "summary"}, "system-wide"),
        (["61"], "auto", {"61": "full"}, "per-district"),
        (["61", "F"], "auto", {"61": "full", "F": "full"}, "targeted"),
        (["61", "F"], "per-district", {"61": "full", "F": "full"}, "per-district"),
        (["F"], "system-wide", {"F": "summary"}, "system-wide"),
    ],
)
def test_from_bytes_to_files(
    districts: list[str] | None, collection: CollectionType, stored: dict[str, str], method: str, tmp_path: Path
) -> None:
    """Pitfall 1: whichever way a day is collected, what the dashboard sent stands in files at the end: a file a district with that day's figures, ranking, manifest and metadata, in the refresh's layout (pitfall 32). [R5.1, R5.2, R5.3, R5.4, R5.5]"""
    with serving(FILES, TODAY) as server, opened(tmp_path, server, TODAY) as service:
        report = ran(service, DAY, districts=districts, collection_type=collection)
        assert (report.status, report.snapshot_ids) == ("complete", (DAY,))
    day = tmp_path / "snapshots" / DAY
    assert {path.name for path in day.iterdir()} == {
        "manifest.json",
        "metadata.json",
        "all-districts-rankings.json",
        *(f"district_{name}.json" for name in stored),
    }
    manifest, metadata, ranked = (read(day / f"{name}.json") for name in ("manifest", "metadata", "all-districts-rankings"))
    assert {entry["districtId"]: (entry["detail"], entry["collectionMethod"]) for entry in manifest["districts"]} == {
        name: (detail, method) for name, detail in stored.items()
    }
    assert manifest["allDistrictsRankings"]["status"] == "present"
    assert (metadata["snapshotId"], metadata["status"], metadata["successfulDistricts"]) == (DAY, "success", [*stored])
    assert (metadata["dataAsOfDate"], metadata["source"]) == (DAY, "toastmasters")
    assert metadata["operations"][0]["method"] == method
    assert [entry["districtId"] for entry in ranked["rankings"]] == ["61", "F"]
    for name, detail in stored.items():
        record = read(day / f"district_{name}.json")
        assert (record["districtId"], record["snapshotDate"], record["asOfDate"]) == (name, DAY, DAY)
        assert [ref["name"].partition("~")[0] for ref in record["provenance"]].count(SUMMARY) == 1
        totals = record["data"]["totals"]
        assert totals["totalPayments"] == 2 * (on(DAY).toordinal() % 10_000)
        if detail == "full":
            assert [club["clubId"] for club in record["data"]["clubs"]] == [
                f"{sum(map(ord, name)) * 100 + n:08d}" for n in (0, 1)
            ]
            assert (totals["totalClubs"], totals["activeClubs"]) == (2, 2)
        else:
            assert (record["data"]["clubs"], totals["totalMembership"], totals["activeClubs"]) == (None, None, 2)


def test_a_folder_has_everything(tmp_path: Path) -> None:
    """Snapshots, raw documents, what was learnt and the shared limits lie in one folder, and nothing beside it. [R5.1, B4, B6]"""
    root = tmp_path / "folder"
    with serving(FILES, TODAY) as server, opened(root, server, TODAY) as service:
        ran(service, DAY, districts=["61"])
        service.configuration.set_districts(["61"])
    assert {path.name for path in tmp_path.iterdir()} == {"folder"}
    assert {path.name for path in root.iterdir()} >= {"snapshots", "raw", "config", "limits"}
    assert tree(root / "config") == {"districts.json"}


def test_the_next_process_goes_on_where_this_one_ended(tmp_path: Path) -> None:
    """Another service over the same folder skips what is stored, and takes what is archived from there. [R9.3, B2]"""
    with serving(FILES, TODAY) as server:
        with opened(tmp_path, server, TODAY) as service:
            ran(service, DAY, districts=["61"])
        server.reset()
        with opened(tmp_path, server, TODAY) as service:
            assert counts(ran(service, DAY, NEXT, ["61"])) == {"completed": 1, "skipped": 1}
            assert {name.rpartition("~")[2] for name in sent(server)} == {NEXT}
            server.reset()
            assert counts(ran(service, DAY, NEXT, ["61"], skip_existing=False)) == {"completed": 2}
            assert sent(server) == {}


def test_a_closed_service_is_closed(tmp_path: Path) -> None:
    """After closing, twice if need be, nothing can be started, single figures neither, and what is stored can still be read. [R4.4]"""
    with serving(FILES, TODAY) as server:
        with opened(tmp_path, server, TODAY) as service:
            ran(service, DAY, districts=["61"])
        service.close()
        with pytest.raises(ServiceUnusable):
            ran(service, DAY)
        with pytest.raises(ServiceUnusable):
            service.refresh_service.list_districts(on(DAY))
        assert service.read_raw(on(DAY), "61", CLUBS).content


# --- scope -------------------------------------------------------------------------------------------------------------------


def test_nothing_outside_the_configuration_is_asked_for(tmp_path: Path) -> None:
    """With districts configured nothing else is fetched or stored, by any strategy; what is asked for beside them is left out and reported. [R7.3, R7.5, P7]"""
    with serving(whole("2023-01", DAY, ["61", "F", "05"]), TODAY) as server, opened(tmp_path, server, TODAY) as service:
        service.configuration.set_districts(["District 5", "f"])
        report = ran(service, DAY, districts=["61", "5"])
        assert [doubt.text for doubt in report.scope.excluded] == ["61"]
        assert counts(report) == {"completed": 1}
        ran(service, DAY)
        ran(service, DAY, collection_type="per-district", detail="full")
        with pytest.raises(InvalidRequest):
            ran(service, DAY, districts=["61"])
        assert {request.district for request in server.requests} == {"", "05", "F"}
        assert service.store.read(on(DAY)).districts == ("05", "F")


def test_a_scope_for_one_service_changes_no_configuration(tmp_path: Path) -> None:
    """Districts named when the folder is opened bound this service, whatever is configured, and nobody else. [R7.1, P7]"""
    with serving(FILES, TODAY) as server:
        with opened(tmp_path, server, TODAY) as service:
            service.configuration.set_districts(["61"])
        with opened(tmp_path, server, TODAY, districts=["district f"]) as service:
            assert service.scope.resolve(None).districts == ("F",)
            assert counts(ran(service, DAY)) == {"completed": 1}
            assert service.configuration.districts == ("61",)
        with opened(tmp_path, server, TODAY) as service:
            assert service.scope.resolve(None).districts == ("61",)


def test_a_configured_district_that_a_day_lacks(tmp_path: Path) -> None:
    """A configured district that a day's summary does not have is unavailable on that day, by every strategy; the day is whole without it. [R5.3, R7.2]"""
    with serving(FILES, TODAY) as server, opened(tmp_path, server, TODAY, districts=["61", "117"]) as service:
        for options in ({}, {"collection_type": "per-district"}, {"detail": "full", "collection_type": "per-district"}):
            assert counts(ran(service, DAY, skip_existing=False, **options)) == {"completed": 1, "unavailable": 1}
        assert counts(ran(service, DAY, districts=["61", "117"], skip_existing=False)) == {"completed": 1, "unavailable": 1}
        assert not [name for name in sent(server) if "~117~" in name]
        metadata = service.store.read(on(DAY)).metadata
        assert (metadata.status, metadata.unavailable) == ("success", ("117",))


# --- what was learnt ---------------------------------------------------------------------------------------------------------

AUTUMN = published_daily(m2027_10=("2027-10-28", "2027-11-08"), m2027_11=("2027-11-09", "2027-11-22"))


def test_what_was_learnt_is_kept_with_the_folder(tmp_path: Path) -> None:
    """A close that was searched for is kept in the folder; the next process plans with it, and asks for nothing to find it. [B10, R9.3]"""
    files, spans = AUTUMN
    with serving(files, "2027-11-23", opened=spans) as server:
        with opened(tmp_path, server, "2027-11-23") as service:
            ran(service, "2027-10-31")
        kept = read(tmp_path / "config" / "closings.json")
        assert {row["dataMonth"]: row["lastAsOf"] for row in kept["sightings"]}["2027-10"] == "2027-11-08"
        server.reset()
        with opened(tmp_path, server, "2027-11-24") as service:
            (planned,) = service.plan(BackfillRequest("2027-10-31")).days
            assert planned.as_of == on("2027-11-08")
            ran(service, "2027-10-31", skip_existing=False, enable_caching=False)
            assert sent(server) == {f"{SUMMARY}~2027-10-31~2027-11-08": 1}


def test_two_services_on_one_folder_learn_for_each_other(tmp_path: Path) -> None:
    """Two services over one folder lose nothing of what the other has learnt; whoever learns next knows it all, and the latest sighting counts. [B10, R11.2]"""
    files, spans = AUTUMN
    with (
        serving(files, "2027-11-23", opened=spans) as server,
        opened(tmp_path, server, "2027-11-23") as one,
        opened(tmp_path, server, "2027-11-23") as other,
    ):
        ran(one, "2027-11-15")
        assert not other.refresh_service.calendar.knows(on("2027-11-30"), on("2027-11-15"))
        ran(other, "2027-11-16")
        assert other.refresh_service.calendar.knows(on("2027-11-30"), on("2027-11-15"))
        ran(one, "2027-11-14")
        assert one.refresh_service.calendar.knows(on("2027-11-30"), on("2027-11-16"))
    (row,) = read(tmp_path / "config" / "closings.json")["sightings"]
    assert (row["firstAsOf"], row["lastAsOf"]) == ("2027-11-14", "2027-11-16")


def test_what_cannot_be_kept_is_known_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Should the file of what was learnt break under a running service, that is logged; no district fails for it. [R6.1, B10]"""
    files, spans = AUTUMN
    with serving(files, "2027-11-23", opened=spans) as server, opened(tmp_path, server, "2027-11-23") as service:
        ran(service, "2027-11-15")
        (tmp_path / "config" / "closings.json").write_bytes(b"{")
        with caplog.at_level(logging.WARNING, "backfill.toastmasters"):
            assert counts(ran(service, "2027-11-16")) == {"completed": 1}
        assert "closings.json" in caplog.text
        assert service.refresh_service.calendar.knows(on("2027-11-30"), on("2027-11-16"))


# --- raw documents -----------------------------------------------------------------------------------------------------------


def test_the_raw_documents_of_a_record(tmp_path: Path) -> None:
    """Every document of a stored district, and the day's summary, can be had as it was sent, byte for byte; there are no raw rows in the record. [B3, B4]"""
    archive = ReportArchive.shipped()
    with serving(archive, "2026-06-04") as server, opened(tmp_path, server, "2026-06-04") as service:
        ran(service, "2023-01-31", districts=["91"])
        ran(service, "2023-01-31")
        month, as_of = on("2023-01-31"), on("2023-02-08")
        for kind in (CLUBS, DISTRICT, DIVISIONS):
            document = service.read_raw(month, "District 91", kind)
            assert document.content == archive[ReportKey(month, as_of, str(kind), "91")].content
            assert (document.name, document.from_archive) == (f"{kind}~91~2023-01-31~2023-02-08", True)
        for district in (None, "91", "61"):
            summary = service.read_raw(month, district, "districtsummary")
            assert summary.content == archive[ReportKey(month, as_of, "districtsummary")].content


def test_raw_documents_that_there_are_not(tmp_path: Path) -> None:
    """What was not used, is not stored, does not exist, or is no longer archived is told apart. [R6.2, B4]"""
    with serving(FILES, TODAY) as server, opened(tmp_path, server, TODAY) as service:
        server.fail(Fault.zero_rows(), report=DIVISIONS)
        ran(service, DAY, districts=["61"])
        ran(service, DAY)
        for district, report, error, words in (
            ("61", DIVISIONS, DataUnavailable, "were made without a divisionperformance"),
            ("F", CLUBS, DataUnavailable, "were made without a clubperformance"),
            ("117", CLUBS, SnapshotNotFound, "117"),
            ("61", "clubs", InvalidRequest, "clubperformance"),
            (None, CLUBS, InvalidRequest, "name the district"),
            ("sixty", CLUBS, InvalidRequest, "sixty"),
        ):
            with pytest.raises(error, match=words):
                service.read_raw(on(DAY), district, cast("ReportKind", report))
        with pytest.raises(SnapshotNotFound):
            service.read_raw(on(NEXT), "61", CLUBS)


def test_a_raw_document_of_another_folder(tmp_path: Path) -> None:
    """Snapshots that were brought along without their archive say that it does not hold the document. [R6.2, B4]"""
    with serving(FILES, TODAY) as server:
        with opened(tmp_path / "one", server, TODAY) as service:
            ran(service, DAY, districts=["61"])
        (tmp_path / "other").mkdir()
        (tmp_path / "one" / "snapshots").rename(tmp_path / "other" / "snapshots")
        with opened(tmp_path / "other", server, TODAY) as service, pytest.raises(DataUnavailable) as caught:
            service.read_raw(on(DAY), "61", CLUBS)
    assert caught.value.kind == "not_archived"


def test_a_record_of_another_source(tmp_path: Path) -> None:
    """A record whose documents are not the dashboard's was made without its reports. [R6.2, R3.4]"""
    at = clock_at(TODAY).now()
    with open_service(tmp_path, clock=clock_at(TODAY)) as service:
        ref = DocumentRef("weather of 61", "http://weather.example/61", at, "0" * 64)
        record = DistrictRecord("61", on(DAY), on(DAY), "full", {"rain": 1}, at, provenance=(ref,))
        with service.store.begin(on(DAY), job_id="job") as draft:
            draft.put(record)
            draft.commit(Contribution(on(DAY), "job", "per-district", "targeted", "weather", at, ("61",)))
        with pytest.raises(DataUnavailable, match="were made without"):
            service.read_raw(on(DAY), "61", CLUBS)


# --- an archive damaged on disk ----------------------------------------------------------------------------------------------


def cut_contents(root: Path) -> None:
    """Cut every raw document short."""
    for path in (root / "raw" / "contents").rglob("*.gz"):
        path.write_bytes(path.read_bytes()[:30])


def overwrite(*parts: str) -> Callable[[Path], None]:
    """Return what writes nonsense over a file of the folder."""

    def damage(root: Path) -> None:
        path = root.joinpath(*parts)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"{ nonsense" * 100)

    return damage


def stored_folder(root: Path, damage: Callable[[Path], None]) -> None:
    """Make a folder with one day and one district, and damage it."""
    with serving(FILES, TODAY) as server, opened(root, server, TODAY) as service:
        ran(service, DAY, districts=["61"])
    damage(root)


def test_damaged_raw_documents_are_fetched_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A raw document that was cut on disk is refused by name where it is read, and asked for anew where it is needed; then it can be read again. [B4, R6.2]"""
    stored_folder(tmp_path, cut_contents)
    with serving(FILES, TODAY) as server, opened(tmp_path, server, TODAY) as service:
        with pytest.raises(DamagedFile, match=r"contents.*\.gz"):
            service.read_raw(on(DAY), "61", CLUBS)
        with caplog.at_level(logging.WARNING, "backfill"):
            report = ran(service, DAY, districts=["61"], skip_existing=False)
        assert (report.status, counts(report)) == ("complete", {"completed": 1})
        assert sum(sent(server).values()) == 4
        assert "is fetched anew" in caplog.text
        assert service.read_raw(on(DAY), "61", CLUBS).content.startswith(b'"District"')


def test_a_damaged_index_of_the_archive(tmp_path: Path) -> None:
    """An index that is none is refused by name: raw documents cannot be read, and a collection pauses with the reason; what is stored already can be read. [B4, R6.2]"""
    stored_folder(tmp_path, overwrite("raw", "index.sqlite3"))
    with serving(FILES, TODAY) as server, opened(tmp_path, server, TODAY) as service:
        with pytest.raises(DamagedFile, match=r"index\.sqlite3"):
            service.read_raw(on(DAY), "61", CLUBS)
        report = ran(service, DAY, districts=["61", "F"])
        assert (report.status, counts(report)) == ("paused", {"skipped": 1, "pending": 1})
        assert "index.sqlite3" in str(report.status_reason)
        assert "restore it" in str(report.status_reason)
        assert service.store.read(on(DAY)).district("61").district_id == "61"


@pytest.mark.parametrize("name", ["manifest.json", "metadata.json"])
def test_a_damaged_day(name: str, tmp_path: Path) -> None:
    """A day whose manifest or metadata is damaged is refused by the file's name and with the remedy; other days are collected, and after deleting it so is this one. [B2, R6.2]"""
    stored_folder(tmp_path, overwrite("snapshots", DAY, name))
    with serving(FILES, TODAY) as server, opened(tmp_path, server, TODAY) as service:
        with pytest.raises(DamagedFile, match=rf"{name}.*delete the day"):
            service.store.read(on(DAY))
        report = ran(service, DAY, districts=["61", "F"])
        known = name == "metadata.json"  # without the manifest nobody knows what is stored
        assert counts(report) == ({"skipped": 1, "failed": 1} if known else {"failed": 2})
        assert {error.kind for error in report.errors} == {"damaged_day"}
        assert all(name in error.message and "delete the day" in error.message for error in report.errors)
        assert counts(ran(service, NEXT, districts=["61"])) == {"completed": 1}
        service.store.delete(on(DAY))
        assert counts(ran(service, DAY, districts=["61"])) == {"completed": 1}


def test_a_damaged_district_file(tmp_path: Path) -> None:
    """A district's file that does not hold what the manifest says is refused by name; collecting it again mends it, without a request. [B2, R6.2]"""
    stored_folder(tmp_path, overwrite("snapshots", DAY, "district_61.json"))
    with serving(FILES, TODAY) as server, opened(tmp_path, server, TODAY) as service:
        for question in (lambda: service.store.read(on(DAY)).district("61"), lambda: service.read_raw(on(DAY), "61", CLUBS)):
            with pytest.raises(DamagedFile, match=r"district_61\.json"):
                question()
        assert counts(ran(service, DAY, districts=["61"], skip_existing=False)) == {"completed": 1}
        assert sent(server) == {}
        assert service.store.read(on(DAY)).district("61").district_id == "61"


def test_a_damaged_configuration(tmp_path: Path) -> None:
    """A configuration that is none bounds nothing: every request is refused by the file's name until it is mended; single figures and stored days can be had. [R7.1, P7]"""
    stored_folder(tmp_path, overwrite("config", "districts.json"))
    with serving(FILES, TODAY) as server, opened(tmp_path, server, TODAY) as service:
        for districts in (None, ["61"]):
            with pytest.raises(DamagedFile, match=r"districts\.json"):
                ran(service, NEXT, districts=districts)
        with pytest.raises(DamagedFile, match=r"districts\.json"):
            service.refresh()
        assert sent(server) == {}
        assert service.store.read(on(DAY)).districts == ("61",)


def test_damaged_closings(tmp_path: Path) -> None:
    """What was learnt of closing months is refused by the file's name when the folder is opened, before anything is asked for on false grounds. [B10, R6.2]"""
    stored_folder(tmp_path, overwrite("config", "closings.json"))
    with pytest.raises(DamagedFile, match=r"closings\.json.*learnt again"):
        open_service(tmp_path, clock=clock_at(TODAY))


def test_a_file_in_the_folders_place(tmp_path: Path) -> None:
    """A file where the folder should be is refused when it is opened. [R6.2]"""
    place = tmp_path / "file"
    place.write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="file"):
        open_service(place)


@pytest.mark.parametrize("arguments", [{"base_url": "nowhere"}, {"districts": []}, {"districts": ["sixty"]}, {"rate": 0}])
def test_what_cannot_be_opened_is_refused(arguments: dict[str, Any], tmp_path: Path) -> None:
    """An address, a scope or a rate that cannot be is refused when the folder is opened, and nothing is written. [R6.2, R7.4]"""
    with pytest.raises(InvalidRequest):
        open_service(tmp_path / "folder", **arguments)
    assert not (tmp_path / "folder").exists()


def test_a_folder_whose_jobs_cannot_be_resumed_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When going on with interrupted jobs fails, opening fails, and what it had opened is closed, since nobody has it who could. [R10.2, B2]"""
    opened_services: list[DashboardService] = []

    def fail(service: DashboardService) -> None:
        opened_services.append(service)
        raise ServiceUnusable("no thread can be started for the job")

    (tmp_path / "jobs.sqlite3").touch()
    monkeypatch.setattr(DashboardService, "resume_jobs", fail)
    with pytest.raises(ServiceUnusable, match="no thread can be started"):
        open_service(tmp_path, clock=clock_at(TODAY))
    assert [service.closed for service in opened_services] == [True]
    open_service(tmp_path, resume=False, clock=clock_at(TODAY)).close()
