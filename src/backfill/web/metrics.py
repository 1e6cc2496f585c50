"""Counters and gauges in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from backfill.model import BackfillStatus, FetchStatus, HostStatus, UnitState
from backfill.service import BackfillService
from backfill.web.operations import State

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

ACTIVE = 1000
"""So many jobs that have not ended are looked at."""

Sample = tuple[Mapping[str, str], float]


def render_metrics(service: BackfillService, state: State) -> str:
    """Return the metrics of a service and of the application that serves it.

    Those of jobs are read from the job store, and so of all processes that share it; all others are of this process. Each carries
    the service's operation, so that a backfill and a refresh can be told apart.
    """
    base = {"operation": service.operation}
    lines: list[str] = []
    for name, kind, text, samples in (*_jobs(service), *_door(service.fetch_status()), *_requests(state)):
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{{{_labels({**base, **labels})}}} {value:.17g}" for labels, value in samples]
    return "\n".join(lines) + "\n"


Metric = tuple[str, str, str, Iterable[Sample]]


def _jobs(service: BackfillService) -> Iterator[Metric]:
    active = [status for status in BackfillStatus if not status.is_final]
    reports = service.list_backfills(states=active, limit=ACTIVE)
    jobs = {status: sum(report.status is status for report in reports) for status in active}
    units = {state: sum(getattr(report.progress, state) for report in reports) for state in UnitState}
    yield "backfill_jobs", "gauge", "Jobs that have not ended, by status.", [({"status": s}, n) for s, n in jobs.items()]
    yield "backfill_units", "gauge", "Units of these jobs, by state.", [({"state": s}, n) for s, n in units.items()]


def _door(status: FetchStatus | None) -> Iterator[Metric]:
    if status is None:
        return
    counters = {
        "backfill_fetch_requests_total": ("Requests sent to publishers.", status.requests),
        "backfill_fetch_retries_total": ("Of them, those that repeated a failed one.", status.retries),
        "backfill_fetch_reused_total": ("Documents served from the archive.", status.reused),
        "backfill_fetch_shared_total": ("Documents served by a request that was under way.", status.shared),
        "backfill_fetch_received_bytes_total": ("Bytes of the bodies received.", status.bytes_received),
    }
    for name, (text, value) in counters.items():
        yield name, "counter", text, [({}, value)]
    gauges: Mapping[str, tuple[str, Callable[[HostStatus], float]]] = {
        "backfill_host_in_flight": ("Requests under way.", lambda host: host.in_flight),
        "backfill_host_waiting": ("Calls that wait for their turn.", lambda host: host.waiting),
        "backfill_host_slowdown": (
            "By how much the host is asked less often, because it shows strain.",
            lambda host: host.slowdown,
        ),
        "backfill_host_parked_seconds": ("For how long the host is left alone from now on.", lambda host: host.parked_seconds),
        "backfill_host_breaker_open": ("Whether the breaker is not closed.", lambda host: host.breaker != "closed"),
    }
    for name, (text, of) in gauges.items():
        yield name, "gauge", text, [({"host": host.host}, of(host)) for host in status.hosts]


def _requests(state: State) -> Iterator[Metric]:
    answered = [
        ({"method": method, "path": path, "status": str(status)}, count)
        for (method, path, status), count in sorted(state.answered.items())
    ]
    yield "backfill_http_requests_total", "counter", "Requests answered by this interface.", answered
    yield "backfill_http_streams", "gauge", "Streams of events that are open.", [({}, state.slots.taken)]


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())


def _escaped(value: str) -> str:
    return str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
