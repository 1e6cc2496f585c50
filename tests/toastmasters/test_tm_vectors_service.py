"""Vectors of the service: configuration, scope, strategy, jobs and what happens after a restart; see `tm_vectors`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from backfill import BackfillRequest, BackfillStatus, InvalidRequest, PermanentSourceError
from backfill.errors import StoreUnavailable
from backfill.jobstores import SqliteJobStore
from backfill.model import CellState, Change, DayPublished, JobSpec, ScopeKind, StatusChanged, UnitsSettled, UnitState
from backfill.scopes import DistrictConfigurationService
from backfill.scopes.stored import ChangeAction
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.samples import record, store_records
from backfill.testing.source import ScriptedSource
from backfill.toastmasters import RefreshServiceSource
from service_doubles import PATIENCE, FailingStore, GatedSource, ask, collect, days, serving, until
from tm_vectors import PARTLY, Section, SetAside, Vector, account_for

IN_ORDER = "districts stay in the order in which they were given, so that nothing is reordered behind a caller's back"
NEVER_EMPTY = "the last district is not removed, since none configured means all (R7.2); `clear` says that one wants it (R7.3)"
GUESS = "a suggestion shares characters with what was written, and has no confidence: a guess is for people (contract.md, Scope)"
NEWEST = "the first snapshot listed is not the newest: coverage knows every day (B5)"
QUEUED = "a second job waits in the one queue, first in, first out, and is not refused (contract.md, max_active_jobs; R4.1)"
NOT_STALE = (
    "no job grows stale: a lock tells whether its owner lives, and what a dead one left is gone on with (contract.md, Jobs; B2)"
)
NAMED = (
    "naming every configured district asks for full detail, naming none for a summary (contract.md, detail): not the same request"
)
EMPTY = "an empty list of targets is refused, where leaving it out means all: a filter that found nothing must not collect everything (contract.md, BackfillRequest)"
EFFICIENCY = "an efficiency is a constant, where the plan counts requests (B1); and the words of the rationale are ours"
AT_ONCE = "a published day is noted at once, so that a kill loses nothing (contract.md, Jobs; B2), and not within five seconds"
NO_CHECKPOINT = "there is no checkpoint to be damaged: what is done is a row of the job and what is published under its id (contract.md, Jobs)"
NO_CALLBACK = "a service is made of its source: there is no callback to be forgotten (domain.md 4, rule 4)"
NO_RECOVERING = "a job that goes on is queued or processing again; there is no state for it (contract.md, BackfillStatus)"


@contextmanager
def configured(*districts: str) -> Iterator[DistrictConfigurationService]:
    """Provide a configuration in a file of its own."""
    with TemporaryDirectory() as folder:
        configuration = DistrictConfigurationService(Path(folder) / "districts.json")
        if districts:
            configuration.set_districts(districts)
        yield configuration


def district_config(vector: Vector) -> None:
    """Changes of the configuration, their history, and what it says of districts outside it."""
    expected = vector["expected"]
    with configured() as configuration:
        for action, names, by in vector["ops"]:
            if action == "remove" and configuration.districts == (names,):
                with pytest.raises(InvalidRequest):
                    configuration.remove(names, by=by)
                configuration.clear(by=by)
                assert [(one.action, one.by) for one in configuration.history(1)] == [("clear", by)]
                raise SetAside(NEVER_EMPTY)
            apply(configuration, action, names, by)
        found = configuration.districts or ()
        if "districts" in expected:
            PARTLY[IN_ORDER] += list(found) != expected["districts"]
            assert sorted(found) == expected["districts"]
            assert (configuration.districts is not None) is expected.get("hasConfiguredDistricts", bool(found))
        of_history(configuration, expected)
    if "snapshots" in vector:
        collections(found, vector)
    elif "isValid" in expected:
        against(vector.get("allDistricts", found), found, expected)


def apply(configuration: DistrictConfigurationService, action: str, names: Any, by: str) -> None:
    """Change the configuration as an operation of a vector does."""
    if action == "set":
        configuration.set_districts(names, by=by)
    else:
        (configuration.add if action == "add" else configuration.remove)(names, by=by)


def of_history(configuration: DistrictConfigurationService, expected: Vector) -> None:
    """What the history says: who did what, newest first."""
    changes = configuration.history()
    kinds = (ChangeAction.ADD, ChangeAction.REMOVE, ChangeAction.SET)
    adds, removes, sets = ([one for one in changes if one.action is kind] for kind in kinds)
    added = [name for one in adds for name in set(one.after or ()) - set(one.before or ())]
    removed = [name for one in removes for name in set(one.before or ()) - set(one.after or ())]
    assert len(changes) == expected.get("history_count", expected.get("totalChanges", len(changes)))
    assert len(sets) == expected.get("replaceOperations", len(sets))
    assert sorted(added) == expected.get("addedDistricts", sorted(added))
    assert removed == expected.get("removedDistricts", removed)
    assert set(expected.get("addedDistricts_contains", ())) <= set(added)
    assert set(expected.get("removedDistricts_contains", ())) <= set(removed)
    people = sorted({str(one.by) for one in changes})
    assert people == expected.get("adminUsers", people)
    if "replace_entry" in expected:
        entry, last = expected["replace_entry"], changes[0]
        assert (last.action, last.by) == ({"replace": "set"}[entry["action"]], entry["adminUser"])
        assert [list(last.before or ()), list(last.after or ())] == [entry["previousDistricts"], entry["newDistricts"]]
    if "history_limit" in expected:
        limited = [set(one.after or ()) - set(one.before or ()) for one in configuration.history(expected["history_limit"])]
        assert (limited[0], limited[-1], len(limited)) == ({expected["first"]}, {expected["last"]}, expected["history_limit"])


def against(known: Sequence[str], asked: Sequence[str], expected: Vector) -> None:
    """Districts compared with a list: in ours, a request's with the configuration."""
    with configured(*known) as configuration:
        valid = expected.get("validDistricts", [])
        if not valid:
            with pytest.raises(InvalidRequest) as refused:
                configuration.resolve(asked)
            assert not expected["isValid"]
            assert all(repr(name) in str(refused.value) for name in asked)
            assert repr(expected["suggest"]["41"]["contains"]) in refused.value.remedy
        else:
            scope = configuration.resolve(asked)
            assert list(scope.districts or ()) == valid
            assert [doubt.text for doubt in scope.excluded] == expected["invalidDistricts"]
            assert (not scope.excluded) is expected["isValid"]
            assert len(scope.excluded) == expected.get("warnings_count", len(expected.get("warnings", ())))
            assert len(scope.districts or ()) == expected.get("lastCollectionInfo_count", len(valid))
        PARTLY[GUESS] += not expected["isValid"]


def collections(districts: Sequence[str], vector: Vector) -> None:
    """On how many days each district was collected."""
    store = MemorySnapshotStore()
    held = [date.fromisoformat(one["created_at"][:10]) for one in vector["snapshots"]]
    for on, one in zip(held, vector["snapshots"], strict=True):
        store_records(store, *(record(name, day=on) for name in one["districts"]), day=on)
    with serving(ScriptedSource(), store) as service:
        coverage = service.coverage(min(held), max(held), districts=list(districts))
    for name, info in vector["expected"]["info"].items():
        there = [on for on in coverage.days if coverage.state(on, name) is CellState.FULL]
        assert len(there) == info["recentSuccessCount"]
        assert info["lastSuccessfulCollection"] == vector["snapshots"][0]["created_at"]
        PARTLY[NEWEST] += max(there) != held[0]


class Recording:
    """A refresh service that notes which of its methods was called, under the name that the vectors know it by."""

    def __init__(self) -> None:
        self.called: list[tuple[str, tuple[str, ...]]] = []

    def get_all_districts(self, on: date, /) -> Mapping[str, object]:
        """Return figures of every district."""
        self.called.append(("getAllDistricts", ()))
        return {"42": on.isoformat()}

    def get_district_performance(self, on: date, district: str, /) -> object:
        """Return figures of one."""
        self.called.append(("getDistrictPerformance", (district,)))
        return on.isoformat()

    def get_multiple_districts(self, on: date, districts: Sequence[str], /) -> Mapping[str, object]:
        """Return figures of several."""
        self.called.append(("getMultipleDistricts", tuple(districts)))
        return dict.fromkeys(districts, on.isoformat())


def strategy(vector: Vector) -> None:
    """The strategy of a request, and the refresh service's method that collects it."""
    asked, expected = vector["request"], vector["expected"]
    refresh = Recording()
    request = BackfillRequest(asked["startDate"], None, asked.get("targetDistricts"), asked["collectionType"])
    report = collect(RefreshServiceSource(refresh), MemorySnapshotStore(), request)
    assert report.collection_strategy is not None
    assert (report.status, report.collection_strategy.method) == ("complete", expected["type"])
    assert refresh.called == [(expected["refreshMethod"], tuple(expected.get("targetDistricts", ())))]
    assert report.collection_strategy.rationale
    PARTLY[EFFICIENCY] += 1


def scope(vector: Vector) -> None:
    """The scope of a request within the configuration."""
    asked, expected = vector["request"], vector["expected"]
    targets = asked["targetDistricts"] if isinstance(asked, dict) else [asked] if isinstance(asked, str) else asked
    with configured(*vector["configured"]) as configuration:
        if not targets:
            with pytest.raises(InvalidRequest):
                configuration.resolve(targets)
            assert configuration.resolve(None).kind == expected["scopeType"]
            raise SetAside(EMPTY)
        found = configuration.resolve(targets)
    if set(targets) == set(vector["configured"]):
        assert found.kind is ScopeKind.TARGETED
        raise SetAside(NAMED)
    assert found.kind == expected.get("scopeType", found.kind)
    assert (not found.excluded) is expected.get("validationPassed", True)
    left_out = [doubt.text for doubt in found.excluded]
    kept = [name for name in targets if name not in left_out]
    assert list(found.districts or ()) == kept == expected.get("validDistricts", kept)
    assert (not left_out) is expected.get("inScope", not left_out)
    outside = [name for name in targets if vector["configured"] and name not in vector["configured"]]
    assert left_out == outside == expected.get("invalidDistricts", outside)
    assert len(found.excluded) == len(expected.get("violations", found.excluded))


def relative(text: str) -> date:
    """Return the day that a text such as "today-3" names, on the service's clock."""
    return VirtualClock().today() - timedelta(days=int(text.removeprefix("today-")))


def resume(vector: Vector) -> None:
    """What is done, or stored, is not collected again."""
    start, end = relative(vector["startDate"]), relative(vector["endDate"])
    done = [relative(text) for text in vector["completedItems"]]
    there = [relative(text) for text in vector["existingSnapshots"]]
    disk_is_full = [bool(done)]

    def failure(call: str, on: date, _district: str | None) -> BaseException | None:
        return StoreUnavailable("the disk is full") if disk_is_full[0] and call == "begin" and on not in done else None

    source, store = ScriptedSource(), FailingStore(failure)
    disk_was, disk_is_full[0] = disk_is_full[0], False
    for on in there:
        store_records(store, record("A", day=on), day=on)
    disk_is_full[0] = disk_was
    request = BackfillRequest(start, end, ["A"], concurrency=1, order="oldest-first", skip_existing=vector["skipExisting"])
    with serving(source, store) as service:
        job = service.initiate_backfill(request)
        if done:
            until(lambda: job.status is BackfillStatus.PAUSED)
            assert list(store.days()) == done
            disk_is_full[0] = False
            source.calls.clear()
            assert job.resume()
        report = job.wait(PATIENCE)
    assert report.status == "complete"
    assert len(source.calls) == vector["expected"]["processed"]
    assert report.progress.skipped + len(done) == vector["expected"]["skipped"]


def jobs(vector: Vector) -> None:
    """A second job, and cancelling in each state."""
    if vector["name"] == "progress batching":
        raise SetAside(AT_ONCE)
    if vector["name"] == "cancel":
        cancelling(vector["status"], vector["expected"])
        return
    source = GatedSource()
    with serving(source) as service:
        first = service.initiate_backfill(ask(1, "A")) if vector["active"] else None
        if first is not None:
            source.await_arrivals()
        second = service.initiate_backfill(ask(1, "B"))
        if first is not None:
            assert (first.status, second.status) == ("processing", "queued")
        source.gate.set()
        assert second.wait(PATIENCE).status == "complete"
        if first is not None:
            assert first.wait(PATIENCE).status == "complete"
            raise SetAside(QUEUED if vector["expected"]["create"] == "rejected" else NOT_STALE)
        assert vector["expected"] == {"create": "allowed"}


ENDS = {"completed": "complete", "failed": "error", "cancelled": "cancelled"}
"""The vectors' words for how a job has ended, in ours."""


def cancelling(status: str, expected: Vector) -> None:
    """Cancel a job that is in a state."""
    if status in {"completed", "failed"}:
        answer = PermanentSourceError("broken") if status == "failed" else {"figures": 1}
        with serving(ScriptedSource(lambda _on, _name: answer)) as service:
            job = service.initiate_backfill(ask(2, "A"))
            assert job.wait(PATIENCE).status == ENDS[status]
            assert job.cancel() is expected["cancelled"]
            assert job.status == ENDS[expected["status"]]
        return
    source = GatedSource()
    with serving(source) as service:
        running = service.initiate_backfill(ask(2, "A", concurrency=1))
        source.await_arrivals()
        job = service.initiate_backfill(ask(2, "B")) if status == "pending" else running
        assert (running.status, job.status) == ("processing", "queued" if status == "pending" else "processing")
        if status == "cancelled":
            assert job.cancel()
        assert job.cancel() is expected["cancelled"]
        source.gate.set()
        assert job.wait(PATIENCE).status == ENDS[expected["status"]]


class Unlisted(SqliteJobStore):
    """A job store that cannot say which of its jobs nobody works on."""

    def abandoned(self, *_arguments: object, **_options: object) -> list[str]:
        """Fail."""
        raise StoreUnavailable("Storage unavailable")


def recovery(vector: Vector) -> None:
    """What a service finds of the one before it, and finishes."""
    expected, found = vector["expected"], vector["jobs"]
    if vector["name"] == "no resume callback":
        raise SetAside(NO_CALLBACK)
    checkpoint = found[0]["checkpoint"] if found and found != "raises" else None
    if checkpoint is not None and expected.get("resumed_with") != ["checkpoint"]:
        raise SetAside(NO_CHECKPOINT)
    source, store = ScriptedSource(), MemorySnapshotStore()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "jobs.sqlite3"
        if found == "raises":
            with (
                Unlisted(path) as unlisted,
                serving(source, store, jobs=unlisted) as service,
                pytest.raises(StoreUnavailable) as refused,
            ):
                service.resume_jobs()
            assert not expected["success"]
            assert expected["error_contains"] in str(refused.value)
            return
        with SqliteJobStore(path) as kept:
            for job in found:
                leave_behind(kept, store, is_begun=job["status"] == "running", done=() if job["checkpoint"] is None else days(1))
        with SqliteJobStore(path) as kept, serving(source, store, jobs=kept) as service:
            resumed = service.resume_jobs()
            assert [job.wait(PATIENCE).status for job in resumed] == ["complete"] * expected.get("jobsRecovered", 1)
    assert expected.get("success", True)
    assert expected.get("jobsFailed", 0) == 0
    assert len(resumed) == len(expected.get("resumed_with", resumed))
    assert [on for _call, on, _names in source.calls] == list(days(3)[checkpoint is not None :] if found else ())
    assert list(store.days()) == list(days(3) if found else ())
    if "resumedAt" in expected:
        raise SetAside(NO_RECOVERING)


def leave_behind(kept: SqliteJobStore, store: MemorySnapshotStore, *, is_begun: bool, done: Sequence[date]) -> None:
    """Leave a job of three days as a process that was killed leaves it: accepted, perhaps begun, some days done, owned by nobody."""
    with serving(ScriptedSource(), store) as service:
        plan = service.plan(ask(3, "A", concurrency=1))
    now = VirtualClock().now()
    kept.create(JobSpec("left", now, plan))
    changes: list[Change] = [StatusChanged(BackfillStatus.PROCESSING, now)] if is_begun else []
    for on in done:
        store_records(store, record("A", day=on), job_id="left", day=on)
        changes += [UnitsSettled(on, {"A": UnitState.COMPLETED}), DayPublished(on, is_partial=False, at=now)]
    kept.apply("left", changes, at=now)


RUN: dict[str, Section] = {
    "district_config": (district_config, 12, 1),
    "strategy": (strategy, 4, 0),
    "scope": (scope, 6, 2),
    "resume": (resume, 3, 0),
    "jobs": (jobs, 6, 5),
    "recovery": (recovery, 5, 5),
}


@pytest.mark.parametrize("section", RUN)
def test_vectors_of_the_service(section: str) -> None:
    """Every vector of the section comes out as expected, or is set aside for a reason that is printed; how many are which is fixed. [R3.3, R4.1, R4.4, R7.1, R7.5, B2]"""
    account_for(section, RUN[section])
