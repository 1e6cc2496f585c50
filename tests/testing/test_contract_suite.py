"""How a contract is hooked up, run, and reported: with pytest, with unittest, and with neither."""

from __future__ import annotations

import inspect
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
from collections.abc import Callable, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import NoReturn, cast

import pytest

import stores.test_store_contract as store_hooks
from backfill import function_source
from backfill.clock import SystemClock
from backfill.errors import DataUnavailable, InvalidRequest, MissingExtra, PermanentSourceError
from backfill.fetching.reuse import Archive
from backfill.jobstores import MemoryJobStore
from backfill.model import Document
from backfill.protocols import Clock, DataSource, Fetch, JobStore, ScopeResolver, SnapshotStore
from backfill.scopes import FixedScope, OpenScope
from backfill.stores import MemorySnapshotStore
from backfill.testing import VirtualClock, contracts, stateful
from backfill.testing.contracts import (
    Contract,
    DataSourceContract,
    FetchContract,
    HttpFetchContract,
    JobStoreContract,
    RawArchiveContract,
    Result,
    ScopeContract,
    SnapshotStoreContract,
    check_fetch,
    check_http_fetch,
    check_job_store,
    check_raw_archive,
    check_scope,
    check_snapshot_store,
    check_source,
    list_tests,
    run_contract,
)
from backfill.testing.contracts._asserting import refused
from backfill.testing.contracts._connections import connections_allowed, no_connections
from backfill.testing.contracts._given import refuse_no_factory
from backfill.testing.contracts._suite import skip
from backfill.testing.fetch import DictFetch
from backfill.testing.source import ScriptedDashboard, ScriptedSource
from testing import narrow_jobs
from testing.broken_archives import ListedArchive
from testing.broken_doors import naive_fetch
from testing.broken_stores import BrokenStoreContract, KeepsDeleted, SaysNothing
from testing.tide_source import DAY, DOCUMENTS, TideContract, TideSource

ROOT = Path(__file__).parents[2]


@function_source("plain")
def plain_source(_day: date, _district: str, _fetch: Fetch) -> object:
    """Have one figure for all."""
    return {"figure": 1}


class Small(Contract):
    """Three tests, one of each outcome."""

    made: list[Path] = []  # noqa: RUF012 - shared by the instances on purpose

    def test_passes(self) -> None:
        """It passes. [B7]"""
        (self.place / "file").touch()
        self.made.append(self.place)

    def test_fails(self) -> None:
        """It fails. [B7]"""
        raise AssertionError("two: found 1, and should be 2")

    def test_is_left_out(self) -> None:
        """It is left out. [B7]"""
        skip("nothing to do", "do something")


class Reported(Small):
    """The same, by another name."""


@pytest.mark.parametrize(
    ("contract", "least"),
    [
        (SnapshotStoreContract, 50),
        (JobStoreContract, 40),
        (DataSourceContract, 20),
        (ScopeContract, 10),
        (FetchContract, 14),
        (HttpFetchContract, 22),
        (RawArchiveContract, 28),
    ],
)
def test_a_contract_has_many_tests(contract: type[Contract], least: int) -> None:
    """Each suite has a good number of tests, and each of them says in a sentence what it claims. [B7]"""
    names = list_tests(contract)
    assert len(names) >= least
    assert all((getattr(contract, name).__doc__ or "").strip() for name in names)


def test_hooking_up_takes_few_lines() -> None:
    """A store is hooked up in at most twelve lines, and has fifty tests run for it. [B7, R10.5]"""
    for hook in (store_hooks.TestMemorySnapshotStore, store_hooks.TestFlakyStore, store_hooks.TestSlowStore):
        lines = [line for line in inspect.getsource(hook).splitlines() if line.strip() and '"""' not in line]
        assert len(lines) <= 12
    minimal = "class TestMine(SnapshotStoreContract):\n    def make_store(self, place):\n        return MemorySnapshotStore()\n"
    space: dict[str, object] = {"SnapshotStoreContract": SnapshotStoreContract, "MemorySnapshotStore": MemorySnapshotStore}
    exec(minimal, space)
    hooked = space["TestMine"]
    assert isinstance(hooked, type)
    assert issubclass(hooked, Contract)
    assert len(run_contract(hooked).passed) >= 50


@pytest.mark.parametrize(
    ("field", "call"),
    [
        ("make_source", lambda: check_source(cast("Callable[[], DataSource]", TideSource()), lambda: DictFetch({}), units=())),
        ("make_source", lambda: check_source(cast("Callable[[], DataSource]", plain_source), lambda: DictFetch({}), units=())),
        ("make_fetch", lambda: check_source(TideSource, cast("Callable[[], Fetch]", DictFetch(DOCUMENTS)), units=())),
        ("make_scope", lambda: check_scope(cast("Callable[[Path], ScopeResolver]", OpenScope()))),
        ("make_scope", lambda: check_scope(cast("Callable[[Path], ScopeResolver]", OpenScope))),
        ("make_store", lambda: check_snapshot_store(cast("Callable[[Path], SnapshotStore]", MemorySnapshotStore()))),
        ("make_store", lambda: check_job_store(cast("Callable[[Path], JobStore]", MemoryJobStore()))),
        ("make_archive", lambda: check_raw_archive(cast("Callable[[Path], Archive]", ListedArchive()))),
        ("make_door", lambda: check_fetch(cast("Callable[[object], Fetch]", None))),
        ("make_fetcher", lambda: check_http_fetch(cast("Callable[[], Fetch]", DictFetch({})))),
    ],
)  # fmt: skip
def test_an_adapter_in_the_place_of_its_factory_is_refused(field: str, call: Callable[[], object]) -> None:
    """Whoever hands in the adapter itself is told that a factory is meant, and how to write one. [B7, R7.4]"""
    with pytest.raises(InvalidRequest, match="a factory is meant") as caught:
        call()
    assert caught.value.field == field
    assert "lambda" in caught.value.remedy


@pytest.mark.parametrize("inside", [(), ("1",), ["1", "1"], "61"])
def test_too_few_districts_in_scope_are_told(inside: Sequence[str]) -> None:
    """A suite for scopes that names fewer than two districts is told so, however it is run. [B7, R7.4]"""

    def make_scope(_place: Path) -> ScopeResolver:
        return FixedScope(["1"])

    with pytest.raises(InvalidRequest, match="two different districts") as caught:
        check_scope(make_scope, inside=inside)
    assert (caught.value.field, caught.value.value) == ("inside", inside)
    hooked = type("Hooked", (ScopeContract,), {"make_scope": staticmethod(make_scope), "inside": inside, "outside": ("2",)})
    report = run_contract(hooked)
    assert len(report.failed) > 8
    assert {type(result.error) for result in report.results if result.error} == {InvalidRequest}


def test_what_does_not_say_what_it_takes_may_be_a_factory() -> None:
    """A factory that is not written in Python, and has no signature, is given the chance to work. [B7]"""
    with pytest.raises(ValueError, match="no signature"):
        inspect.signature(max)
    refuse_no_factory("make_store", max, Path(), write="another")


def test_a_report_says_what_became_of_each_test() -> None:
    """A report counts, names and explains; what failed is raised together, with the claim of each. [B7]"""
    report = run_contract(Reported)
    assert (report.passed, report.failed, report.skipped) == (("test_passes",), ("test_fails",), ("test_is_left_out",))
    assert str(report).splitlines() == [
        "Reported: 1 passed, 1 skipped, 1 failed",
        "  failed: test_fails: AssertionError: two: found 1, and should be 2",
        "  skipped: test_is_left_out: nothing to do; do something",
    ]
    assert report.results[0] == Result("test_passes", "It passes.", "passed")
    assert str(report.results[0]) == "passed: test_passes"
    assert [path.exists() for path in Small.made] == [False]
    with pytest.raises(ExceptionGroup, match="1 of 3 tests of the Reported failed: test_fails") as caught:
        report.raise_for_failures()
    assert caught.value.exceptions[0].__notes__ == ["test_fails: It fails."]
    assert run_contract(Reported, without=frozenset({"test_fails"})).failed == ()


def test_what_goes_wrong_afterwards_is_a_failure_too() -> None:
    """An adapter that cannot be closed fails the test in which it was made; one without close needs none. [B7]"""

    class Closing(Contract):
        def test_it_is_closed(self) -> None:
            """What it opens does not close."""

            class Stubborn:
                def close(self) -> NoReturn:
                    raise OSError("it does not close")

            self.closing(object())
            self.closing(Stubborn())

    (result,) = run_contract(Closing).results
    assert (result.outcome, result.reason) == ("failed", "OSError: it does not close")


def test_an_interruption_is_let_through() -> None:
    """Ctrl-C ends the run, and is no failure of the adapter. [B7]"""

    class Interrupted(Contract):
        def test_it_is_interrupted(self) -> None:
            """Somebody presses Ctrl-C."""
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_contract(Interrupted)


@pytest.mark.parametrize(
    "contract", [SnapshotStoreContract, JobStoreContract, DataSourceContract, ScopeContract, FetchContract, HttpFetchContract]
)
def test_a_contract_without_an_adapter_fails(contract: type[Contract]) -> None:
    """A suite in which nobody says how the adapter is made proves nothing, and says so. [B7]"""
    report = run_contract(contract)
    assert not report.passed
    told = [result.reason for result in report.results if result.outcome == "failed"]
    assert all("NotImplementedError" in reason or "name in units" in reason for reason in told)


def test_documents_must_be_given() -> None:
    """A source for which nobody says what answers its questions is not tested, and says so. [B7]"""

    class NoDocuments(DataSourceContract):
        units = ((DAY, "dover"),)

        def make_source(self) -> TideSource:
            return TideSource()

    report = run_contract(NoDocuments)
    assert any("NotImplementedError" in result.reason for result in report.results)


def test_units_must_be_named() -> None:
    """A source without a unit to collect cannot be tested, and is told so. [B7]"""

    class Nothing(DataSourceContract):
        def make_source(self) -> TideSource:
            return TideSource()

        def make_fetch(self) -> Fetch:
            return DictFetch({})

    report = run_contract(Nothing)
    told = [result for result in report.results if "name in units = (…) at least one" in result.reason]
    assert len(told) > 10


# --- the functions ------------------------------------------------------------------------------------------------------


def test_functions_prove_adapters_without_a_class() -> None:
    """Each contract is also a function of how the adapter is made: it returns the report. [B7]"""
    reports = [
        check_snapshot_store(lambda _place: MemorySnapshotStore()),
        check_job_store(lambda _place: MemoryJobStore()),
        check_raw_archive(lambda _place: ListedArchive()),
        check_source(TideSource, lambda: DictFetch(DOCUMENTS), units=[(DAY, "dover"), (DAY, "oslo")]),
        check_scope(lambda _place: OpenScope()),
        check_fetch(DictFetch),
    ]
    kinds = ("SnapshotStore", "JobStore", "RawArchive", "DataSource", "Scope", "Fetch")
    names = [f"{kind}Contract" for kind in kinds]
    assert [report.contract for report in reports] == names
    assert all(report.passed and not report.failed for report in reports)
    assert pickle.loads(pickle.dumps(reports[0])).passed == reports[0].passed


def test_functions_raise_what_failed() -> None:
    """A broken adapter raises all failures as a group, from which each can be taken. [B7]"""
    with pytest.raises(ExceptionGroup, match="SnapshotStoreContract failed") as caught:
        check_snapshot_store(lambda _place: KeepsDeleted())
    notes = [note for error in caught.value.exceptions for note in error.__notes__]
    assert any(note.startswith("test_a_deleted_day_is_gone: A deleted day is neither read nor listed") for note in notes)
    with pytest.raises(ExceptionGroup, match="HttpFetchContract failed"):
        check_http_fetch(lambda: naive_fetch)


def test_sources_without_abilities_are_tested_for_what_they_have() -> None:
    """What a source cannot do is left out, each with the name of the protocol that it would be. [B7]"""
    report = check_source(ScriptedSource, lambda: DictFetch({}), units=[(DAY, "A")])
    assert len(report.passed) >= 7
    told = str(report)
    for protocol in ("DistrictCatalog", "SystemWideSource", "BatchSource", "EditionCatalog", "RequestPlanner", "Versioned"):
        assert f"backfill.protocols.{protocol}" in told


def test_errors_in_the_place_of_values_are_values() -> None:
    """A source may have an error in the place of a district's value, and still keeps the contract. [B7, R6.1]"""

    class Errors(DataSourceContract):
        units = ((DAY, "A"), (DAY, "B"))

        def make_source(self) -> ScriptedDashboard:
            return ScriptedDashboard({(DAY, "A"): {"a": 1}, (DAY, "B"): PermanentSourceError("no")}, districts=["A", "B"])

        def make_fetch(self) -> Fetch:
            return DictFetch({})

    Errors().test_one_call_serves_every_district()
    Errors().test_one_call_serves_several_districts()


class NarrowJobs(JobStoreContract):
    """The contract, hooked up to a job store that can do little."""

    def make_store(self, _place: Path, /) -> JobStore:
        """Return the store."""
        return narrow_jobs.basic(self.clock)


class NarrowLeases(NarrowJobs):
    """The same, for a store with leases, which an owner elsewhere does not have."""

    def make_store(self, _place: Path, /) -> JobStore:
        """Return the store."""
        return narrow_jobs.leasing(self.clock)

    def elsewhere(self, _store: JobStore, /) -> JobStore:
        """Return a store without leases."""
        return narrow_jobs.basic(self.clock)


class SystemClockJobs(JobStoreContract):
    """The contract, hooked up to a store that goes by a clock that no test can move."""

    @cached_property
    def clock(self) -> Clock:
        """The system's clock."""
        return SystemClock()

    def make_store(self, _place: Path, /) -> JobStore:
        """Return the store."""
        return MemoryJobStore(clock=self.clock)

    def elsewhere(self, store: JobStore, /) -> JobStore:
        """Return the store."""
        return store


def reasons(contract: type[Contract]) -> str:
    """Return why tests of *contract* are left out, and see that none fails."""
    report = run_contract(contract)
    assert not report.failed, str(report)
    return " ".join(result.reason for result in report.results)


def test_job_stores_without_abilities_are_tested_for_what_they_have() -> None:
    """What a job store cannot do is left out, each with the name of the protocol that it would be. [B7]"""
    told = reasons(NarrowJobs)
    for protocol in ("SupportsEvents", "SupportsErrors", "SupportsKeys", "SupportsOutcomes", "SupportsPages", "SupportsLeases"):
        assert f"backfill.protocols.{protocol}" in told
    told = reasons(NarrowLeases)
    for protocol in ("SupportsLeases", "SupportsRequests", "SupportsClaims"):
        assert f"backfill.protocols.{protocol}" in told
    assert "no test can move this clock; leave the clock as it is" in reasons(SystemClockJobs)


def test_without_hypothesis_the_orders_of_owners_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store with owners is tested for all else, and the reason names the extra. [B7]"""

    class Owned(JobStoreContract):
        def make_store(self, _place: Path, /) -> JobStore:
            return MemoryJobStore(clock=self.clock)

        def elsewhere(self, store: JobStore, /) -> JobStore:
            return store

    monkeypatch.setattr(stateful, "find_spec", lambda _name: None)
    assert reasons(Owned).count('pip install "backfill[test]"') == 2


def test_an_owner_elsewhere_without_leases_is_a_mistake_of_the_test() -> None:
    """The machine of owners says so where *elsewhere* returns a store that has none. [B7]"""
    clock = VirtualClock()
    with pytest.raises(TypeError, match="as an owner elsewhere has it it has none"):
        stateful.run_owner_machine(
            lambda _place: MemoryJobStore(clock=clock), lambda _store: narrow_jobs.basic(clock), clock=clock, examples=1
        )


def test_the_machine_closes_each_store_and_leaves_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stores that can be closed are, once each; folders go, also where a store cannot even be made. [B7]"""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    opened: list[Closing] = []

    class Closing(MemorySnapshotStore):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    def make(_place: Path) -> SnapshotStore:
        opened.append(Closing())
        return opened[-1]

    def fail(_place: Path) -> NoReturn:
        raise KeyError

    stateful.run_store_machine(make, examples=3, steps=5)
    assert [store.closed for store in opened] == [1] * len(opened)
    assert opened
    runs: list[Callable[[], None]] = [
        lambda: stateful.run_store_machine(fail),
        lambda: stateful.run_job_machine(fail),
        lambda: stateful.run_owner_machine(fail, lambda store: store, clock=VirtualClock()),
    ]
    for run in runs:
        with pytest.raises(KeyError):
            run()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", ["list_districts", "collect_all", "both"])
def test_what_a_source_plans_is_tested_for_what_it_can_do(missing: str) -> None:
    """A source that plans need not list or collect a day as a whole: what it can do is held against its plan. [P12, B7]"""
    names = ["list_districts", "collect_all"] if missing == "both" else [missing]

    class Part:
        name = "part"

        def __init__(self) -> None:
            tides = TideSource()
            for name in {"collect_district", "requests_for", "list_districts", "collect_all", "editions"} - {*names}:
                setattr(self, name, getattr(tides, name))

    class PartContract(TideContract):
        def make_source(self) -> DataSource:  # type: ignore[override] # a part of one
            return cast("DataSource", Part())

    report = run_contract(PartContract)
    assert not report.failed, str(report)
    whole = [result for result in report.results if result.name == "test_p12_it_lists_only_from_what_it_planned"]
    assert [result.outcome for result in whole] == ["skipped" if missing == "both" else "passed"]


def test_a_commit_must_say_what_it_did() -> None:
    """A store that does not say what a commit did fails by a sentence that says so, wherever that is needed. [B7]"""
    report = run_contract(type("SaysNothingContract", (BrokenStoreContract,), {"store": SaysNothing}))
    told = {result.reason for result in report.results if result.outcome == "failed"}
    assert any("is None, and should be there" in reason for reason in told)
    assert any("commit returned None, as if 2024-01-31 held nothing; it was given 1 records" in reason for reason in told)


# --- without a test framework -------------------------------------------------------------------------------------------

WITHOUT = """
import sys
sys.modules["pytest"] = None
sys.modules["hypothesis"] = None
from backfill.stores import MemorySnapshotStore
from backfill.jobstores import MemoryJobStore
from backfill.testing.contracts import check_job_store, check_snapshot_store
print(check_snapshot_store(lambda place: MemorySnapshotStore()))
print(check_job_store(lambda place: MemoryJobStore()))
assert not [name for name in sys.modules if name.startswith(("_pytest", "hypothesis.")) and sys.modules[name]]
"""


def test_no_test_framework_is_needed() -> None:
    """With neither pytest nor hypothesis the suites run, and say what they leave out and what to install for it. [B7]"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-W", "error", "-c", WITHOUT]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "SnapshotStoreContract: 49 passed, 6 skipped, 0 failed" in done.stdout
    assert done.stdout.count('pip install "backfill[test]"') == 2


def test_the_machines_say_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without hypothesis the machines are refused with the extra to install. [B7]"""
    monkeypatch.setattr(stateful, "find_spec", lambda _name: None)
    calls: list[Callable[[], None]] = [
        lambda: stateful.run_store_machine(lambda _place: MemorySnapshotStore()),
        lambda: stateful.run_job_machine(lambda _place: MemoryJobStore()),
        lambda: stateful.run_owner_machine(lambda _place: MemoryJobStore(), lambda store: store, clock=VirtualClock()),
    ]
    for call in calls:
        with pytest.raises(MissingExtra, match=r'pip install "backfill\[test\]"') as caught:
            call()
        assert caught.value.extra == "test"
    reports = [check_snapshot_store(lambda _place: MemorySnapshotStore()), check_job_store(lambda _place: MemoryJobStore())]
    assert [str(report).count('pip install "backfill[test]"') for report in reports] == [1, 1]


def test_unittest_runs_a_contract() -> None:
    """A subclass that is a ``TestCase`` as well is run by unittest: skips are skips there, and folders are removed. [B7]"""

    class StoreCase(SnapshotStoreContract, unittest.TestCase):
        examples = 3

        def make_store(self, place: Path, /) -> SnapshotStore:
            return MemorySnapshotStore()

    result = unittest.TestResult()
    cases = unittest.TestSuite([StoreCase(name) for name in list_tests(StoreCase)])
    cases.run(result)
    assert result.wasSuccessful()
    assert result.testsRun == len(list_tests(SnapshotStoreContract))
    assert {reason for _case, reason in result.skipped} >= {
        "nothing is said to outlive this store; set durable = True if make_store opens the same folder again"
    }


def test_public_names_are_exported() -> None:
    """The package of contracts exports what its docstring speaks of, in order. [R10.2]"""
    assert sorted(contracts.__all__) == contracts.__all__
    assert all(hasattr(contracts, name) for name in contracts.__all__)


# --- assertions ---------------------------------------------------------------------------------------------------------


def test_a_refusal_is_looked_at() -> None:
    """What should be refused, and is accepted, refused otherwise, or refused without a name, is a failure that says so. [B7]"""
    with (
        pytest.raises(AssertionError, match="reading: should raise ValueError, and was accepted"),
        refused(ValueError, "reading"),
    ):
        pass
    with pytest.raises(AssertionError, match="should raise ValueError, and raised KeyError: 'x'"), refused(ValueError, "reading"):
        _fail(KeyError("x"))
    with pytest.raises(AssertionError, match="should name '61', and says 'no'"), refused(ValueError, "reading", naming="61"):
        _fail(ValueError("no"))
    with refused(ValueError, "reading", naming="61") as refusal:
        _fail(ValueError("no 61"))
    assert str(refusal.error) == "no 61"


def _fail(error: Exception) -> None:
    raise error


# --- connections --------------------------------------------------------------------------------------------------------


def test_connections_are_refused_while_watched() -> None:
    """While a source is watched no connection of any thread comes about, and each is noted; afterwards all are free. [B6]"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with no_connections() as tried:
            with socket.socket() as client, pytest.raises(ConnectionRefusedError, match="ask fetch"):
                client.connect(address)
            with pytest.raises(ConnectionRefusedError, match="ask fetch"):
                socket.getaddrinfo("documents.example", 80)
            thread = threading.Thread(target=lambda: _connect(address))
            thread.start()
            thread.join()
            with connections_allowed():
                socket.create_connection(address).close()
        assert len(tried) >= 3
        assert f"socket.connect {address!r}" in tried
        socket.create_connection(address).close()


def _connect(address: tuple[str, int]) -> None:
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="the platform has no such sockets")
def test_connections_between_processes_are_none(tmp_path: Path) -> None:
    """A socket between processes of this machine leads nowhere outside, and is let through. [B6]"""
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        with no_connections() as tried:
            client.connect(path)
        assert tried == []


def test_a_fetch_may_open_connections_for_a_source() -> None:
    """What `fetch` itself opens is its own business: a source tested with a real door keeps the contract. [B6, B7]"""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def fetch(url: str, /, **_options: object) -> Document:
            socket.create_connection(server.getsockname()).close()
            return Document.of(url, DOCUMENTS[url], fetched_at=None) if url in DOCUMENTS else _missing(url)

        report = check_source(TideSource, lambda: fetch, units=[(DAY, "dover")])
    assert not report.failed


def _missing(url: str) -> NoReturn:
    raise DataUnavailable(url)
