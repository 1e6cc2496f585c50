"""The stored form of the dashboard's days: two dates that are never mixed up, and files that read back as what was written (P4)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from backfill.jsonvalues import JsonValue
from backfill.model import Contribution
from backfill.protocols import SnapshotStore
from backfill.serialization import decode_record, encode_record
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing.dashboard import Fault, ReportArchive
from tm_calendar_cases import on
from tm_serving import (
    SUMMARY,
    Files,
    backfilling,
    clock_at,
    counts,
    opened,
    published_daily,
    ran,
    sent,
    serving,
    whole,
)

TODAY = "2024-01-15"
END, CLOSE = "2023-01-31", "2023-02-08"

# --- two dates ---------------------------------------------------------------------------------------------------------------


def test_the_two_dates_of_a_month_end() -> None:
    """Pitfall 33: the figures of a month's close are stored under the day that they describe, never under the one on which they were given out, which stands beside them. [R5.2, R11.3, B10]"""
    with serving(whole("2023-01", CLOSE), TODAY) as server, backfilling(server, TODAY) as service:
        ran(service, END, CLOSE, ["61"])
        assert list(service.store.days()) == [on(END)]
        record = service.store.read(on(END)).district("61")
        assert (record.day, record.as_of) == (on(END), on(CLOSE))
        assert {ref.name.split("~")[-2:][0] for ref in record.provenance} == {END}
        assert {ref.name.split("~")[-1] for ref in record.provenance} == {CLOSE}


def test_the_closing_flag_follows_from_the_footer_every_time(tmp_path: Path) -> None:
    """Pitfall 6: that figures are of a closing follows from the footer of the document, whenever it is read: also from the archive, and whatever the day's metadata said before. [R5.5, B10]"""
    with serving(whole("2023-01", CLOSE, ["61"]), TODAY) as server, opened(tmp_path, server, TODAY) as service:
        said: list[JsonValue] = []
        for _ in range(2):
            assert counts(ran(service, END, districts=["61"])) == {"completed": 1}
            said.append(json.loads((tmp_path / "snapshots" / END / "metadata.json").read_bytes()))
            service.store.delete(on(END))
        assert len(sent(server)) == sum(sent(server).values()) == 4
        assert [(each["isClosingPeriodData"], each["dataAsOfDate"]) for each in cast("list[dict[str, JsonValue]]", said)] == [
            (True, CLOSE)
        ] * 2


def test_an_ordinary_day_asks_for_its_own_month() -> None:
    """Pitfall 10: ordinary days send their own month beside their own date, month-ends theirs beside the close; the year is the month's, also in January and July (pitfall 8). [R11.5, B10]"""
    files = whole("2022-12", "2022-12-28") | whole("2022-12", "2023-01-10") | whole("2023-01", "2023-01-11")
    files |= whole("2022-06", "2022-06-29") | whole("2022-06", "2022-07-28")
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        for day in ("2022-12-28", "2022-12-31", "2023-01-11", "2022-06-29", "2022-06-30"):
            assert counts(ran(service, day)) == {"completed": 2}
        assert [(request.path.split("/")[1], request.month, request.as_of) for request in server.requests] == [
            ("2022-2023", "2022-12-31", "2022-12-28"),
            ("2022-2023", "2022-12-31", "2023-01-10"),
            ("2022-2023", "2023-01-31", "2023-01-11"),
            ("2021-2022", "2022-06-30", "2022-06-29"),
            ("2021-2022", "2022-06-30", "2022-07-28"),
        ]


def test_neither_date_is_todays() -> None:
    """Pitfall 3: of a day long past no date is that of the collection; when it was fetched stands in the provenance. [R5.5, B3]"""
    with serving(whole("2023-01", "2023-01-18"), TODAY) as server, backfilling(server, TODAY) as service:
        ran(service, "2023-01-18", districts=["61"])
        record = service.store.read(on("2023-01-18")).district("61")
        assert (record.day, record.as_of, record.collected_at) == (on("2023-01-18"), on("2023-01-18"), clock_at(TODAY).now())
        assert {ref.fetched_at for ref in record.provenance} == {clock_at(TODAY).now()}


# --- days and districts ------------------------------------------------------------------------------------------------------


def test_one_snapshot_a_day() -> None:
    """Pitfall 21: however many districts a day has, and whichever way they are collected, it is one snapshot. [R5.2, R5.4]"""
    days = ["2023-01-17", "2023-01-18"]
    files: Files = {}
    for day in days:
        files |= whole("2023-01", day, ["61", "F", "05"])
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, days[0], days[1], ["61", "F", "05"], collection_type="per-district")
        assert counts(report) == {"completed": 6}
        assert sorted(report.snapshot_ids) == days == [str(day) for day in service.store.days()]
        assert {len(service.store.read(on(day)).metadata.operations) for day in days} == {1}


def test_a_partial_run_takes_nothing_from_a_fuller_day() -> None:
    """Pitfall 22: a run of which some, or all, fails leaves the districts that a day has, and their manifest, as they were. [R5.4, R6.3]"""
    day = "2023-01-18"
    with serving(whole("2023-01", day, ["61", "F", "05"]), TODAY) as server, backfilling(server, TODAY) as service:
        ran(service, day, districts=["61", "F", "05"])
        before = service.store.entries(on(day))
        server.fail(Fault.error_page(), report="clubperformance", district="[6F]*")
        service.clock.advance(1)  # or what was fetched this very moment would serve
        for names, ends in ((["61", "F", "05"], {"completed": 1, "failed": 2}), (["61"], {"failed": 1})):
            assert counts(ran(service, day, districts=names, skip_existing=False, enable_caching=False)) == ends
        after = service.store.entries(on(day))
        assert {name: header.sha256 for name, header in after.items()} == {name: header.sha256 for name, header in before.items()}
        metadata = service.store.read(on(day)).metadata
        assert (metadata.status, metadata.districts, metadata.failed) == ("success", ("05", "61", "F"), ())


def test_the_newest_day_is_the_newest_stored() -> None:
    """Pitfall 23: which day is the newest follows from what is stored: neither a day that failed nor one that was collected last, and older, comes into it. [R5.2]"""
    days = [f"2023-01-{day}" for day in (16, 17, 18)]
    files: Files = {}
    for day in days:
        files |= whole("2023-01", day, full=[])
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(Fault.error_page(), report=SUMMARY, as_of="2023-01-18")
        ran(service, "2023-01-17", "2023-01-18", concurrency=1)
        assert max(service.store.days()) == on("2023-01-17")
        ran(service, "2023-01-16")
        assert list(service.store.days()) == [on("2023-01-16"), on("2023-01-17")]
        server.heal()
        ran(service, "2023-01-18")
        assert max(service.store.days()) == on("2023-01-18")


# --- P4: what is written reads back ------------------------------------------------------------------------------------------


def copied(source: SnapshotStore, target: SnapshotStore) -> None:
    """Write everything that a store holds into another one, by way of what it reads."""
    for day in source.days():
        snapshot = source.read(day)
        metadata = snapshot.metadata
        with target.begin(day, job_id=metadata.operations[-1]["job"]) as draft:
            for name in snapshot.districts:
                draft.put(snapshot.district(name))
            draft.put_summary("all-districts-rankings", snapshot.summary("all-districts-rankings"), as_of=metadata.as_of)
            draft.commit(
                Contribution(
                    day,
                    metadata.operations[-1]["job"],
                    metadata.operations[-1]["method"],
                    metadata.operations[-1]["scope"],
                    metadata.source,
                    metadata.updated_at,
                    metadata.expected,
                    metadata.unavailable,
                    findings=metadata.findings,
                    listed=metadata.listed,
                )
            )


@pytest.mark.parametrize("districts", [None, ["91"]])
def test_p4_every_record_survives_the_round_trip(districts: list[str] | None, tmp_path: Path) -> None:
    """Of real figures every record that is read from disk and written again, through a store in memory, has the same bytes; so have the rankings. [P4, R11.3]"""
    with serving(ReportArchive.shipped(), "2026-06-04") as server, opened(tmp_path, server, "2026-06-04") as service:
        report = ran(service, "2022-07-01" if districts else "2023-05-01", "2023-06-30", districts, frequency="month-end")
        assert counts(report) == {"completed": 12 if districts else 2 * 128}
        between, again = MemorySnapshotStore(), PerDistrictFileSnapshotStore(tmp_path / "again")
        copied(service.store, between)
        copied(between, again)
        for day in service.store.days():
            folders = [tmp_path / place / str(day) for place in ("snapshots", "again")]
            names = {path.name for path in folders[0].iterdir()} - {"manifest.json", "metadata.json"}
            assert names >= {"all-districts-rankings.json"}
            assert all((folders[0] / name).read_bytes() == (folders[1] / name).read_bytes() for name in names)
            first, second = service.store.read(day), again.read(day)
            assert [first.district(name) for name in first.districts] == [second.district(name) for name in second.districts]


def test_p4_a_record_is_its_encoding() -> None:
    """A record of the dashboard is equal to what its encoding decodes to, and that encodes to the same bytes. [P4]"""
    files, spans = published_daily(["61"], ["61"], m2027_10=("2027-11-01", "2027-11-08"), m2027_11=None)
    with serving(files, "2027-11-05", opened=spans) as server, backfilling(server, "2027-11-05") as service:
        ran(service, "2027-10-31", districts=["61"])
        record = service.store.read(on("2027-10-31")).district("61")
        assert not record.settled
        encoded = encode_record(record, job_id="job", method="per-district")
        decoded = decode_record(encoded.content, settled=record.settled)
        assert decoded == record
        assert encode_record(decoded, job_id="job", method="per-district") == encoded


def test_p4_the_keys_of_the_files(tmp_path: Path) -> None:
    """The files have the field names of the refresh format, in a fixed order; whoever reads it finds what it looks for. [P4, R11.3, R3.5]"""
    with serving(ReportArchive.shipped(), "2026-06-04") as server, opened(tmp_path, server, "2026-06-04") as service:
        ran(service, END, districts=["91"])
    day = tmp_path / "snapshots" / END
    record = json.loads((day / "district_91.json").read_bytes())
    assert {
        "districtId",
        "districtName",
        "collectedAt",
        "status",
        "data",
        "detail",
        "asOfDate",
        "provenance",
        "calculationVersion",
    } <= {*record}
    data = record["data"]
    assert [*data] == ["districtId", "snapshotDate", "dcpColumns", "clubs", "divisions", "areas", "totals"]
    assert {
        "clubId", "clubName", "divisionId", "divisionName", "areaId", "areaName", "membershipCount", "membershipBase", "newMembers",
        "paymentsCount", "octoberRenewals", "aprilRenewals", "status", "clubStatus", "dcpGoals", "dcpGoalsAchieved",
    } <= set.intersection(*(set(club) for club in data["clubs"]))  # fmt: skip
    assert {
        "totalClubs", "activeClubs", "totalMembership", "totalPayments", "distinguishedClubs", "selectDistinguishedClubs",
        "presidentDistinguishedClubs",
    } <= set(data["totals"])  # fmt: skip
    metadata = json.loads((day / "metadata.json").read_bytes())
    assert {
        "snapshotId", "createdAt", "schemaVersion", "calculationVersion", "status", "configuredDistricts", "successfulDistricts",
        "failedDistricts", "errors", "processingDuration", "source", "dataAsOfDate", "isClosingPeriodData", "collectionDate",
        "logicalDate", "operations", "findings", "writeComplete",
    } <= set(metadata)  # fmt: skip
    manifest = json.loads((day / "manifest.json").read_bytes())
    assert {"snapshotId", "createdAt", "districts", "totalDistricts", "allDistrictsRankings"} <= set(manifest)
    ranked = json.loads((day / "all-districts-rankings.json").read_bytes())
    assert len(ranked["rankings"]) == ranked["metadata"]["totalDistricts"] == 128


def test_a_district_takes_little_room(tmp_path: Path) -> None:
    """The clubs of a district take less than 600 bytes each on disk, the names of areas and of columns included. [R5.2]"""
    with serving(ReportArchive.shipped(), "2026-06-04") as server, opened(tmp_path, server, "2026-06-04") as service:
        ran(service, END, districts=["91"])
        size = service.store.entries(on(END))["91"].size
        clubs = service.store.read(on(END)).district("91").data
    assert isinstance(clubs, dict)
    assert size / len(cast("list[JsonValue]", clubs["clubs"])) < 600
