"""Jobs: start, look at, cancel, retry."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from math import ceil
from typing import cast

from backfill.job import Job
from backfill.model import BackfillPlan, BackfillReport, BackfillStatus, DayRow, UnitState
from backfill.web.bodies import ErrorPage, GapRequest, JobPage, RebuildRequest, UnitRow, UnitsView
from backfill.web.operations import Answer, Call, Stream
from backfill.web.plans import check_size, request_of
from backfill.web.queries import ErrorQuery, JobQuery
from backfill.web.trouble import Trouble

POLL_SECONDS = 2
"""After so long a client that asks from time to time should ask again, where the job does not say how long it will take."""

LONGEST_POLL_SECONDS = 30

NO_UNIT = -1
"""What a table of units has where a day has no unit of a district."""


def start_backfill(call: Call) -> Answer | Stream:
    """Start a job: collect a range of past days, for some districts or all.

    With `planFingerprint` it starts only if it would do exactly what the plan of that fingerprint says.
    """
    members = dict(call.given(dict[str, object]))
    fingerprint = cast("str | None", members.pop("plan_fingerprint", None))
    request = request_of(call, members)
    return accepted(
        call,
        call.service.initiate_backfill(request, plan_fingerprint=fingerprint, idempotency_key=_key(call), admit=admitting(call)),
    )


def admitting(call: Call) -> Callable[[BackfillPlan], None]:
    """Return what looks at a new job before it is accepted: not at the repetition of one that was."""

    def admit(plan: BackfillPlan) -> None:
        """Refuse the job where too many wait already, or if it is too large.

        Raises:
            Trouble: It is so.
        """
        most = call.limits.max_queued
        if len(call.service.list_backfills(states=[BackfillStatus.QUEUED], limit=max(1, most))) >= most:
            detail = f"{most} jobs wait already, and there may be no more"
            raise Trouble("queue-full", detail, "ask again later, or cancel one of them", headers={"Retry-After": "60"})
        check_size(call, plan.total_units)

    return admit


def _key(call: Call) -> str | None:
    """Return the key of the request, its own for each who asks, where it is known who does: keys are chosen without knowing of others."""
    key = call.headers.get("Idempotency-Key")
    if key is None or call.principal is None:
        return key
    return hashlib.sha256(f"{call.principal}\n{key}".encode("utf-8", "surrogatepass")).hexdigest()


def accepted(call: Call, job: Job) -> Answer:
    """Return the answer to a request that made *job*."""
    report = job.report()
    return Answer(report, 202, {"Location": f"{call.root}/backfills/{report.backfill_id}", **_poll(report)})


def list_backfills(call: Call) -> Answer | Stream:
    """List the jobs, newest first."""
    query = call.asked(JobQuery)
    reports = call.service.list_backfills(states=query.status, limit=query.offset + query.limit + 1, after=query.after)
    page = tuple(reports[query.offset : query.offset + query.limit])
    more = len(reports) > query.offset + query.limit
    return Answer(JobPage(page, call.next_page(after=page[-1].backfill_id, offset=0) if more else None))


def get_backfill(call: Call) -> Answer | Stream:
    """Return what has become of a job so far."""
    report = call.service.get_backfill_status(call.part("backfillId", str))
    return Answer(report, headers=_poll(report))


def list_errors(call: Call) -> Answer | Stream:
    """List the failures of a job, oldest first."""
    query = call.asked(ErrorQuery)
    found = call.service.errors(call.part("backfillId", str), after=query.after, limit=query.limit + 1)
    more = len(found) > query.limit
    return Answer(ErrorPage(tuple(found[: query.limit]), call.next_page(after=query.after + query.limit) if more else None))


def get_units(call: Call) -> Answer | Stream:
    """Return the state of every unit of a job, as a table of days by districts."""
    rows = call.service.units(call.part("backfillId", str))
    districts = tuple(sorted({district for listed in {row.districts for row in rows.values()} for district in listed or ()}))
    return Answer(UnitsView(districts, tuple(UnitState), tuple(_unit_row(day, rows[day], districts) for day in sorted(rows))))


def _unit_row(day: date, row: DayRow, districts: tuple[str, ...]) -> UnitRow:
    if row.districts is None:
        return UnitRow(day, row.states[0], (NO_UNIT,) * len(districts))
    if row.districts == districts:
        return UnitRow(day, None, tuple(row.states))
    known = dict(zip(row.districts, row.states, strict=True))
    return UnitRow(day, None, tuple(known.get(district, NO_UNIT) for district in districts))


def cancel_backfill(call: Call) -> Answer | Stream:
    """Cancel a job: nothing new starts, what is in flight ends, what is collected is published."""
    return _act(call, call.service.cancel_backfill, reached=frozenset({BackfillStatus.CANCELLED}))


def pause_backfill(call: Call) -> Answer | Stream:
    """Pause a job: what is in flight ends, nothing new starts until it is resumed."""
    return _act(call, call.service.pause_backfill)


def resume_backfill(call: Call) -> Answer | Stream:
    """Resume a paused job."""
    return _act(call, call.service.resume_backfill)


def _act(call: Call, change: Callable[[str], bool], reached: frozenset[BackfillStatus] = frozenset()) -> Answer:
    """Return the answer to a request to change a job's state: 202 = it will, 200 = there was nothing to change.

    Raises:
        Trouble: The job has ended otherwise than in a state that was asked for.
    """
    backfill_id = call.part("backfillId", str)
    changed = change(backfill_id)
    report = call.service.get_backfill_status(backfill_id)
    if changed:
        return Answer(report, 202, _poll(report))
    if report.status.is_final and report.status not in reached:
        raise Trouble(
            "job-state", f"the job has ended as {report.status}", "GET it to see what became of it; nothing is left to do"
        )
    return Answer(report, headers=_poll(report))


def retry_backfill(call: Call) -> Answer | Stream:
    """Start a new job with only what failed in an ended one."""
    job = call.service.retry_failed(call.part("backfillId", str), idempotency_key=_key(call), admit=admitting(call))
    return accepted(call, job)


def fill_gaps(call: Call) -> Answer | Stream:
    """Start a job that collects what the coverage of a range lacks."""
    asked = call.given(GapRequest)
    job = call.service.fill_gaps(
        asked.start,
        asked.end,
        districts=asked.districts,
        frequency=asked.frequency,
        idempotency_key=_key(call),
        admit=admitting(call),
    )
    return accepted(call, job)


def rebuild_snapshots(call: Call) -> Answer | Stream:
    """Start a job that makes the snapshots of a range anew from the archive of raw documents, without the network."""
    asked = call.given(RebuildRequest)
    job = call.service.rebuild(
        asked.start,
        asked.end,
        districts=asked.districts,
        max_units=call.limits.max_units,
        idempotency_key=_key(call),
        admit=admitting(call),
    )
    return accepted(call, job)


def _poll(report: BackfillReport) -> dict[str, str]:
    """Return when to ask again: after a tenth of the time that the rest will take, within reason."""
    if report.status.is_final:
        return {}
    eta = report.progress.eta_seconds
    seconds = POLL_SECONDS if eta is None else min(max(1, ceil(eta / 10)), LONGEST_POLL_SECONDS)
    return {"Retry-After": str(seconds)}
