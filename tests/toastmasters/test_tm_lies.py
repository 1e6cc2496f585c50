"""Every answer of the dashboard is distrusted: what each kind of lie costs in requests, and what becomes of the district."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from backfill import BackfillRequest
from backfill.errors import NotArchived
from backfill.fetching import ArchiveFetch, RawArchive
from backfill.testing.dashboard import Fault
from backfill.toastmasters import RefreshService
from backfill.toastmasters.kinds import ReportKind
from tm_calendar_cases import on
from tm_serving import (
    CLUBS,
    DISTRICT,
    DIVISIONS,
    SUMMARY,
    backfilling,
    counts,
    failures,
    file,
    of_district,
    ran,
    sent,
    serving,
    summary_row,
    whole,
)

TODAY = "2024-01-15"
DAY = "2023-01-18"
END, CLOSE = "2023-01-31", "2023-02-08"

FILES = whole("2023-01", DAY) | whole("2023-01", CLOSE) | whole("2022-12", "2023-01-10")


def club_report(day: str = DAY, district: str = "61", kind: ReportKind = CLUBS, month: str = END) -> str:
    """Return the name of a report."""
    return f"{kind}~{district}~{month}~{day}"


def summary(day: str = DAY, month: str = END) -> str:
    """Return the name of a summary."""
    return f"{SUMMARY}~{month}~{day}"


LIES: Mapping[str, tuple[Fault, str]] = {
    "another month": (Fault.stale_month(), "wrong_period"),
    "another as-of": (Fault.other_as_of(), "wrong_period"),
    "another as-of with the same rows": (Fault.other_as_of(on("2023-01-17")), "wrong_period"),
    "an error page with status 200": (Fault.error_page(), "not_csv"),
    "a redirect to the error page": (Fault.error_page(redirect=True), "not_csv"),
    "JSON": (Fault.json_body(), "not_csv"),
    "headings alone": (Fault.header_only(), "truncated"),
    "cut at the end of a row": (Fault.cut(at_row_end=True, announced=False), "truncated"),
    "cut within a row": (Fault.cut(announced=False), "truncated"),
    "nothing at all": (Fault.empty_body(), "truncated"),
    "another report": (
        Fault.body(next(iter(of_district("2023-01", DAY, "61", kinds=[DIVISIONS]).values())).content, content_type="text/csv"),
        "wrong_report",
    ),
}


@pytest.mark.parametrize("name", [*LIES, "another district"])
@pytest.mark.parametrize("day", [DAY, END])
def test_a_lie_in_the_club_report(name: str, day: str) -> None:
    """What is another month's, another day's, another district's or another report's, a page or a piece is asked for twice, then fails with its own kind; nothing of it is stored. [R6.2, R6.5]"""
    fault, kind = LIES.get(name) or (Fault.other_district(), "wrong_district")
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(fault, report=CLUBS, district="61")
        report = ran(service, day, districts=["61", "F"], collection_type="per-district")
        as_of = DAY if day == DAY else CLOSE
        assert (report.status, counts(report)) == ("partial_success", {"completed": 1, "failed": 1})
        assert failures(report) == {(kind, 2)}
        (error,) = report.errors
        assert (error.district_id, error.stage, error.is_retryable) == ("61", "validate", True)
        asked = sent(server)
        assert asked[club_report(as_of)] == 2
        assert asked[club_report(as_of, kind=DISTRICT)] == asked[club_report(as_of, kind=DIVISIONS)] == 0
        assert service.store.read(on(day)).districts == ("F",)


@pytest.mark.parametrize("name", LIES)
@pytest.mark.parametrize("districts", [None, ["61"], ["61", "F"]])
def test_a_lie_in_the_summary(name: str, districts: list[str] | None) -> None:
    """Without a summary that can be believed the day fails as a whole, whichever way it is collected, after two requests; no report is asked for. [R6.2, R6.5]"""
    fault, kind = LIES[name]
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(fault, report=SUMMARY)
        report = ran(service, DAY, districts=districts)
        assert (report.status, failures(report)) == ("error", {(kind, 2)})
        assert {error.district_id for error in report.errors} == {None} if districts is None else set(districts)
        assert sent(server) == {summary(): 2}
        assert list(service.store.days()) == []


@pytest.mark.parametrize("name", LIES)
def test_a_lie_that_is_told_once(name: str) -> None:
    """A second answer that is right is believed: one more request, and no trace in what is stored. [R6.5, R3.5]"""
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        ran(service, DAY, districts=["61"])
        truth = service.store.read(on(DAY)).district("61")
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        for kind in (SUMMARY, CLUBS):
            server.fail(LIES[name][0], report=kind, times=1)
        report = ran(service, DAY, districts=["61"])
        assert (report.status, report.errors) == ("complete", ())
        assert sent(server) == {
            summary(): 2,
            club_report(): 2,
            club_report(kind=DISTRICT): 1,
            club_report(kind=DIVISIONS): 1,
        }
        assert service.store.read(on(DAY)).district("61").data == truth.data


@pytest.mark.parametrize("kind", [DISTRICT, DIVISIONS])
@pytest.mark.parametrize("name", [*LIES, "another district"])
def test_a_lie_in_a_report_that_could_be_done_without(name: str, kind: ReportKind) -> None:
    """A district or division report that lies fails the district: that nothing is there must be said by an answer that can be believed. [R6.2]"""
    fault, word = LIES.get(name) or (Fault.other_district(), "wrong_district")
    if name == "another report" and kind is DIVISIONS:
        fault = Fault.body(next(iter(of_district("2023-01", DAY, "61", kinds=[CLUBS]).values())).content, content_type="text/csv")
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(fault, report=kind)
        report = ran(service, DAY, districts=["61"])
        assert (report.status, failures(report)) == ("error", {(word, 2)})
        assert sent(server)[club_report(kind=kind)] == 2
        assert list(service.store.days()) == []


# --- no rows ----------------------------------------------------------------------------------------------------------------

EMPTY = {"right footer, no rows": Fault.zero_rows()}


@pytest.mark.parametrize("fault", EMPTY.values(), ids=EMPTY.keys())
def test_a_summary_without_rows_on_an_ordinary_day(fault: Fault) -> None:
    """A summary with the right footer and no rows is asked for twice; then nothing was published for the day, which is no failure. [R6.5]"""
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(fault, report=SUMMARY)
        report = ran(service, DAY, districts=["61"])
        assert (report.status, counts(report), report.errors) == ("complete", {"unavailable": 1}, ())
        assert sent(server) == {summary(): 2}
        assert list(service.store.days()) == []


@pytest.mark.parametrize("fault", EMPTY.values(), ids=EMPTY.keys())
def test_a_summary_without_rows_at_a_months_end(fault: Fault) -> None:
    """At a month's end a summary without rows is asked for twice, then as of the three days before, once each; then nothing was published. [R6.5, B10]"""
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(fault, report=SUMMARY)
        report = ran(service, END, districts=["61"])
        assert (report.status, counts(report)) == ("complete", {"unavailable": 1})
        assert sent(server) == {summary(CLOSE): 2, **{summary(f"2023-02-0{day}"): 1 for day in (7, 6, 5)}}


@pytest.mark.parametrize("fault", EMPTY.values(), ids=EMPTY.keys())
def test_a_summary_that_is_found_by_stepping_back(fault: Fault) -> None:
    """The first day before the close that has rows serves as the month's end, as of that day; since the close itself was known to have some, the record is not settled, and the next day's run completes it. [R6.5, B10]"""
    files = whole("2023-01", "2023-02-06") | whole("2023-01", CLOSE)
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        rule = server.fail(fault, report=SUMMARY, as_of=CLOSE)
        report = ran(service, END, districts=["61"])
        assert (report.status, counts(report)) == ("complete", {"completed": 1})
        header = service.store.entries(on(END))["61"]
        assert (header.as_of, header.settled) == (on("2023-02-06"), False)
        assert sent(server) == {
            summary(CLOSE): 2,
            summary("2023-02-07"): 1,
            summary("2023-02-06"): 1,
            **{club_report("2023-02-06", kind=kind): 1 for kind in (CLUBS, DISTRICT, DIVISIONS)},
        }
        rule.cancel()
        service.clock.advance(86_400)
        assert counts(ran(service, END, districts=["61"])) == {"completed": 1}
        header = service.store.entries(on(END))["61"]
        assert (header.as_of, header.settled) == (on(CLOSE), True)
        assert counts(ran(service, END, districts=["61"])) == {"skipped": 1}


@pytest.mark.parametrize("fault", EMPTY.values(), ids=EMPTY.keys())
@pytest.mark.parametrize("day", [DAY, END])
def test_a_club_report_without_rows_of_a_district_with_clubs(fault: Fault, day: str) -> None:
    """Pitfall 13: a club report without rows of a district that the summary lists with clubs is a failure, after two requests and, at a month's end, one for each of three days before. [R6.2, R6.5]"""
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(fault, report=CLUBS, district="61")
        report = ran(service, day, districts=["61", "F"])
        assert (report.status, counts(report), failures(report)) == (
            "partial_success",
            {"completed": 1, "failed": 1},
            {("missing_rows", 2)},
        )
        asked = {name: times for name, times in sent(server).items() if name.startswith(f"{CLUBS}~61")}
        if day == DAY:
            assert asked == {club_report(): 2}
        else:
            assert asked == {club_report(CLOSE): 2, **{club_report(f"2023-02-0{back}"): 1 for back in (7, 6, 5)}}


def test_a_district_of_which_nothing_was_published() -> None:
    """A club report without rows of a district that the summary lists without clubs: nothing was published, which is no failure. [R6.5]"""
    rows = [summary_row("61", DAY), summary_row("F", DAY, clubs=0)]
    files = file(SUMMARY, "2023-01", DAY, rows) | of_district("2023-01", DAY, "61")
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, DAY, districts=["61", "F"])
        assert (report.status, counts(report)) == ("complete", {"completed": 1, "unavailable": 1})
        assert sent(server)[club_report(district="F")] == 2
        assert service.store.read(on(DAY)).metadata.unavailable == ("F",)


def test_a_club_report_that_is_found_by_stepping_back() -> None:
    """At a month's end a district whose club report is there as of a day before the close is stored as of that day, all three reports of one as-of, and not settled. [R6.5, B10]"""
    files = whole("2023-01", "2023-02-06") | whole("2023-01", CLOSE)
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(Fault.zero_rows(), report=CLUBS, district="61", as_of=CLOSE)
        report = ran(service, END, districts=["61", "F"])
        assert counts(report) == {"completed": 2}
        entries = service.store.entries(on(END))
        assert {name: (header.as_of, header.settled) for name, header in entries.items()} == {
            "61": (on("2023-02-06"), False),
            "F": (on(CLOSE), True),
        }
        assert sent(server)[club_report("2023-02-06", kind=DISTRICT)] == 1
        assert sent(server)[club_report(CLOSE, kind=DISTRICT)] == 0


@pytest.mark.parametrize("fault", EMPTY.values(), ids=EMPTY.keys())
@pytest.mark.parametrize("kind", [DISTRICT, DIVISIONS])
def test_a_report_without_rows_that_can_be_done_without(fault: Fault, kind: ReportKind) -> None:
    """Where the club report is there and another has no rows, the district is completed with null fields and a finding, and is not settled: a later run completes it. [R6.5, R6.6]"""
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        rule = server.fail(fault, report=kind, district="61")
        report = ran(service, DAY, districts=["61", "F"])
        assert (report.status, counts(report)) == ("complete", {"completed": 2})
        assert sent(server)[club_report(kind=kind)] == 2
        assert told(report) == {("missing_report", "61")}
        snapshot = service.store.read(on(DAY))
        assert {name: header.settled for name, header in service.store.entries(on(DAY)).items()} == {"61": False, "F": True}
        assert told(snapshot.metadata) == {("missing_report", "61")}
        club = clubs_of(snapshot.district("61").data)[0]
        assert club["membershipCount"] is not None
        lacking = ("paymentsCount", "octoberRenewals") if kind is DISTRICT else ("novemberVisit",)
        assert {club.get(name) for name in lacking} == {None}
        rule.cancel()
        server.reset()

        later = ran(service, DAY, districts=["61", "F"], enable_caching=False)
        assert counts(later) == {"completed": 1, "skipped": 1}
        assert sent(server)[club_report(kind=kind)] == 1
        assert not [name for name in sent(server) if "~F~" in name]
        assert service.store.entries(on(DAY))["61"].settled
        assert clubs_of(service.store.read(on(DAY)).district("61").data)[0][lacking[0]] is not None
        assert told(service.store.read(on(DAY)).metadata) == set()


def told(about: object) -> set[tuple[str, str | None]]:
    """Return the kinds of findings, each with its district."""
    return {(finding.kind, finding.district) for finding in about.findings}  # type: ignore[attr-defined] # a report or metadata


def clubs_of(data: object) -> list[dict[str, object]]:
    """Return the clubs of a district's data."""
    assert isinstance(data, dict)
    clubs = data["clubs"]
    assert isinstance(clubs, list)
    return clubs


# --- the same rows ----------------------------------------------------------------------------------------------------------


def test_the_same_rows_as_another_date() -> None:
    """Pitfall 9: rows that another date's report has as well are a finding of the later one, in the report and in the metadata; it happens, and nothing fails. [R5.5]"""
    twin = "2023-01-17"
    rows = [summary_row("61", DAY), summary_row("F", DAY)]
    files = file(SUMMARY, "2023-01", DAY, rows) | file(SUMMARY, "2023-01", twin, rows)
    files |= of_district("2023-01", DAY, "61") | whole("2023-01", "2023-01-16")
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, "2023-01-16", DAY, order="oldest-first", concurrency=1)
        assert (report.status, counts(report)) == ("complete", {"completed": 6})
        same = [finding for finding in report.findings if finding.kind == "same_rows"]
        assert [(finding.day, finding.message) for finding in same] == [
            (on(DAY), f"{summary()} has the same rows as the report of {twin}")
        ]
        assert service.store.read(on(DAY)).metadata.findings == tuple(same)
        assert service.store.read(on(twin)).metadata.findings == ()
        # the same report, asked for again, is no twin of itself
        again = ran(service, DAY, skip_existing=False, enable_caching=False)
        assert [finding.kind for finding in again.findings] == ["same_rows"]


# --- without a request ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("districts", [None, ["61"], ["61", "F"]])
@pytest.mark.parametrize(
    ("day", "gap"), [("2023-02-05", "closing"), ("2016-07-31", "never-existed"), ("2023-01-22", "no-such-as-of")]
)
def test_a_gap_costs_nothing(districts: list[str] | None, day: str, gap: str) -> None:
    """A day in a closing, of a month that never existed, or without an as-of is unavailable, without a request, and says why in the plan. [R6.5, B10, P12]"""
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, day, districts=districts)
        assert (report.status, counts(report)) == ("complete", {"unavailable": len(districts or [None])})
        assert sent(server) == {}
        (planned,) = service.plan(BackfillRequest(day, target_districts=districts)).days
        assert planned.gap == gap


# --- how it is sent ---------------------------------------------------------------------------------------------------------

TRANSPORT: Mapping[str, tuple[Fault, int]] = {
    "500": (Fault.status(500), 4),
    "503": (Fault.status(503), 4),
    "reset before a byte": (Fault.reset(), 4),
    "reset in the body": (Fault.reset(after=40), 4),
    "cut, against its length": (Fault.cut(keep=100), 4),
    "cut gzip": (Fault.gzip(keep=60), 4),
    "403": (Fault.status(403), 1),
}


@pytest.mark.parametrize("name", TRANSPORT)
def test_trouble_on_the_way(name: str) -> None:
    """What does not arrive at all, or not whole, is tried as often as the door says, and is then the district's failure; forbidden is final. [R6.2, R6.5]"""
    fault, times = TRANSPORT[name]
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(fault, report=CLUBS, district="61")
        report = ran(service, DAY, districts=["61", "F"])
        assert counts(report) == {"completed": 1, "failed": 1}
        assert sent(server)[club_report()] == times
        (error,) = report.errors
        assert (error.attempts, error.is_retryable) == (times, times > 1)


def test_compressed_answers_are_read() -> None:
    """An answer that comes compressed is an answer. [R3.2]"""
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(Fault.gzip())
        assert counts(ran(service, DAY, districts=["61"])) == {"completed": 1}


@pytest.mark.parametrize("kind", [SUMMARY, CLUBS, DISTRICT, DIVISIONS])
def test_an_address_that_is_not_there_at_all(kind: ReportKind) -> None:
    """The dashboard answers 200 to whatever it has: 404 is a wrong address, a failure, and never "nothing was published". [R6.5, R6.2]"""
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(Fault.status(404), report=kind)
        report = ran(service, DAY, districts=["61"])
        assert (report.status, counts(report)) == ("error", {"failed": 1})
        assert [(error.kind, error.is_retryable, error.attempts) for error in report.errors] == [("http_404", False, 1)]


def test_what_an_archive_lacks_is_not_a_wrong_address(tmp_path: Path) -> None:
    """Asked of an archive that does not hold it, a report is unavailable, as it would be for any source. [R6.2, B4]"""
    service = RefreshService(ArchiveFetch(RawArchive(tmp_path)))
    with pytest.raises(NotArchived):
        service.get_district_performance(on(DAY), "61")


# --- one failure stops nobody else --------------------------------------------------------------------------------------------


def test_a_retry_completes_the_partial_snapshot() -> None:
    """What failed is run again alone; it completes the partial snapshot, and the rest is not asked for again. [R6.6, R6.3]"""
    with serving(FILES, TODAY) as server, backfilling(server, TODAY) as service:
        rule = server.fail(Fault.error_page(), report=CLUBS, district="61")
        first = ran(service, DAY, districts=["61", "F"])
        metadata = service.store.read(on(DAY)).metadata
        assert (metadata.status, metadata.failed, metadata.districts) == ("partial", ("61",), ("F",))
        assert first.partial_snapshots == (on(DAY),)
        rule.cancel()
        server.reset()

        report = service.retry_failed(first.backfill_id).wait(30)
        assert (report.status, counts(report)) == ("complete", {"completed": 1})
        assert sent(server) == {club_report(kind=kind): 1 for kind in (CLUBS, DISTRICT, DIVISIONS)}
        metadata = service.store.read(on(DAY)).metadata
        assert (metadata.status, metadata.failed, metadata.districts) == ("success", (), ("61", "F"))
