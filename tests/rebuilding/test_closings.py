"""A month's close followed on one root: stored while it is open, updated by later runs, never backwards."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from backfill.testing.dashboard import ReportArchive
from backfill.toastmasters.calendar import ClosingCalendar
from tm_serving import counts, opened, ran, serving, whole, windows
from trust_roots import over, stored

DAY = "2026-05-31"
STATES = ("2026-05-31", "2026-06-02", "2026-06-03")
MARCH = ("2027-03-31", "2027-04-02", "2027-04-03")  # of a month that the shipped table knows nothing of
MARCH_OPEN = windows(m2027_03=("2027-03-09", "2027-04-03"), m2027_04=("2027-04-04", "2027-05-20"))
OPEN = windows(m2026_05=("2026-05-09", "2026-06-03"), m2026_06=("2026-06-04", "2026-07-20"))


def test_three_states_of_one_close_end_as_the_last(tmp_path: Path) -> None:
    """Each state replaces the one before, in its turn; each is stored as unsettled, the last is settled; all stay in the archive. [B10, B4]"""
    files = {key: value for as_of in MARCH for key, value in whole("2027-03", as_of, ("61", "F"), full=("61",)).items()}
    for number in range(4, 20):  # the month that follows is shown from the day after: the close is over
        files |= whole("2027-04", f"2027-04-{number:02}", ("61", "F"), full=())
    seen: list[tuple[date, bool]] = []
    for today in ("2027-04-01", "2027-04-03", "2027-04-04", "2027-04-20"):
        with serving(files, today, opened=MARCH_OPEN) as server, opened(tmp_path, server, today) as service:
            ran(service, MARCH[0])
            ran(service, MARCH[0], districts=["61"])
            header = service.store.entries(date.fromisoformat(MARCH[0]))["61"]
            assert header.detail == "full"
            seen.append((header.as_of, header.settled))
    assert [as_of.isoformat() for as_of, _settled in seen] == [*MARCH, MARCH[-1]]
    assert [settled for _as_of, settled in seen] == [False, False, False, True]
    with over(tmp_path, "2027-05-01") as service:
        assert {name for name in service.archive.names() if name.startswith("clubperformance")} >= {
            f"clubperformance~61~{MARCH[0]}~{as_of}" for as_of in MARCH
        }
        before = stored(tmp_path)
        assert counts(service.rebuild(MARCH[0]).wait(60)) == {"completed": 2}
        assert stored(tmp_path) == before
        assert service.store.entries(date.fromisoformat(MARCH[0]))["61"].as_of.isoformat() == MARCH[-1]


def test_an_older_state_never_replaces_a_newer_one(tmp_path: Path) -> None:
    """A rebuild on a root that knows a later state goes back to none before it, also where the snapshots are lost. (Pitfall 23.) [B10]"""
    files = {key: value for as_of in STATES for key, value in whole("2026-05", as_of, ("61",)).items()}
    for today in ("2026-06-01", "2026-06-04"):
        with serving(files, today, opened=OPEN) as server, opened(tmp_path, server, today) as service:
            ran(service, DAY, districts=["61"])
    with over(tmp_path, "2026-07-01") as service:
        before = stored(tmp_path)
        service.store.delete(date.fromisoformat(DAY))
        assert counts(service.rebuild(DAY).wait(60)) == {"completed": 1}
        assert stored(tmp_path) == before


def test_what_is_learnt_of_closes_stays_with_the_root_and_wins(tmp_path: Path) -> None:
    """A close seen later than the shipped table says is kept in the root, and counts for whoever opens it next. [B10]"""
    known = ClosingCalendar().close_of(date(2026, 5, 31))
    later = max(known.latest, date(2026, 6, 12))
    with over(tmp_path, "2026-07-01") as service:
        service.refresh_service.almanac.learn(date(2026, 5, 31), later)
    assert (tmp_path / "config" / "closings.json").exists()
    with over(tmp_path, "2026-07-01") as service:
        close = service.refresh_service.calendar.close_of(date(2026, 5, 31))
        assert close.latest >= later
        assert service.refresh_service.calendar.knows(date(2026, 5, 31), later)


def test_the_shipped_closing_of_may_2026_ends_as_the_last(tmp_path: Path) -> None:
    """The real close of which three states are known: stored by three runs, one root holds the third. [B10]"""
    archive = ReportArchive.shipped()
    states = sorted({key.as_of for key in archive.find("districtsummary", "", month=date(2026, 5, 31)) if key.as_of is not None})
    assert len(states) >= 3
    for as_of in states:
        today = as_of.replace(day=as_of.day + 1) if as_of.day < 28 else date(2026, 6, 1)
        with serving(archive, today.isoformat()) as server, opened(tmp_path, server, today.isoformat()) as service:
            ran(service, DAY)
            assert {one.as_of for one in service.store.entries(date.fromisoformat(DAY)).values()} == {as_of}
    with over(tmp_path, "2026-07-01") as service:
        assert service.verify(DAY).same > 0


def test_filling_gaps_completes_a_close_that_was_open(tmp_path: Path) -> None:
    """What was stored while its close was open is partial, and is filled once there is more; then nothing is missing. [B10, B5]"""
    files = {key: value for as_of in MARCH for key, value in whole("2027-03", as_of, ("61", "F"), full=("61",)).items()}
    for number in range(4, 20):
        files |= whole("2027-04", f"2027-04-{number:02}", ("61", "F"), full=())
    with serving(files, "2027-04-03", opened=MARCH_OPEN) as server, opened(tmp_path, server, "2027-04-03") as service:
        ran(service, MARCH[0])
        ran(service, MARCH[0], districts=["61"])
    with serving(files, "2027-04-20", opened=MARCH_OPEN) as server, opened(tmp_path, server, "2027-04-20") as service:
        for missing in (("F",), ("61",)):  # first by the summary, then the record in full by its own reports
            coverage = service.coverage(MARCH[0], MARCH[0])
            assert coverage.missing == {date.fromisoformat(MARCH[0]): tuple(sorted({"61", *missing}))}
            assert counts(service.fill_gaps(coverage).wait(60)) == {"completed": 1}
        assert service.coverage(MARCH[0], MARCH[0]).missing == {}
        headers = service.store.entries(date.fromisoformat(MARCH[0]))
        assert {(header.as_of.isoformat(), header.settled) for header in headers.values()} == {(MARCH[-1], True)}
