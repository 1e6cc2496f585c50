"""P11: every state that the service can be in is rendered, from the response alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, given, settings

from backfill.jsonvalues import JsonValue
from backfill.model import BackfillReport
from backfill.testing.source import ScriptedDashboard
from browsing import Tabs
from panel_hosts import hosted
from panel_scenes import STUB, answers, stage_page, wired
from report_strategies import batches
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


def expected(report: BackfillReport) -> list[str]:
    """Return what must be read of a report."""
    progress = report.progress
    door = report.performance_status
    found = [
        STATUS[report.status],
        "".join(f"{words}: {getattr(progress, name):,}" for name, words in UNITS.items()),
        *(f"{group.count:,} \N{MULTIPLICATION SIGN} {group.kind} · " for group in report.error_summary),
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
