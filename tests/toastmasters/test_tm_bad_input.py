"""Bad input, from the server to what is stored: each a clear error, or an outcome that is counted and explained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import pytest

from backfill.errors import InvalidRequest
from backfill.jsonvalues import JsonValue
from backfill.model import BackfillReport
from backfill.testing.dashboard import Fault, ReportKey
from backfill.testing.dashboard.report import read_report
from backfill.toastmasters.kinds import ReportKind
from tm_calendar_cases import on
from tm_files import Cells, export, footer_of
from tm_serving import (
    CLUBS,
    DISTRICT,
    DIVISIONS,
    SUMMARY,
    Backfilling,
    Files,
    backfilling,
    club_cells,
    counts,
    file,
    of_district,
    ran,
    sent,
    serving,
    summary_row,
    whole,
)

TODAY, DAY = "2024-01-15", "2023-01-18"


def part(service: Backfilling, name: str, district: str = "61") -> JsonValue:
    """Return a part of what is stored of a district."""
    data = service.store.read(on(DAY)).district(district).data
    assert isinstance(data, dict)
    return data[name]


def totals(service: Backfilling, district: str = "61") -> Mapping[str, JsonValue]:
    """Return the totals that are stored of a district."""
    return cast("Mapping[str, JsonValue]", part(service, "totals", district))


def told(report: BackfillReport) -> list[str]:
    """Return the kinds of findings."""
    return [finding.kind for finding in report.findings]


def rewritten(files: Files, change: Callable[[bytes], bytes]) -> Files:
    """Return the same reports with other bytes."""
    return {key: read_report(change(parts.content)) for key, parts in files.items()}


# --- districts that come and go ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("collection", ["auto", "per-district", "system-wide"])
def test_a_district_that_did_not_exist_yet_or_no_longer_exists(collection: str) -> None:
    """Each day's own summary says which districts there were: one that was not there yet, or not any more, is unavailable on that day, and nothing is asked for of it. [R7.2, R6.5]"""
    days = ["2023-01-17", DAY]
    files = whole("2023-01", days[0], ["61", "130"]) | whole("2023-01", days[1], ["61", "117"])
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, days[0], days[1], ["61", "117", "130"], collection_type=collection)
        assert (report.status, counts(report)) == ("complete", {"completed": 4, "unavailable": 2})
        stored = [service.store.read(on(day)) for day in days]
        assert [snapshot.districts for snapshot in stored] == [("130", "61"), ("117", "61")]
        assert [snapshot.metadata.unavailable for snapshot in stored] == [("117",), ("130",)]
        assert not [name for name in sent(server) if f"~117~2023-01-31~{days[0]}" in name or f"~130~2023-01-31~{DAY}" in name]


def test_all_districts_are_those_of_the_day() -> None:
    """Without a configuration each day holds exactly the districts that its own summary has, whatever the days beside it have. [R7.2, R5.3]"""
    days = ["2023-01-17", DAY]
    files = whole("2023-01", days[0], ["61", "130"], full=[]) | whole("2023-01", days[1], ["61", "117", "F"], full=[])
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, *days)
        assert counts(report) == {"completed": 5}
        assert [service.store.read(on(day)).districts for day in days] == [("130", "61"), ("117", "61", "F")]


def test_a_misspelt_district() -> None:
    """Pitfall 38: what cannot name a district is refused before anything is asked for; beside others it is left out and reported. [R7.4, R7.5, P2]"""
    with serving(whole("2023-01", DAY), TODAY) as server, backfilling(server, TODAY) as service:
        with pytest.raises(InvalidRequest, match="sixty"):
            ran(service, DAY, districts=["sixty"])
        with pytest.raises(InvalidRequest):
            ran(service, DAY, districts=["../61"])
        assert sent(server) == {}
        report = ran(service, DAY, districts=["sixty", "61"])
        assert [doubt.text for doubt in report.scope.excluded] == ["sixty"]
        assert counts(report) == {"completed": 1}


# --- how files are written ---------------------------------------------------------------------------------------------------

RESPELLED: Mapping[str, Callable[[bytes], bytes]] = {
    "headings in capitals": lambda content: content.partition(b"\n")[0].upper() + b"\n" + content.partition(b"\n")[2],
    "headings without blanks": lambda content: (
        content.partition(b"\n")[0].replace(b" ", b"") + b"\n" + content.partition(b"\n")[2]
    ),
    "a footer with the whole month": lambda content: content.replace(b"Month of Jan", b"Month of January"),
    "a quoted footer": lambda content: content.replace(b"Month of Jan, As of 01/18/2023", b'"Month of Jan, As of 01/18/2023"'),
    "line feeds only": lambda content: content.replace(b"\r\n", b"\n"),
    "a byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "blank lines": lambda content: b"\r\n" + content.replace(b"\r\n", b"\r\n\r\n"),
}


@pytest.mark.parametrize("name", RESPELLED)
def test_the_same_figures_written_otherwise(name: str) -> None:
    """Headings in another case, a footer with the full month name, other line ends: the figures are the same. [R3.2, B10]"""
    files = whole("2023-01", DAY)
    stored: list[JsonValue] = []
    for published in (files, rewritten(files, RESPELLED[name])):
        with serving(published, TODAY) as server, backfilling(server, TODAY) as service:
            assert counts(ran(service, DAY, districts=["61", "F"])) == {"completed": 2}
            stored.append([part(service, key, district) for district in ("61", "F") for key in ("clubs", "areas", "totals")])
            ranked = service.store.read(on(DAY)).summary("all-districts-rankings")
            stored[-1] = [stored[-1], cast("dict[str, JsonValue]", ranked)["rankings"]]
    assert stored[0] == stored[1]


def test_numbers_with_separators_and_percentages_that_are_none() -> None:
    """Numbers with separators are read as they are meant; a percentage of N/A is unknown, counts as 0 in the ranking, and stops nobody. [R3.2, R6.1]"""
    odd = summary_row("61", DAY) | {"total_payments": "12,345", "payment_growth": "N/A", "club_growth": "-1,024.50%"}
    rows = [odd, summary_row("F", DAY)]
    files = file(SUMMARY, "2023-01", DAY, rows)
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, DAY)
        assert (counts(report), told(report)) == ({"completed": 2}, [])
        summary = cast("Mapping[str, JsonValue]", part(service, "summary"))
        assert (summary["totalPayments"], summary["paymentGrowth"], summary["clubGrowth"]) == (12345, None, -1024.5)
        ranked = cast("dict[str, list[dict[str, JsonValue]]]", service.store.read(on(DAY)).summary("all-districts-rankings"))
        of_61 = next(entry for entry in ranked["rankings"] if entry["districtId"] == "61")
        assert (of_61["paymentGrowthPercent"], of_61["paymentsRank"]) == (None, 2)


def test_a_number_that_is_none() -> None:
    """A cell that cannot be read is unknown and a finding, and its text is kept with the club. [R3.2, R5.5]"""
    rows = [club_cells("61", number, DAY) for number in (1, 2)]
    clubs: Sequence[Cells] = [rows[0][CLUBS], {**rows[1][CLUBS], "active_members": "many"}]
    files = whole("2023-01", DAY, ["61"], full=[]) | file(CLUBS, "2023-01", DAY, clubs, "61")
    for kind in (DISTRICT, DIVISIONS):
        files |= file(kind, "2023-01", DAY, [row[kind] for row in rows], "61")
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, DAY, districts=["61"])
        assert counts(report) == {"completed": 1}
        assert "unreadable_cell" in told(report)
        assert totals(service)["totalMembership"] is None
        club = cast("list[dict[str, JsonValue]]", part(service, "clubs"))[1]
        assert (club["membershipCount"], club["extra"]) == (None, {"Active Members": "many"})


def test_a_club_in_two_divisions() -> None:
    """A club that stands twice, in two divisions, counts once, as it stands first; that is a finding of the district. [R3.2, R5.5]"""
    row = club_cells("61", 1, DAY)
    files = whole("2023-01", DAY, ["61"], full=[])
    for kind in (CLUBS, DISTRICT, DIVISIONS):
        files |= file(kind, "2023-01", DAY, [row[kind], {**row[kind], "division": "B"}], "61")
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, DAY, districts=["61"])
        assert counts(report) == {"completed": 1}
        conflicts = [finding for finding in report.findings if finding.kind == "conflicting_rows"]
        assert {finding.district for finding in conflicts} == {"61"}
        assert len(conflicts) == 3
        assert "Division A" in conflicts[0].message
        assert "Division B" in conflicts[0].message
        assert totals(service)["totalClubs"] == 1
        assert [unit["divisionId"] for unit in cast("list[dict[str, JsonValue]]", part(service, "divisions"))] == ["A"]


def test_names_beyond_ascii() -> None:
    """Club names in UTF-8 and in the dashboard's older encoding are read alike, and stored in UTF-8; the older one is a finding. [R3.2]"""
    files = whole("2023-01", DAY, ["61"])
    key = ReportKey(on("2023-01-31"), on(DAY), str(CLUBS), "61")
    content = files[key].content.replace(b"Club 1", "Łódź".encode(), 1)
    older = files[key].content.replace(b"Club 1", "Café".encode("cp1252"), 1)
    for changed, name, kinds in ((content, "Łódź", []), (older, "Café", ["encoding"])):
        with serving(files | {key: read_report(changed)}, TODAY) as server, backfilling(server, TODAY) as service:
            report = ran(service, DAY, districts=["61"])
            assert told(report) == kinds
            assert name in str(part(service, "clubs"))


def test_columns_that_come_and_go() -> None:
    """Pitfalls 29 and 30: a column that nobody knows is kept and told, one that its year should have and has not is told; neither stops the district. [R3.2, R5.5]"""
    rows = [club_cells("61", number, DAY) for number in (1, 2)]
    content = export(
        CLUBS,
        [{**row[CLUBS], "Fancy": "x"} for row in rows],
        footer=footer_of("Jan", on(DAY)),
        more=["Fancy"],
        without=["goals_met"],
    )
    key = ReportKey(on("2023-01-31"), on(DAY), str(CLUBS), "61")
    files = whole("2023-01", DAY, ["61"], full=[]) | {key: read_report(content)}
    for kind in (DISTRICT, DIVISIONS):
        files |= file(kind, "2023-01", DAY, [row[kind] for row in rows], "61")
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, DAY, districts=["61"])
        assert counts(report) == {"completed": 1}
        assert {"unknown_column", "missing_column"} <= set(told(report))
        club = cast("list[dict[str, JsonValue]]", part(service, "clubs"))[0]
        assert (club["extra"], club["dcpGoals"]) == ({"Fancy": "x"}, None)


# --- wrong answers to right questions ----------------------------------------------------------------------------------------


def test_the_report_of_another_district() -> None:
    """A report of another district, with the right month and day, is refused, and stored for neither of them. [R6.2, P7]"""
    with serving(whole("2023-01", DAY), TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(Fault.other_district("F"), report=CLUBS, district="61")
        report = ran(service, DAY, districts=["61"])
        assert {(error.kind, error.stage) for error in report.errors} == {("wrong_district", "validate")}
        assert "rows of F, where 61 was asked for" in report.errors[0].message
        assert list(service.store.days()) == []


@pytest.mark.parametrize("kind", [CLUBS, DISTRICT, DIVISIONS])
def test_clubs_that_only_one_report_has(kind: ReportKind) -> None:
    """Reports of one district that list other clubs than each other are stored as they are, with a finding; no club is made up. [R3.2, R5.5]"""
    files = whole("2023-01", DAY, ["61"])
    files |= of_district("2023-01", DAY, "61", clubs=3, kinds=[kind])
    with serving(files, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, DAY, districts=["61"])
        assert counts(report) == {"completed": 1}
        assert "clubs_differ" in told(report)
        assert totals(service)["totalClubs"] == (3 if kind is CLUBS else 2)
