"""P11: every state that the service can be in is rendered, from the response alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from backfill.jsonvalues import JsonValue
from backfill.model import BackfillPlan, BackfillReport, CellState, Coverage
from backfill.testing.source import ScriptedDashboard
from backfill.wire import coverage_view
from browsing import Tabs
from panel_hosts import hosted
from panel_scenes import RANGE, STUB, answers, stage_page, wired
from report_strategies import batches, coverages, plans
from service_doubles import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

STATUS = {
    "queued": "Queued", "processing": "Running", "paused": "Paused", "complete": "Complete", "partial_success": "Partly done",
    "error": "Failed", "cancelled": "Cancelled",
}  # fmt: skip

UNITS = {
    "completed": "Stored",
    "skipped": "Stored before",
    "unavailable": "Not published",
    "failed": "Failed",
    "pending": "To do",
}


DIRECTIONS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that change the direction in which what follows is written."""


@pytest.fixture(scope="module")
def stage(browser: object) -> Iterator[Page]:
    """Open the page on which reports are rendered, with a server that knows no job: only the reports are there."""
    with (
        serving(ScriptedDashboard()) as service,
        hosted(service, stage_page(), {"/stage.js": STUB}) as url,
        Tabs(browser) as tabs,
    ):
        page = tabs.open(f"{url}/stage")
        page.wait_for_function("globalThis.show")
        page.evaluate("([answers, ui]) => show(answers, ui)", [answers(), {}])
        yield page
        tabs.check()


def isolated(text: str) -> str:
    """Return *text* as it stands inside another: what it says of the direction of writing ends with it."""
    return f"\u2068{text}\u2069" if set(text) & set(DIRECTIONS) else text


def expected(report: BackfillReport) -> list[str]:
    """Return what must be read of a report."""
    progress = report.progress
    door = report.performance_status
    found = [
        STATUS[report.status],
        "".join(f"{words}: {getattr(progress, name):,}" for name, words in UNITS.items()),
        *(f"{group.count:,} \N{MULTIPLICATION SIGN} {isolated(group.kind)} · " for group in report.error_summary),
        *(group.example for group in report.error_summary),
        *(error.message for error in report.errors),
        *(finding.message for finding in report.findings),
        *(doubt.text for doubt in (*report.scope.excluded, *report.scope.doubtful)),
        *progress.district_progress,
        report.collection_strategy.rationale,
        report.status_reason or "",
        f"Days stored{len(report.snapshot_ids)}",
        "Not known: another process" if door is None else f"Requests sent{door.requests:,}",
        *(host.host for host in (door.hosts if door else ())),
    ]
    return [text for text in found if text]


def controls(report: BackfillReport) -> set[str]:
    """Return what an operator can do with a job in this state."""
    can = set() if report.status.is_final else {"Cancel"}
    can |= {"Pause"} if report.status == "processing" else set()
    can |= {"Resume"} if report.status == "paused" else set()
    return can | ({"Retry what failed"} if report.status.is_final and report.progress.failed else set())


@pytest.mark.timeout(600)
def test_p11_every_state_is_rendered_from_the_response_alone(stage: Page) -> None:
    """Of any report everything is read in the page: status, counts, causes, errors, findings, doubts, hosts; and what can be done. [P11, R12.3, R12.4, R12.5]"""
    number = 0

    @settings(max_examples=12, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(batches)
    def render(batch: tuple[BackfillReport, ...]) -> None:
        nonlocal number
        number += 1
        made = [evolve(report, backfill_id=f"job-{number}-{at}-end") for at, report in enumerate(batch)]
        rendered = cast(
            "list[dict[str, Any]]",
            stage.evaluate("(json) => renderAll(json)", json.dumps([wired(report) for report in made])),
        )
        for report, seen in zip(made, rendered, strict=True):
            text = seen["text"]
            missing = [each for each in expected(report) if each not in text]
            assert not missing, (missing, text)
            assert controls(report) == set(seen["controls"]) & {"Cancel", "Pause", "Resume", "Retry what failed"}

    render()


def test_p11_a_list_of_any_jobs_is_rendered(stage: Page) -> None:
    """The list shows each job of a page with its status and progress, whatever state it is in. [P11, R12.3]"""

    @settings(max_examples=10, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(batches)
    def render(batch: tuple[BackfillReport, ...]) -> None:
        listed = cast("JsonValue", answers(*(evolve(report, backfill_id=f"job-{at}") for at, report in enumerate(batch))))
        stage.evaluate("([answers, ui]) => show(answers, ui)", [listed, {"view": "jobs"}])
        text = stage.evaluate("text()")
        for report in batch:
            done = report.progress.total - report.progress.pending
            estimate = "about " if report.progress.is_estimate else ""
            assert (
                f"{STATUS[report.status]}{100 if not report.progress.total else done * 100 // report.progress.total} % · {done} of {estimate}{report.progress.total} done"
                in text
            )

    render()


METHODS = {
    "system-wide": "one report for all districts", "per-district": "a call for each district", "targeted": "a call for several districts",
}  # fmt: skip

GAPS = {
    "closing": "inside another month's closing",
    "never-existed": "never existed",
    "not-published-yet": "not published yet",
    "no-such-as-of": "has no edition of its own",
    "unknown": "its list is empty",
}

EN_DASH = "\N{EN DASH}"
NOTHING = "Nothing is left to do"


def expected_of_plan(plan: BackfillPlan) -> list[str]:
    """Return what must be read of a plan."""
    units = f"{'' if plan.exact else '≥ '}{plan.total_units:,}"
    existing = sum(len(planned.existing) for planned in plan.days)
    doubts = (*plan.scope.excluded, *plan.scope.doubtful)
    return [
        f"Days{len(plan.days)}",
        *([f"Known gaps{len(plan.gaps)}: "] if plan.gaps else []),
        *(GAPS[planned.gap] for planned in plan.gaps if planned.gap),
        *(planned.day.isoformat() for planned in plan.gaps),
        f"Units (day \N{MULTIPLICATION SIGN} district){units}",
        f"Stored already{existing}",
        *(f"{name}: {'not known beforehand' if number is None else f'{number:,}'}" for name, number in plan.requests.items()),
        f"Collected by{METHODS[plan.strategy.method]}",
        f"Because{plan.strategy.rationale}",
        *([] if plan.exact else ["Estimates: some days have still to be listed."]),
        *(text for doubt in doubts for text in (isolated(doubt.text), isolated(doubt.why), *map(isolated, doubt.suggestions))),
    ]


def test_p11_any_plan_is_rendered_from_the_response_alone(stage: Page) -> None:
    """Of any plan all is read before anything is started: days, gaps and why, units, requests, doubts; and whether anything is left to do. [P11, B1, R12.2]"""

    @settings(max_examples=6, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.lists(plans(), min_size=10, max_size=10))
    def render(batch: list[BackfillPlan]) -> None:
        ui = {"view": "start", "draft": {"startDate": "2026-01-01"}}
        for plan, seen in zip(
            batch, rendered(stage, [(answers(plans=[200, wired(plan)]), ui, "") for plan in batch]), strict=True
        ):
            missing = [each for each in expected_of_plan(plan) if each not in seen["text"]]
            assert not missing, (missing, seen["text"])
            left = [planned for planned in plan.days if planned.gap is None and planned.existing != planned.districts]
            assert (NOTHING in seen["text"]) == (not left)
            assert "Start this backfill" in seen["controls"]

    render()


def test_p11_any_coverage_is_rendered_from_the_response_alone(stage: Page) -> None:
    """Of any coverage the counts are read, of all and of each district, the failed days, and whether there are gaps to fill. [P11, B5, R12.3]"""
    words = dict(
        zip(
            CellState,
            ("Full", "Summary only", "To be completed", "Failed", "Not published", "Never tried", "Damaged"),
            strict=True,
        )
    )

    @settings(max_examples=6, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.lists(coverages(), min_size=10, max_size=10))
    def render(batch: list[Coverage]) -> None:
        ui = {"view": "coverage", "range": RANGE}
        views = [(answers(coverage=[200, wired(coverage_view(coverage))]), ui, "Show") for coverage in batch]
        for coverage, seen in zip(batch, rendered(stage, views), strict=True):
            text = seen["text"]
            if not coverage.districts:
                assert "Nothing was ever collected in this range" in text
                continue
            gaps = sum(coverage.counts[state] for state in (CellState.FAILED, CellState.NEVER_TRIED, CellState.PARTIAL))
            assert "".join(f"{words[state]}: {coverage.counts[state]}" for state in CellState) in text
            for name in coverage.districts:
                states = [coverage.state(day, name) for day in coverage.days]
                found = "".join(str(states.count(state)) for state in CellState)
                assert f"{name}{found}{'' if CellState.FAILED in states else EN_DASH}" in text
            assert ("No gaps." in text) == (not gaps)
            assert [label for label in seen["controls"] if label.startswith("Fill")] == (
                [] if not gaps else ["Fill the gap" if gaps == 1 else f"Fill {gaps} gaps"]
            )

    render()


def rendered(stage: Page, views: Sequence[tuple[object, object, str]]) -> list[dict[str, Any]]:
    """Return what is read in the panel, and what can be pressed, for each of some answers, after a press of a button."""
    return cast("list[dict[str, Any]]", stage.evaluate("(json) => renderViews(json)", json.dumps(views)))
