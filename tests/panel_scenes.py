"""Every state that the panel can show, as what the server would answer: for the accessibility tests, and for a sheet to look at."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, cast

from attrs import evolve, field, frozen

from backfill.jsonvalues import JsonValue
from backfill.model import (
    BackfillPlan,
    BackfillReport,
    BackfillRequest,
    BackfillScope,
    BackfillStatus,
    CellState,
    CollectionStrategy,
    DistrictError,
    Doubt,
    ErrorGroup,
    FetchStatus,
    Finding,
    HostStatus,
    Method,
    PlannedDay,
    Progress,
    ScopeKind,
    Stage,
    UnitState,
)
from backfill.model.plan import Gap
from backfill.web.bodies import JobPage, Problem, UnitRow, UnitsView, WrongValue
from backfill.web.openapi import document_of
from backfill.web.render import write
from backfill.web.routes import OPERATIONS
from backfill.web.wire import object_of
from backfill.wire import CoverageRow, CoverageView

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIRST = date(2026, 1, 1)
DISTRICTS = tuple(f"{number:02d}" for number in range(1, 25))
MARKUP = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script> &amp; \u202etxt"

Answers = dict[str, JsonValue]
"""What is answered, by method and path: a status and a body; a request that is not in it is never answered."""


@frozen
class Scene:
    """One state of the panel.

    Attributes:
        name: For the sheet.
        answers: What the server answers.
        ui: What the panel remembers of its user.
        unfold: Whether every part is folded out.
        presses: Labels of buttons that are pressed, in order.
        width: Pixels of the window.
    """

    name: str
    answers: Answers
    ui: Mapping[str, Any] = field(factory=dict)
    unfold: bool = False
    presses: tuple[str, ...] = ()
    width: int = 1000


def wired(value: object) -> JsonValue:
    """Return *value*, an instance of a class of the wire, as the server would send it."""
    return write(object_of(cast("Any", type(value))), value)


@cache
def document() -> JsonValue:
    """Return the published document of a service that can do everything."""
    return dict(document_of(OPERATIONS, "/bf", "1"))


def error(number: int, stage: Stage, kind: str, message: str, *, retry: bool) -> DistrictError:
    """Return the failure of some unit."""
    on = FIRST + timedelta(days=number % 59)
    return DistrictError(DISTRICTS[number % 24], on, stage, kind, message, 1 + 2 * retry, is_retryable=retry, timestamp=NOON)


ERRORS = (
    *(error(number * 7, Stage.FETCH, "http_503", "the dashboard answered 503 Service Unavailable", retry=True) for number in range(12)),
    *(error(number * 5, Stage.VALIDATE, "wrong_period", "asked for 2026-01-31, the footer says 2025-12-31", retry=False) for number in range(4)),
    DistrictError(None, FIRST, Stage.LIST, "timeout", "the list of districts did not come within 30 s", 5, is_retryable=True, timestamp=NOON),
)  # fmt: skip

GROUPS = (
    ErrorGroup(Stage.FETCH, "http_503", 12, True, ERRORS[11].message),
    ErrorGroup(Stage.VALIDATE, "wrong_period", 4, False, ERRORS[15].message),
    ErrorGroup(Stage.LIST, "timeout", 1, True, ERRORS[16].message),
)

MACHINE = FetchStatus(
    hosts=(
        HostStatus("https://dashboards.example.org:443", 5.0, 3, 2, 7, "closed", 0.0),
        HostStatus("https://mirror.example.org:443", None, 1, 0, 3, "half-open", 0.0),
        HostStatus("http://down.example.org:80", 0.5, 2, 0, 11, "open", 83.2),
        HostStatus("https://strained.example.org:443", 5.0, 3, 1, 4, "closed", 0.0, slowdown=4.0),
    ),
    requests=1834,
    retries=61,
    reused=402,
    shared=18,
    bytes_received=45_300_221,
    rate=5.0,
)


def report(status: BackfillStatus = BackfillStatus.PROCESSING, **changes: Any) -> BackfillReport:
    """Return the report of a job of 59 days and 24 districts that is about half done, with *changes*."""
    progress = Progress(
        59 * 24, 700, 60, 24, 17, 615, current=(date(2026, 1, 31), date(2026, 2, 1)), eta_seconds=4517.0,
        district_progress={name: {"completed": 29, "skipped": 2, "unavailable": 1, "failed": 1, "pending": 26} for name in DISTRICTS},
    )  # fmt: skip
    made = BackfillReport(
        backfill_id="20260302T120000-3c72dbb966e41f57",
        status=status,
        status_reason=None,
        scope=BackfillScope(ScopeKind.SYSTEM_WIDE, None),
        collection_strategy=CollectionStrategy(
            Method.PER_DISTRICT, "full", "full figures were asked for, which only a call for each district has"
        ),
        progress=progress,
        snapshot_ids=tuple((FIRST + timedelta(days=number)).isoformat() for number in range(30)),
        error=None,
        error_summary=GROUPS,
        errors=ERRORS,
        errors_total=17,
        partial_snapshots=(FIRST, FIRST + timedelta(days=1), FIRST + timedelta(days=9)),
        findings=(
            Finding("same_as", "the same rows as on 2026-01-09", date(2026, 1, 10), "07"),
            Finding("note", "clocks differ by 3 s"),
        ),
        performance_status=MACHINE,
        created_at=NOON,
        started_at=NOON + timedelta(seconds=2),
        completed_at=None,
    )
    return evolve(made, **changes)


def ended(status: BackfillStatus, progress: Progress, **changes: Any) -> BackfillReport:
    """Return the report of a job that has ended."""
    clean = {} if progress.failed else {"error_summary": (), "errors": (), "errors_total": 0, "partial_snapshots": ()}
    return report(status, progress=progress, completed_at=NOON + timedelta(hours=2, minutes=3), **{**clean, **changes})


QUEUED = report(
    BackfillStatus.QUEUED,
    scope=BackfillScope(ScopeKind.TARGETED, ("61", "F", "117"), (Doubt("16", "is not configured", ("61", "46")),), (Doubt("117", "no stored day has it"),)),
    progress=Progress(59, 0, 0, 0, 0, 59, is_estimate=True),
    error_summary=(), errors=(), errors_total=0, partial_snapshots=(), findings=(), snapshot_ids=(), performance_status=None, started_at=None,
)  # fmt: skip
PAUSED = report(
    BackfillStatus.PAUSED,
    status_reason="the disk is full: free some space, then resume",
    progress=Progress(1416, 700, 60, 24, 17, 615),
)
COMPLETE = ended(BackfillStatus.COMPLETE, Progress(1416, 1332, 60, 24, 0, 0))
PARTIAL = ended(BackfillStatus.PARTIAL_SUCCESS, Progress(1416, 1315, 60, 24, 17, 0))
FAILED = ended(
    BackfillStatus.ERROR,
    Progress(17, 0, 0, 0, 17, 0),
    status_reason="every unit failed",
    error="every unit failed",
    snapshot_ids=(),
)
CANCELLED = ended(BackfillStatus.CANCELLED, Progress(1416, 700, 60, 24, 17, 615), status_reason="cancelled on request")
HOSTILE = report(
    status_reason=MARKUP,
    scope=BackfillScope(ScopeKind.TARGETED, (MARKUP, "61"), (Doubt(MARKUP, MARKUP, (MARKUP,)),)),
    errors=(DistrictError(MARKUP, FIRST, Stage.FETCH, MARKUP, MARKUP, 1, is_retryable=True, timestamp=NOON),),
    error_summary=(ErrorGroup(Stage.FETCH, MARKUP, 1, True, MARKUP),), errors_total=3,
    findings=(Finding(MARKUP, MARKUP, FIRST, MARKUP),),
    performance_status=FetchStatus((HostStatus(MARKUP, 1.0, 1, 0, 0, MARKUP, 0.0),)),
    progress=Progress(3, 1, 0, 0, 1, 1, district_progress={MARKUP: {"completed": 1, "failed": 1, "pending": 1}}),
)  # fmt: skip
REPORTS = (QUEUED, report(), PAUSED, COMPLETE, PARTIAL, FAILED, CANCELLED)


def units(shown: BackfillReport) -> UnitsView:
    """Return units that fit a report, as near as a picture needs it."""
    states, progress = tuple(UnitState), shown.progress
    if shown.status is BackfillStatus.QUEUED:
        return UnitsView((), states, tuple(UnitRow(FIRST + timedelta(days=number), 0, ()) for number in range(progress.total)))
    if progress.failed == progress.total:
        return UnitsView(DISTRICTS[: progress.total], states, (UnitRow(FIRST, None, (4,) * progress.total),))
    listed = 50 if progress.pending else 59
    rows = [
        UnitRow(FIRST + timedelta(days=number), None, tuple(_unit(number, place, progress) for place in range(24)))
        if number < listed
        else UnitRow(FIRST + timedelta(days=number), 0, (-1,) * 24)
        for number in range(59)
    ]
    return UnitsView(DISTRICTS, states, tuple(rows))


def _unit(day: int, place: int, progress: Progress) -> int:
    if day >= 31 and progress.pending:
        return 0
    if progress.failed and (day * 5 + place * 3) % 97 == 0:
        return 4
    return 3 if place == day % 31 else 2 if day in {11, 12} else 1


@cache
def coverage() -> CoverageView:
    """Return a coverage with cells in every state."""
    rows = tuple(
        CoverageRow(FIRST + timedelta(days=number), "closing" if number % 30 == 29 else None, tuple(3 if number % 30 == 29 else _cell(number, place) for place in range(24)))
        for number in range(181)
    )  # fmt: skip
    states = tuple(CellState)
    counts = {state: sum(row.cells.count(place) for row in rows) for place, state in enumerate(states)}
    return CoverageView(
        FIRST, FIRST + timedelta(days=180), BackfillRequest("2026-01-01").frequency, DISTRICTS, states, rows, counts
    )


def _cell(day: int, place: int) -> int:
    if (day * 7 + place * 11) % 83 == 0:
        return 2
    return 0 if day < 90 else 1 if day < 120 else 4


def plan(*, done: bool = False) -> BackfillPlan:
    """Return the plan of two months; *done* = everything is stored already."""
    days = tuple(
        PlannedDay(
            FIRST + timedelta(days=number), None, Gap.CLOSING if number % 30 == 29 else None, None, Method.PER_DISTRICT, DISTRICTS,
            DISTRICTS if done else DISTRICTS[: number % 5],
        )
        for number in range(59)
    )  # fmt: skip
    scope = BackfillScope(ScopeKind.TARGETED, DISTRICTS, (Doubt("16", "is not configured", ("61", "46")),))
    strategy = CollectionStrategy(Method.PER_DISTRICT, "full", "full figures of several districts")
    requests = {} if done else {"clubperformance": 1254, "districtperformance": 1254, "divisionperformance": None}
    return BackfillPlan(
        BackfillRequest("2026-01-01", "2026-02-28"),
        scope,
        strategy,
        "dashboard",
        days,
        requests,
        0.0 if done else 501.6,
        True,
        "0" * 64,
    )


def problem(status: int, code: str, title: str, detail: str, remedy: str, *wrong: WrongValue) -> list[JsonValue]:
    """Return the answer of a problem."""
    return [status, wired(Problem("https://example.org/#" + code, title, status, detail, code, remedy, "7f3a1c", wrong))]


def answers(*reports: BackfillReport, **more: JsonValue) -> Answers:
    """Return what a server with these jobs answers; *more*: in place of some of it, by the path's first word."""
    page = JobPage(
        tuple(evolve(each, errors=(), findings=(), progress=evolve(each.progress, district_progress={})) for each in reports),
        None,
    )
    found: Answers = {"GET /openapi.json": [200, document()], "GET /backfills": [200, wired(page)]}
    for each in reports:
        found[f"GET /backfills/{each.backfill_id}"] = [200, wired(each)]
        found[f"GET /backfills/{each.backfill_id}/units"] = [200, wired(units(each))]
    keys = {"plans": "POST /plans", "coverage": "GET /coverage", "jobs": "GET /backfills", "gone": "GET /backfills/gone"}
    return found | {keys[name]: answer for name, answer in more.items()}


def job(name: str, shown: BackfillReport, **options: object) -> Scene:
    """Return the scene of one job."""
    return Scene(name, answers(shown), {"view": "jobs", "jobId": shown.backfill_id}, **options)  # type: ignore[arg-type] # those of a scene


def numbered(*reports: BackfillReport) -> tuple[BackfillReport, ...]:
    """Return *reports* with identifiers and times of their own."""
    return tuple(
        evolve(each, backfill_id=f"job-{number}", created_at=NOON - timedelta(hours=number))
        for number, each in enumerate(reports)
    )


UNAVAILABLE = problem(
    503, "store-unavailable", "The store cannot be used", "jobs cannot be read at the moment", "ask again later"
)
WRONG = problem(
    400, "invalid-body", "The body does not fit the schema", "2 values do not fit the schema", "see errors for each of them",
    WrongValue("body", "#/startDate", '"2026-02-31" is not a date of the calendar', "write it like 2024-01-31"),
    WrongValue("body", "#/concurrency", "900 is not from 1 to 64", "choose a number in that range"),
)  # fmt: skip
DRAFT = {"startDate": "2026-01-01", "endDate": "2026-02-28", "targetDistricts": "16 01-24"}
RANGE = {"start": "2026-01-01", "end": "2026-06-30"}
EMPTY = CoverageView(FIRST, FIRST, BackfillRequest("2026-01-01").frequency, (), tuple(CellState), (), dict.fromkeys(CellState, 0))

SCENES = (
    Scene("jobs: loading", {}),
    Scene("jobs: none", answers()),
    Scene("jobs: one in each state", answers(*numbered(*REPORTS))),
    Scene("jobs: narrow", answers(*numbered(*REPORTS)), width=380),
    Scene("jobs: no answer", {"GET /openapi.json": [0, None], "GET /backfills": [0, None]}),
    Scene("jobs: a problem", answers(jobs=UNAVAILABLE)),
    job("job: queued, districts left out", QUEUED),
    job("job: running", report(), unfold=True),
    job("job: running, narrow", report(), width=380),
    job("job: asked whether to cancel", report(), presses=("Cancel",)),
    job("job: paused", PAUSED),
    job("job: complete", COMPLETE),
    job("job: partly done", PARTIAL, unfold=True),
    job("job: failed", FAILED),
    job("job: cancelled", CANCELLED),
    job("job: markup in every text", HOSTILE, unfold=True),
    Scene("job: loading", answers(), {"view": "jobs", "jobId": "unanswered"}),
    Scene("job: gone", answers(gone=problem(404, "job-not-found", "There is no such job", "there is no job gone", "GET /backfills lists them")), {"view": "jobs", "jobId": "gone"}),
    Scene("start: no answer", {"GET /openapi.json": [0, None], "GET /backfills": [0, None]}, {"view": "start"}),
    Scene("start: nothing typed", answers(), {"view": "start"}),
    Scene("start: a plan", answers(plans=[200, wired(plan())]), {"view": "start", "draft": DRAFT}, unfold=True),
    Scene("start: narrow", answers(plans=[200, wired(plan())]), {"view": "start", "draft": DRAFT}, width=380),
    Scene("start: nothing is left to do", answers(plans=[200, wired(plan(done=True))]), {"view": "start", "draft": DRAFT}),
    Scene("start: planning", answers(), {"view": "start", "draft": DRAFT}),
    Scene("start: wrong values", answers(plans=WRONG), {"view": "start", "draft": {**DRAFT, "concurrency": "900"}}, unfold=True),
    Scene("coverage: nothing asked", answers(), {"view": "coverage"}),
    Scene("coverage: half a year", answers(coverage=[200, wired(coverage())]), {"view": "coverage", "range": RANGE}, presses=("Show",), unfold=True),
    Scene("coverage: nothing known", answers(coverage=[200, wired(EMPTY)]), {"view": "coverage", "range": RANGE}, presses=("Show",)),
    Scene("coverage: a problem", answers(coverage=WRONG), {"view": "coverage", "range": RANGE}, presses=("Show",)),
)  # fmt: skip

STUB = """
import { BackfillClient } from "/bf/panel.js";

const pause = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

globalThis.text = () => document.querySelector("backfill-panel").shadowRoot.textContent;

globalThis.calm = async (frames = 6) => { for (let frame = 0; frame < frames; frame += 1) await pause(); };

globalThis.show = async (answers, ui) => {
  document.querySelector("backfill-panel")?.remove();
  globalThis.answers = answers;
  const fetch = async (url, { method = "GET" } = {}) => {
    const found = globalThis.answers[`${method} ${new URL(url).pathname.replace("/bf", "")}`];
    if (found === undefined) return new Promise(() => undefined);
    if (found[0] === 0) throw new TypeError("no network");
    return new Response(JSON.stringify(found[1]), { status: found[0] });
  };
  const panel = document.createElement("backfill-panel");
  panel.client = new BackfillClient({ src: "/bf", fetch, live: false });
  sessionStorage.setItem(`backfill-panel ${panel.client.src}`, JSON.stringify(ui));
  document.querySelector("main").append(panel);
  await globalThis.calm();
};

globalThis.unfold = () => { for (const summary of document.querySelector("backfill-panel").shadowRoot.querySelectorAll("details:not([open]) > summary")) summary.click(); };

globalThis.renderViews = async (json) => {
  const found = [];
  for (const [answers, ui, label] of JSON.parse(json)) {
    await globalThis.show(answers, ui);
    const { shadowRoot } = document.querySelector("backfill-panel");
    [...shadowRoot.querySelectorAll("button")].find((button) => button.textContent === label)?.click();
    await globalThis.calm();
    globalThis.unfold();
    await globalThis.calm(2);
    const controls = [...shadowRoot.querySelectorAll("button:enabled")].map((button) => button.textContent);
    found.push({ text: globalThis.text(), controls });
  }
  return found;
};

globalThis.renderAll = async (json) => {
  const reports = JSON.parse(json); // as the interface sends it: a name may be __proto__
  const panel = document.querySelector("backfill-panel");
  const found = [];
  for (const [number, report] of reports.entries()) {
    globalThis.answers[`GET /backfills/${report.backfillId}`] = [200, report];
    panel.setAttribute("job-id", report.backfillId);
    for (let frame = 0; frame < 200 && !globalThis.text().includes(report.backfillId); frame += 1) await pause();
    globalThis.unfold();
    await globalThis.calm(2);
    const controls = [...panel.shadowRoot.querySelectorAll("button")].map((button) => button.textContent);
    found.push({ text: globalThis.text(), controls });
  }
  return found;
};
"""
"""A page's script that shows the panel with answers of the test's making."""


def stage_page() -> Mapping[str, str]:
    """Return the page on which scenes are shown."""
    return {"/stage": '<script type="module" src="/stage.js"></script>'}
