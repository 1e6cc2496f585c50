"""Requests planned against requests sent: the plan's count is what a run costs, and nothing outside the plan is asked for (P12)."""

from __future__ import annotations

from collections import Counter
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backfill import BackfillPlan, BackfillRequest
from backfill.model import Gap, PlannedDay
from backfill.protocols import RequestPlanner
from backfill.testing.dashboard import DashboardServer, Fault, ReportArchive
from backfill.toastmasters import RefreshServiceSource
from tm_calendar_cases import DAY, on
from tm_serving import (
    CLUBS,
    DISTRICT,
    DIVISIONS,
    SUMMARY,
    Backfilling,
    Files,
    backfilling,
    counts,
    ran,
    sent,
    serving,
    whole,
)

TODAY = "2024-01-15"
FIRST, LAST = "2022-12-28", "2023-02-15"


def winter(districts: tuple[str, ...] = ("61", "F")) -> Files:
    """Return every day from FIRST to LAST that the dashboard has, and the closes of December and January."""
    files = whole("2022-12", "2023-01-10", districts) | whole("2023-01", "2023-02-08", districts)
    days = [("2022-12", "2022-12-28", 3), ("2023-01", "2023-01-11", 20), ("2023-02", "2023-02-09", 7)]
    for month, first, count in days:
        for number in range(count):
            day = str(on(first) + number * DAY)
            if day != "2023-01-22":  # which January's list of as-ofs does not have
                files |= whole(month, day, districts)
    return files


WINTER = winter()


def asked(server: DashboardServer) -> Counter[str]:
    """Return how many requests there were of each report."""
    return Counter(server.counts.by_report)


def plan_of(service: Backfilling, districts: list[str] | None = None, **options: object) -> BackfillPlan:
    """Return the plan of the winter."""
    return service.plan(BackfillRequest(FIRST, LAST, districts, **options))  # type: ignore[arg-type] # passed through


def allowed(service: Backfilling, plan: BackfillPlan) -> set[str]:
    """Return every document that a plan names, the conditional ones included."""
    source = cast("RequestPlanner", RefreshServiceSource(service.refresh))
    names: set[str] = set()
    for planned in plan.days:
        for district in (None, *(planned.districts or ())):
            names |= {request.identity for request in source.requests_for(planned.edition, district)}
    return names


STRATEGIES = {
    "system-wide": (None, {}),
    "per-district": (["61"], {}),
    "per-district, two": (["61", "F"], {"collection_type": "per-district"}),
    "targeted": (["61", "F"], {}),
    "system-wide, named": (["61", "F"], {"collection_type": "system-wide"}),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("frequency", "days"), [("daily", 31), ("weekly", 5), ("month-end", 2)])
def test_p12_what_is_planned_is_what_is_sent(strategy: str, frequency: str, days: int) -> None:
    """Pitfall 15: for every frequency and strategy the plan's count of each report is what the server is asked for, each document once; a second run plans and sends nothing. [P12, B1, R9.3]"""
    districts, options = STRATEGIES[strategy]
    with serving(WINTER, TODAY) as server, backfilling(server, TODAY) as service:
        plan = plan_of(service, districts, frequency=frequency, **options)
        reports = 0 if plan.strategy.method == "system-wide" else len(districts or ())
        assert plan.requests == {
            str(SUMMARY): days,
            **({str(kind): days * reports for kind in (CLUBS, DISTRICT, DIVISIONS)} if reports else {}),
        }
        job = service.initiate_backfill(plan)
        report = job.wait(60)
        assert (report.status, report.errors) == ("complete", ())
        assert asked(server) == plan.requests
        assert set(sent(server).values()) == {1}
        assert set(sent(server)) <= allowed(service, plan)
        assert report.progress.completed == days * 2 if districts is None or len(districts) == 2 else days

        again = plan_of(service, districts, frequency=frequency, **options)
        assert again.requests == {}
        server.reset()
        report = service.initiate_backfill(again).wait(60)
        assert (report.status, report.progress.completed) == ("complete", 0)
        assert sent(server) == {}


def test_p12_a_retry_sends_what_failed() -> None:
    """A retry plans and sends what failed and nothing else; what was received meanwhile is not asked for again. [P12, R6.6, R9.3]"""
    with serving(WINTER, TODAY) as server, backfilling(server, TODAY) as service:
        server.fail(Fault.error_page(), report=CLUBS, district="61", as_of="2023-01-1[1-9]")
        first = ran(service, FIRST, LAST, ["61", "F"])
        assert {error.day for error in first.errors} == {on(f"2023-01-{day}") for day in range(11, 20)}
        server.heal()
        server.reset()
        report = service.retry_failed(first.backfill_id).wait(60)
        assert counts(report) == {"completed": 9}
        assert asked(server) == {str(kind): 9 for kind in (CLUBS, DISTRICT, DIVISIONS)}
        assert {request.district for request in server.requests} == {"61"}
        server.reset()
        assert counts(ran(service, FIRST, LAST, ["61", "F"])) == {"skipped": 62, "unavailable": 38}
        assert sent(server) == {}


def test_p12_detail_after_summary() -> None:
    """After all districts in summary, one in full costs its reports only: the summaries are archived. [P12, R9.3]"""
    with serving(WINTER, TODAY) as server, backfilling(server, TODAY) as service:
        ran(service, FIRST, LAST, frequency="month-end")
        server.reset()
        assert counts(ran(service, FIRST, LAST, ["61"], frequency="month-end")) == {"completed": 2}
        assert asked(server) == {str(kind): 2 for kind in (CLUBS, DISTRICT, DIVISIONS)}


@settings(max_examples=12, deadline=None, database=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([SUMMARY, CLUBS, DISTRICT, DIVISIONS]),
            st.sampled_from(["2023-01-10", "2023-01-11", "2023-01-12", "2023-02-0[78]", "2023-02-08", "2023-02-09"]),
            st.sampled_from([Fault.zero_rows(), Fault.error_page(), Fault.header_only(), Fault.empty_body(), Fault.status(403)]),
            st.sampled_from([None, 1, 2]),
        ),
        max_size=5,
    ),
    st.sampled_from(list(STRATEGIES)),
    st.integers(1, 4),
)
def test_p12_whatever_goes_wrong_nothing_unplanned_is_sent(
    faults: list[tuple[str, str, Fault, int | None]], strategy: str, concurrency: int
) -> None:
    """Whatever the dashboard answers, only documents that the plan names are asked for, each at most twice; and every unit comes to an end that is counted. [P12, P6, R6.4]"""
    districts, options = STRATEGIES[strategy]
    with serving(WINTER, TODAY) as server, backfilling(server, TODAY) as service:
        for kind, as_of, fault, times in faults:
            server.fail(fault, report=kind, as_of=as_of, times=times)
        request = BackfillRequest("2023-01-09", "2023-02-10", districts, concurrency=concurrency, **options)  # type: ignore[arg-type] # as above
        plan = service.plan(request)
        names = allowed(service, plan)
        report = service.initiate_backfill(plan).wait(60)
        assert report.status.is_final
        assert sum(counts(report).values()) == report.progress.total
        assert "pending" not in counts(report)
        asked_for = sent(server)
        listed = {name for name in asked_for if not name.startswith(SUMMARY)}
        assert {name for name in asked_for if name.startswith(SUMMARY)} <= names
        assert listed <= names if districts is not None else listed == set()
        assert set(asked_for.values()) <= {1, 2}
        assert "unplanned_request" not in {error.kind for error in report.errors}


# --- the plans that people ask about -----------------------------------------------------------------------------------------


def gaps(plan: BackfillPlan) -> dict[str, int]:
    """Return how many days are collected, and how many are gaps of each kind."""
    return dict(Counter(str(planned.gap or "collected") for planned in plan.days))


def test_the_plan_of_a_winter() -> None:
    """A daily plan over two closes: the days of the closings, and one that the list of as-ofs lacks, are gaps; both month-ends are there as of their closes. [B1, B10]"""
    with serving(WINTER, TODAY) as server, backfilling(server, TODAY) as service:
        plan = plan_of(service, ["91"])
        assert gaps(plan) == {"collected": 31, Gap.CLOSING: 18, Gap.NO_SUCH_AS_OF: 1}
        assert {
            str(planned.day): str(planned.as_of) for planned in plan.days if planned.as_of != planned.day and not planned.gap
        } == {
            "2022-12-31": "2023-01-10",
            "2023-01-31": "2023-02-08",
        }
        assert server.requests == ()


def test_the_plan_of_a_summer() -> None:
    """A daily plan over June's late close and a July of which nothing was given out in July. [B1, B10]"""
    with serving(ReportArchive.shipped(), TODAY) as server, backfilling(server, TODAY) as service:
        plan = service.plan(BackfillRequest("2022-06-25", "2022-08-15", ["91"]))
        assert gaps(plan) == {"collected": 13, Gap.CLOSING: 37, Gap.NO_SUCH_AS_OF: 2}
        ends = {planned.day: planned for planned in plan.days}
        assert (ends[on("2022-06-30")].as_of, ends[on("2022-07-31")].as_of) == (on("2022-07-28"), on("2022-08-09"))
        assert plan.requests == {str(kind): 13 for kind in (SUMMARY, CLUBS, DISTRICT, DIVISIONS)}


def test_a_gap_has_no_documents() -> None:
    """A day of the plan that is a gap names no document, for the day nor for a district. [P12]"""
    with serving(WINTER, TODAY) as server, backfilling(server, TODAY) as service:
        source = cast("RequestPlanner", RefreshServiceSource(service.refresh))
        closed: list[PlannedDay] = [planned for planned in plan_of(service, ["61"]).days if planned.gap]
        assert len(closed) == 19
        assert not any(source.requests_for(planned.edition, district) for planned in closed for district in (None, "61"))


def test_newest_first_by_default() -> None:
    """Pitfall 2: days are worked on from the newest to the oldest, stored under their own date, and listed by it in the report. [R4.3, R5.2]"""
    with serving(WINTER, TODAY) as server, backfilling(server, TODAY) as service:
        report = ran(service, "2023-01-11", "2023-01-14", concurrency=1)
        assert report.snapshot_ids == ("2023-01-14", "2023-01-13", "2023-01-12", "2023-01-11")
        assert [str(day) for day in service.store.days()] == sorted(report.snapshot_ids)
        assert [service.store.read(on(name)).metadata.day.isoformat() for name in report.snapshot_ids] == list(
            report.snapshot_ids
        )
