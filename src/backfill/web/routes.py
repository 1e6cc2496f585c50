"""The table of everything that the interface can do; the service says what of it is offered."""

from __future__ import annotations

import attrs

from backfill.model import BackfillPlan, BackfillReport, BackfillRequest
from backfill.service import BackfillService
from backfill.web import configuration, events, jobs, observing, plans, showing, snapshots
from backfill.web.bodies import (
    Configuration,
    Configuring,
    ErrorPage,
    GapRequest,
    Health,
    JobPage,
    RebuildRequest,
    SnapshotPage,
    SnapshotView,
    StartOptions,
    StoredDistrict,
    UnitsView,
)
from backfill.web.metrics import MEDIA_TYPE
from backfill.web.operations import EVENTS, Operation, Reply
from backfill.web.queries import CoverageQuery, ErrorQuery, EventQuery, JobQuery, SnapshotQuery
from backfill.web.shapes import Anything, Object
from backfill.web.wire import object_of
from backfill.wire import CoverageView

START = Object(
    dict,
    "BackfillStart",
    "A request, and under which condition to start it.",
    (*object_of(BackfillRequest).members, *object_of(StartOptions).members),
    incoming=True,
)

REQUEST = attrs.evolve(object_of(BackfillRequest), cls=dict)
"""A request whose members are still to be judged together with what the planner says of them."""

REPORT = object_of(BackfillReport)
BODY = (413, 415, 422)
_QUERY = {cls: object_of(cls) for cls in (JobQuery, ErrorQuery, EventQuery, SnapshotQuery, CoverageQuery)}

_ACCEPTED = Reply("Accepted: what has become of the job so far.", REPORT, headers=("Location", "Retry-After"))
_ACTION = {
    200: Reply("It was so already.", REPORT, headers=("Retry-After",)),
    202: Reply("It will be so soon.", REPORT, headers=("Retry-After",)),
}
_EVENTS = Reply("Events, for as long as the client listens.", media_type=EVENTS)
_KEY = ("Idempotency-Key",)
_LAST = ("Last-Event-ID",)
_JOB = "/backfills/{backfillId}"

OPERATIONS: tuple[Operation, ...] = (
    Operation("POST", "/backfills", jobs.start_backfill, {202: _ACCEPTED}, (*BODY, 409, 429), body=START, headers=_KEY),
    Operation("GET", "/backfills", jobs.list_backfills, {200: Reply("A page.", object_of(JobPage))}, (404,), query=_QUERY[JobQuery], conditional=True),
    Operation("GET", _JOB, jobs.get_backfill, {200: Reply("The report.", REPORT, headers=("Retry-After",))}, (404,), conditional=True),
    Operation("GET", _JOB + "/errors", jobs.list_errors, {200: Reply("A page.", object_of(ErrorPage))}, (404,), query=_QUERY[ErrorQuery], conditional=True),
    Operation("GET", _JOB + "/units", jobs.get_units, {200: Reply("The table.", object_of(UnitsView))}, (404,), conditional=True),
    Operation("GET", _JOB + "/events", events.watch_backfill, {200: _EVENTS, 204: Reply("It has ended, and all was told.", media_type=None)}, (404,), query=_QUERY[EventQuery], headers=_LAST),
    Operation("POST", _JOB + "/cancel", jobs.cancel_backfill, _ACTION, (404, 409, 413)),
    Operation("POST", _JOB + "/pause", jobs.pause_backfill, _ACTION, (404, 409, 413)),
    Operation("POST", _JOB + "/resume", jobs.resume_backfill, _ACTION, (404, 409, 413)),
    Operation("POST", _JOB + "/retry", jobs.retry_backfill, {202: _ACCEPTED}, (404, 409, 413, 422, 429), headers=_KEY),
    Operation("POST", "/plans", plans.make_plan, {200: Reply("The plan.", object_of(BackfillPlan))}, BODY, body=REQUEST),
    Operation("POST", "/gaps", jobs.fill_gaps, {202: _ACCEPTED}, (*BODY, 429), body=object_of(GapRequest), headers=_KEY),
    Operation("POST", "/rebuilds", jobs.rebuild_snapshots, {202: _ACCEPTED}, (*BODY, 429), body=object_of(RebuildRequest), headers=_KEY),
    Operation("GET", "/coverage", plans.get_coverage, {200: Reply("The coverage.", object_of(CoverageView))}, (422,), query=_QUERY[CoverageQuery], conditional=True),
    Operation("GET", "/snapshots", snapshots.list_snapshots, {200: Reply("A page.", object_of(SnapshotPage))}, query=_QUERY[SnapshotQuery], conditional=True),
    Operation("GET", "/snapshots/{day}", snapshots.get_snapshot, {200: Reply("The day.", object_of(SnapshotView))}, (404,), conditional=True),
    Operation("GET", "/snapshots/{day}/districts/{districtId}", snapshots.get_district, {200: Reply("The record.", object_of(StoredDistrict))}, (404,), conditional=True),
    Operation("GET", "/configuration", configuration.get_configuration, {200: Reply("The configuration.", object_of(Configuration))}, needs=configuration.is_configurable, conditional=True),
    Operation("PUT", "/configuration", configuration.put_configuration, {200: Reply("The configuration as it is now.", object_of(Configuration))}, (412, *BODY), body=object_of(Configuring), headers=("If-Match",), needs=configuration.is_configurable, conditional=True),
    Operation("GET", "/events", events.watch_backfills, {200: _EVENTS}, query=_QUERY[EventQuery], headers=_LAST),
    Operation("GET", "/health", observing.get_health, {200: Reply("It can.", object_of(Health))}),
    Operation("GET", "/metrics", observing.get_metrics, {200: Reply("The metrics.", media_type=MEDIA_TYPE)}),
    Operation("GET", "/openapi.json", observing.get_openapi, {200: Reply("The document.", Anything())}, conditional=True),
    Operation("GET", "/panel", showing.get_panel, {200: Reply("The page.", media_type="text/html; charset=utf-8")}, conditional=True),
    Operation("GET", "/panel.js", showing.get_panel_module, {200: Reply("The module.", media_type="text/javascript; charset=utf-8")}, conditional=True),
    Operation("GET", "/docs", observing.get_docs, {200: Reply("The page.", media_type="text/html; charset=utf-8")}, conditional=True),
)  # fmt: skip


def offered_by(service: BackfillService) -> tuple[Operation, ...]:
    """Return the operations that *service* can carry out."""
    return tuple(operation for operation in OPERATIONS if operation.needs is None or operation.needs(service))
