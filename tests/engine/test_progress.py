"""Reports from the state of a job."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backfill.engine.progress import build_report
from backfill.model import (
    BackfillStatus,
    Change,
    DayListed,
    DayPublished,
    DistrictError,
    FetchStatus,
    Found,
    JobState,
    Stage,
    StatusChanged,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from day_driver import NOTE
from engine_doubles import DAY, NOW, bounded, day, planned, state_of
from service_doubles import adds_up

BEGUN = StatusChanged(BackfillStatus.PROCESSING, NOW)


def after(state: JobState, *changes: Change) -> JobState:
    """Let these changes happen to a state, and return it."""
    for change in changes:
        state.apply(change)
    return state


def failure(district: str | None, number: int = 0, *, kind: str = "gone") -> UnitFailed:
    """Return the failure of one unit."""
    text = f"{district} is {kind}"
    return UnitFailed(DistrictError(district, day(number), Stage.FETCH, kind, text, 1, is_retryable=False, timestamp=NOW))


def settled(state: UnitState, *districts: str | None, number: int = 0) -> UnitsSettled:
    """Return the change that settles these units."""
    return UnitsSettled(day(number), dict.fromkeys(districts, state))


def test_a_report_says_all_that_is_known() -> None:
    """States, failures by cause, days stored and partial, findings, scope, strategy, times: everything stands where it belongs. [R4.4, R6.4]"""
    state = after(
        state_of(planned("A", "B", "C", "D"), planned("A", "B", on=day(1)), planned(on=day(2))),
        BEGUN,
        settled(UnitState.COMPLETED, "A"),
        settled(UnitState.SKIPPED, "B"),
        settled(UnitState.UNAVAILABLE, "C"),
        failure("D", kind="busy"),
        DayPublished(DAY, True, NOW),
        failure("A", 1),
        failure("B", 1),
        Found(NOTE),
        StatusChanged(BackfillStatus.CANCELLED, NOW + timedelta(hours=1), "enough"),
    )
    door = FetchStatus(rate=2.0)
    report = build_report(state, current=(day(2),), elapsed=10.0, performance=door)
    plan = state.spec.plan
    assert (report.backfill_id, report.scope, report.collection_strategy) == ("j1", plan.scope, plan.strategy)
    assert (report.status, report.status_reason, report.error) == ("cancelled", "enough", None)
    assert (report.created_at, report.started_at, report.completed_at) == (NOW, NOW, NOW + timedelta(hours=1))
    assert (report.snapshot_ids, report.partial_snapshots) == (("2026-01-05",), (DAY,))
    assert [(error.day, error.district_id) for error in report.errors] == [(DAY, "D"), (day(1), "A"), (day(1), "B")]
    assert [(group.kind, group.count, group.example) for group in report.error_summary] == [
        ("gone", 2, "B is gone"), ("busy", 1, "D is busy"),
    ]  # fmt: skip
    assert (report.errors_total, report.findings, report.performance_status) == (3, (NOTE,), door)
    progress = report.progress
    assert (progress.total, progress.completed, progress.skipped) == (7, 1, 1)
    assert (progress.unavailable, progress.failed, progress.pending) == (1, 3, 1)
    assert (progress.is_estimate, progress.current) == (True, (day(2),))
    assert progress.district_progress["A"] == {
        "pending": 0, "completed": 1, "skipped": 0, "unavailable": 0, "failed": 1,
    }  # fmt: skip
    assert adds_up(report)


def test_what_is_given_out_does_not_change_later() -> None:
    """A report is a moment: what happens afterwards is not seen in it. [R9.5]"""
    state = after(state_of(planned("A", "B")), BEGUN)
    report = build_report(state)
    before = deepcopy(report)
    after(state, settled(UnitState.COMPLETED, "A"), failure("B"), DayPublished(DAY, True, NOW), Found(NOTE))
    assert report == before
    assert report.progress.district_progress["A"]["pending"] == 1
    assert (report.errors, report.findings, report.snapshot_ids, report.error_summary) == ((), (), (), ())


def test_the_reason_of_an_error_is_the_error() -> None:
    """Only a job that failed as a whole has an error; a reason alone is none. [R6.4]"""
    for status in set(BackfillStatus) - {BackfillStatus.QUEUED}:
        begun = [StatusChanged(BackfillStatus.PROCESSING, NOW)] if status is not BackfillStatus.PROCESSING else []
        report = build_report(after(state_of(planned("A")), *begun, StatusChanged(status, NOW, "because")))
        assert report.status_reason == "because"
        assert report.error == ("because" if status is BackfillStatus.ERROR else None)


def test_days_are_shown_in_the_order_of_their_publishing() -> None:
    """Stored days stand in the order in which they were stored, partial ones by date. [R4.3, R6.3]"""
    state = state_of(*(planned("A", on=day(number)) for number in range(3)))
    for number in (2, 0, 1):
        state.apply(DayPublished(day(number), number != 1, NOW))
    report = build_report(state)
    assert report.snapshot_ids == ("2026-01-07", "2026-01-05", "2026-01-06")
    assert report.partial_snapshots == (day(0), day(2))


@pytest.mark.parametrize(
    ("changes", "elapsed", "eta"),
    [
        ([], 10.0, None),
        ([BEGUN], 10.0, None),
        ([BEGUN, settled(UnitState.SKIPPED, "A")], 10.0, None),
        ([BEGUN, settled(UnitState.UNAVAILABLE, "A")], 10.0, None),
        ([BEGUN, settled(UnitState.COMPLETED, "A")], None, None),
        ([BEGUN, settled(UnitState.COMPLETED, "A")], 10.0, 30.0),
        ([BEGUN, settled(UnitState.COMPLETED, "A"), failure("B")], 10.0, 10.0),
        ([BEGUN, failure("A"), settled(UnitState.SKIPPED, "B")], 10.0, 20.0),
        ([BEGUN, settled(UnitState.COMPLETED, "A", "B", "C", "D")], 10.0, 0.0),
        ([BEGUN, settled(UnitState.COMPLETED, "A"), StatusChanged(BackfillStatus.CANCELLED, NOW)], 10.0, None),
    ],
)
def test_how_long_the_rest_will_take(changes: Sequence[Change], elapsed: float | None, eta: float | None) -> None:
    """At the pace of the units that took work so far; not known before there is one, nor once the job has ended. [R9.5]"""
    state = after(state_of(planned("A", "B", "C", "D")), *changes)
    assert build_report(state, elapsed=elapsed).progress.eta_seconds == eta


def test_a_total_is_an_estimate_until_each_day_is_listed() -> None:
    """A day that is still to be listed counts as one, until it has become as many as it has districts, or none could be had. [R4.3]"""
    state = after(state_of(planned(), planned(on=day(1))), BEGUN)
    assert build_report(state).progress.total == 2
    assert build_report(state).progress.is_estimate
    after(state, DayListed(DAY, ("A", "B", "C")))
    assert (build_report(state).progress.total, build_report(state).progress.is_estimate) == (4, True)
    after(state, failure(None, 1))
    progress = build_report(state).progress
    assert (progress.total, progress.is_estimate, progress.failed, progress.pending) == (4, False, 1, 3)
    assert adds_up(build_report(state))


@bounded
@given(
    lists=st.lists(st.none() | st.integers(1, 4), min_size=1, max_size=4),
    outcomes=st.lists(st.sampled_from(["completed", "skipped", "unavailable", "failed", "list"]), max_size=12),
)
def test_p6_the_counts_add_up_after_every_change(lists: list[int | None], outcomes: list[str]) -> None:
    """Whatever becomes of which unit, and in whatever order days are listed, the five states add up to the total, each time. [P6, R4.3]"""
    days = [planned(*"ABCD"[: count or 0], on=day(number)) for number, count in enumerate(lists)]
    state = after(state_of(*days), BEGUN)
    open_units = [(number, name) for number, each in enumerate(days) for name in each.districts or (None,)]
    for outcome in outcomes:
        if not open_units:
            break
        number, name = open_units.pop(0)
        if outcome == "list" and name is None:
            after(state, DayListed(day(number), ("A", "B")))
            open_units += [(number, "A"), (number, "B")]
        elif outcome in {"failed", "list"}:
            after(state, failure(name, number))
        else:
            after(state, settled(UnitState(outcome), name, number=number))
        report = build_report(state, elapsed=1.0)
        assert adds_up(report)
        assert report.progress.pending == len(open_units)
