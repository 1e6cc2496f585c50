"""A good guest: what a program finds after it has embedded a service is what it had before, and what is promised is kept."""

from __future__ import annotations

import gc
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import requests

from backfill import BackfillService, DataUnavailable, PermanentSourceError, TransientSourceError, function_source
from backfill.fetching import PoliteFetcher
from backfill.model import RetryPolicy
from backfill.protocols import Fetch
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore
from backfill.testing import VirtualClock
from backfill.testing.server import FaultServer, reply
from backfill.testing.source import ScriptedCatalog, ScriptedSource
from service_doubles import PATIENCE, ask, backfill_threads, collect, day, serving, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[FaultServer]:
    """Return a server that answers every path with its figures, but one that breaks off now and then."""
    with FaultServer() as server:
        server.on("/figures", reply(b"12"), reply(status="503 Busy"), reply(b"13"))
        yield server


# --- in a process of its own ------------------------------------------------------------------------------------------

GUEST = r'''
import atexit, gc, json, locale, logging, os, signal, sys, threading
from pathlib import Path
import warnings, weakref

registered = []
register, unregister = atexit.register, atexit.unregister
atexit.register = lambda function, *args, **options: (registered.append(function), register(function, *args, **options))[1]
atexit.unregister = lambda function: (registered.remove(function), unregister(function))[1]

def state():
    """What a host owns, and a guest has no business to change."""
    gc.collect()
    loggers = [logging.getLogger(), *(found for found in logging.root.manager.loggerDict.values() if isinstance(found, logging.Logger))]
    return {
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "signals": {str(number): repr(signal.getsignal(number)) for number in signal.valid_signals()},
        "wakeup": signal.set_wakeup_fd(-1),
        "atexit": [repr(function) for function in registered],
        "handlers": {found.name: [repr(handler) for handler in found.handlers] for found in loggers if found.handlers},
        "levels": {found.name: found.level for found in loggers if found.level},
        "filters": {found.name: len(found.filters) for found in loggers if found.filters},
        "disabled": [found.name for found in loggers if found.disabled or not found.propagate],
        "logger class": logging.getLoggerClass().__name__,
        "record factory": logging.getLogRecordFactory().__qualname__,
        "last resort": repr(logging.lastResort),
        "warnings": [repr(item) for item in warnings.filters],
        "hooks": [repr(hook) for hook in (sys.excepthook, threading.excepthook, sys.unraisablehook, sys.displayhook)],
        "streams": [id(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "files": sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")),
        "children": Path("/proc/self/task/%d/children" % os.getpid()).read_text().split(),
        "environment": dict(os.environ),
        "directory": os.getcwd(),
        "mask": os.umask(0o22),
        "locale": locale.setlocale(locale.LC_ALL),
        "recursion": sys.getrecursionlimit(),
        "switch": sys.getswitchinterval(),
        "path": sys.path[:],
    }

# what the standard library and the libraries beneath set up once, when they are first loaded, is not ours
import concurrent.futures.thread, requests, filelock, backoff, sqlite3
weakref.finalize(logging.root, list).detach()
os.umask(0o22)
before = state()

import backfill
imported = state()

from datetime import date
from backfill import BackfillRequest, BackfillService, function_source
from backfill.fetching import PoliteFetcher
from backfill.model import RetryPolicy
from backfill.stores import PerDistrictFileSnapshotStore

@function_source("guest")
def guest(day, district, fetch):
    if district == "bug":
        raise ZeroDivisionError("a bug of the source")
    return {"n": int(fetch(sys.argv[1] + "?day=%s&district=%s" % (day, district)).text)}

def work(fetch):
    with BackfillService(guest, PerDistrictFileSnapshotStore("snapshots"), fetch=fetch) as service:
        idle = threading.active_count()
        request = BackfillRequest("2024-01-01", "2024-01-03", ["A", "B", "bug", "../left-out"], skip_existing=False)
        service.plan(request)
        assert threading.active_count() == idle == 1, "threads start when there is work"
        job = service.initiate_backfill(request)
        job.subscribe(lambda event: None)
        report = job.wait(60)
        assert (report.progress.completed, report.progress.failed) == (6, 3), report
        service.retry_failed(job.backfill_id).wait(60)
        service.run_backfill(BackfillRequest("2024-01-02", target_districts=["A"]))
        service.coverage("2024-01-01", "2024-01-03")
        service.cleanup_old_jobs()
        running = service.initiate_backfill(BackfillRequest("2023-01-01", "2023-12-31", ["A", "B"], concurrency=8))

work(None)
fetcher = PoliteFetcher(rate=None, retry=RetryPolicy(base=0.001))
work(fetcher)
fetcher.close()
after = state()
Path("state.json").write_text(json.dumps({"before": before, "imported": imported, "after": after}))
'''


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at open files and children the Linux way")
def test_a_program_is_after_a_service_what_it_was_before(server: FaultServer, tmp_path: Path) -> None:
    """Threads, signal handlers, exit hooks, logging, warnings, hooks, open files, environment: all as before, and not a word was printed. [R10.2, B9]"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", GUEST, server.url("/figures")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert (done.stderr, done.stdout, done.returncode) == ("", "", 0)
    found = json.loads((tmp_path / "state.json").read_text())
    before, imported, after = found["before"], found["imported"], found["after"]
    assert imported["handlers"] == before["handlers"] | {"backfill": ["<NullHandler (NOTSET)>"]}
    assert {**imported, "handlers": 0} == {**before, "handlers": 0}, "an import does nothing but that"
    assert after["threads"] == ["MainThread"]
    assert after["handlers"] == imported["handlers"]
    changed = {key: (before[key], after[key]) for key in before if before[key] != after[key] and key != "handlers"}
    assert changed == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["snapshots", "state.json"]


ENDING = r"""
import sys, threading, time
import backfill.service
from backfill import BackfillRequest, BackfillService, function_source
from backfill.stores import MemorySnapshotStore, PerDistrictFileSnapshotStore

how, bound, root = sys.argv[1], float(sys.argv[2]), sys.argv[3]
backfill.service._EXIT_SECONDS = bound
started = threading.Event()

@function_source("slow")
def slow(day, district, fetch):
    if how == "hanging" and district == "C":
        started.set()
        time.sleep(600)
    if (day.day, district) == (3, "A"):
        started.set()
    time.sleep(0.002)
    return {"day": day.isoformat(), "district": district}

service = BackfillService(slow, PerDistrictFileSnapshotStore(root))
service.initiate_backfill(BackfillRequest("2020-01-01", "2023-12-31", ["A", "B", "C"], order="oldest-first", concurrency=3))
service.initiate_backfill(BackfillRequest("2019-01-01", "2019-12-31", ["A"]))  # waits in the queue
assert started.wait(60)
if how == "raising":
    raise LookupError("something of the host's")
if how == "exiting":
    sys.exit(3)
"""


@pytest.mark.parametrize(("how", "code"), [("returning", 0), ("raising", 1), ("exiting", 3), ("hanging", 0)])
def test_an_interpreter_that_ends_with_a_running_job_ends_soon(how: str, code: int, tmp_path: Path) -> None:
    """A program that ends with jobs running and queued ends within bounds, with its own exit code, and every stored day is whole. [R10.2, B2]"""
    bound = "0.5" if how == "hanging" else "60"
    done = subprocess.run(
        [sys.executable, "-c", ENDING, how, bound, str(tmp_path / "root")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "")
    assert ("LookupError: something of the host's" in done.stderr) is (how == "raising")
    assert how == "raising" or done.stderr == ""
    store = PerDistrictFileSnapshotStore(tmp_path / "root")
    stored = list(store.days())
    assert len(stored) < 1400, "it did not wait for the job's end"
    assert how == "hanging" or stored
    for on in stored:
        snapshot = store.read(on)
        assert on.year > 2019, "the queued job did not begin"
        assert snapshot.metadata.districts == snapshot.districts
        for name in snapshot.districts:
            assert snapshot.district(name).data == {"day": on.isoformat(), "district": name}
    again = collect(ScriptedSource(), store, ask(1, "A"))
    assert again.status == "complete", "nothing is left locked"


LATE = r"""
import atexit, sys
from datetime import UTC, date, datetime
from backfill.model import Contribution, DistrictRecord
from backfill.stores import PerDistrictFileSnapshotStore

DAY, NOW = date(2024, 1, 1), datetime(2024, 1, 2, tzinfo=UTC)

def finish():
    print(draft.commit(Contribution(DAY, "job", "per-district", "targeted", "source", NOW, ("A", "B"))).districts)

atexit.register(finish)  # as a service does, before its first draft
draft = PerDistrictFileSnapshotStore(sys.argv[1]).begin(DAY, job_id="job")
for name in "AB":
    draft.put(DistrictRecord(name, DAY, DAY, "full", name, NOW))
left = PerDistrictFileSnapshotStore(sys.argv[1]).begin(DAY, job_id="another")
left.put(DistrictRecord("C", DAY, DAY, "full", "C", NOW))
"""


def test_a_draft_may_be_committed_while_the_interpreter_ends(tmp_path: Path) -> None:
    """What is staged when a program ends is there until the last exit function has run; what is left then is swept by the next writer. [B2, R10.2]"""
    done = subprocess.run([sys.executable, "-c", LATE, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("('A', 'B')\n", "")
    store = PerDistrictFileSnapshotStore(tmp_path)
    assert [store.read(date(2024, 1, 1)).district(name).data for name in "AB"] == ["A", "B"]
    assert len(list((tmp_path / ".staging").iterdir())) == 1
    collect(ScriptedSource(), store, ask(1, "A"))
    assert list((tmp_path / ".staging").iterdir()) == []


INTERRUPTED = r"""
import os, signal, sys, threading, time
import backfill.progressline
from backfill import BackfillRequest, BackfillService, function_source
from backfill.stores import PerDistrictFileSnapshotStore

backfill.progressline.INTERVAL = 0.001
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background has not

@function_source("slow")
def slow(day, district, fetch):
    if (day.day, district) == (3, "B"):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.3)  # in flight when the interruption comes
    return [day.isoformat(), district]

def look(report):
    assert report.progress.completed + report.progress.pending == report.progress.total

service = BackfillService(slow, PerDistrictFileSnapshotStore(sys.argv[1]))
request = BackfillRequest("2020-01-01", "2023-12-31", ["A", "B"], order="oldest-first", concurrency=1)
for progress in {"quiet": (False,), "watched": (look,), "shown": (True,)}[sys.argv[2]]:
    try:
        service.run_backfill(request, progress=progress)
    except KeyboardInterrupt:
        (report,) = service.list_backfills()
        assert threading.active_count() <= 2 and report.status == "cancelled", report  # its own thread may just be leaving
        print("interrupted", report.progress.completed, report.status_reason)
    else:
        raise AssertionError("ended")
service.close()
assert threading.active_count() == 1
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
raise KeyboardInterrupt
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals the POSIX way")
@pytest.mark.parametrize("how", ["quiet", "watched", "shown"])
def test_ctrl_c_cancels_the_job_and_propagates(how: str, tmp_path: Path) -> None:
    """SIGINT while run_backfill waits: what is in flight is published, the job is cancelled and quiet, KeyboardInterrupt comes out. [R4.4, R10.2]"""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(tmp_path), how], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.stdout == "interrupted 6 cancelled on request\n", done.stderr
    assert done.returncode in {-signal.SIGINT, 130}, "and the interpreter ends by it"
    shown, _, _traceback = done.stderr.partition("Traceback")
    assert ("processing: " in shown) is (how == "shown")
    assert shown == "" or shown.endswith("\n"), "a traceback begins on a line of its own"
    store = PerDistrictFileSnapshotStore(tmp_path)
    assert {on: store.read(on).districts for on in store.days()} == {date(2020, 1, number): ("A", "B") for number in (1, 2, 3)}
    assert [store.read(date(2020, 1, 3)).district(name).data for name in "AB"] == [["2020-01-03", "A"], ["2020-01-03", "B"]]


TWICE = r"""
import os, signal, sys, threading, time
from backfill import BackfillRequest, BackfillService, function_source
from backfill.stores import MemorySnapshotStore

signal.signal(signal.SIGINT, signal.default_int_handler)  # as above

@function_source("stuck")
def stuck(day, district, fetch):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(600)

def press_again():
    while not service.list_backfills() or not service._host._live or not all(job.context.cancel.is_set() for job in service._host._live.values()):
        time.sleep(0.01)
    time.sleep(0.1)  # now it waits for what is stuck
    os.kill(os.getpid(), signal.SIGINT)

service = BackfillService(stuck, MemorySnapshotStore())
threading.Thread(target=press_again, daemon=True).start()
try:
    service.run_backfill(BackfillRequest("2020-01-01", target_districts=["A"]))
except KeyboardInterrupt as error:
    print("twice", isinstance(error.__context__, KeyboardInterrupt))
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals the POSIX way")
def test_a_second_ctrl_c_does_not_wait_for_what_is_stuck() -> None:
    """Who presses Ctrl-C again, because what is in flight does not end, is out at once. [R4.4]"""
    done = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("twice True\n", 0), done.stderr


# --- in this process --------------------------------------------------------------------------------------------------


def _handlers() -> dict[str, list[logging.Handler]]:
    known = logging.root.manager.loggerDict.items()
    return {name: found.handlers[:] for name, found in known if isinstance(found, logging.Logger) and found.handlers}


def test_this_process_is_after_a_service_what_it_was_before(server: FaultServer, capfd: pytest.CaptureFixture[str]) -> None:
    """Threads, signal handlers, log handlers, hooks and warning filters are as before; nothing was printed. [R10.2]"""

    def state() -> list[object]:
        return [
            set(threading.enumerate()),
            {number: signal.getsignal(number) for number in signal.valid_signals()},
            _handlers(),
            logging.root.handlers[:],
            [len(logging.getLogger(name).filters) for name in ("urllib3", "urllib3.connectionpool", "urllib3.connection")],
            (sys.excepthook, threading.excepthook, sys.unraisablehook),
            warnings.filters[:],
        ]

    @function_source("mine")
    def mine(on: date, district: str, fetch: Fetch) -> object:
        return fetch(server.url("/figures") + f"?{on}&{district}").text

    with BackfillService(mine, MemorySnapshotStore()) as first:  # loads libraries, which have handlers of their own
        first.run_backfill(ask(1, "A"))
    collect(ScriptedSource({(day(0), "A"): [TransientSourceError("busy"), 1]}), MemorySnapshotStore(), ask(1, "A"))
    before = state()
    service = BackfillService(mine, MemorySnapshotStore(), fetch=None)
    report = service.run_backfill(ask(3, "A", "B"))
    service.close()
    assert report.progress.completed == 6
    assert state() == before
    gc.collect()  # what was forgotten warns here, and warnings are errors
    assert capfd.readouterr() == ("", "")


def test_a_service_that_did_nothing_needs_no_closing() -> None:
    """Made and dropped, a service has started nothing, registered nothing and leaves nothing behind. [R10.2]"""
    before = set(threading.enumerate())
    for _ in range(3):
        service = BackfillService(ScriptedSource(), MemorySnapshotStore())
        assert service.list_backfills() == []
        assert service.plan(ask(1, "A")).total_units == 1
        assert not service._registered
        del service
    gc.collect()
    assert set(threading.enumerate()) == before


# --- the log ----------------------------------------------------------------------------------------------------------


def _noisy_run(server: FaultServer, store: MemorySnapshotStore) -> str:
    """Run a job in which much goes wrong, and return its identifier."""
    server.on("/busy", reply(status="503 Busy", Retry_After="0"), reply(b"7"))
    server.on("/down", server.reset)

    class Noisy(ScriptedCatalog):
        def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
            if district in {"busy", "down"}:
                return fetch(server.url(f"/{district}")).text
            return super().collect_district(on, district, fetch)

    outcomes = {
        "bug": ZeroDivisionError("x"),
        "gone": PermanentSourceError("gone"),
        "none": DataUnavailable("none"),
        "flaky": [TransientSourceError("busy"), 1],
    }
    source = Noisy(lambda _on, name: outcomes[name], districts=(*outcomes, "busy", "down"))
    fetch = PoliteFetcher(rate=None, retry=RetryPolicy(base=0.001, max_attempts=2), deadline=5, patience=0.1)
    with serving(source, store, fetch=fetch) as service:
        job = service.initiate_backfill(ask(1, *source.districts))

        def angry(_event: object) -> None:
            raise ValueError("a subscriber's")

        job.subscribe(angry)
        job.wait(PATIENCE)
    fetch.close()
    return job.backfill_id


def test_the_log_is_one_tree_whose_records_name_their_job(server: FaultServer, caplog: pytest.LogCaptureFixture) -> None:
    """Every record stands below `backfill`, and carries the job; those of a unit its day and district as well, as texts. [R11.4, R10.2]"""
    caplog.set_level(logging.DEBUG)
    job_id = _noisy_run(server, MemorySnapshotStore())
    ours = [record for record in caplog.records if not record.name.startswith("urllib3")]
    assert {record.name.split(".")[0] for record in ours} == {"backfill"}
    assert {record.name for record in ours} >= {"backfill.service", "backfill.engine", "backfill.fetching.trying"}
    assert {vars(record).get("job_id") for record in ours} == {job_id}
    of_units = [vars(record) for record in ours if "day" in vars(record)]
    assert {said["district"] for said in of_units} == {"bug", "busy", "down"}
    assert {said["day"] for said in of_units} == {"2026-01-05"}
    levels = {record.getMessage().split(":")[0]: record.levelname for record in ours}
    assert levels["raised what it should not"] == levels["a subscriber raised; the job goes on"] == "ERROR"
    assert levels["backfill started"] == levels["job is at rest"] == "INFO"


def test_a_host_that_configures_nothing_hears_nothing(server: FaultServer, capfd: pytest.CaptureFixture[str]) -> None:
    """Without a handler of the host's, errors go to the log and to nobody's terminal: the library has a handler that is silent. [R10.2]"""
    handlers, logging.root.handlers[:] = logging.root.handlers[:], []
    try:
        _noisy_run(server, MemorySnapshotStore())
    finally:
        logging.root.handlers[:] = handlers
    assert capfd.readouterr() == ("", "")
    assert [type(handler) for handler in logging.getLogger("backfill").handlers] == [logging.NullHandler]
    assert logging.getLogger("backfill").level == logging.NOTSET


def test_secrets_of_requests_are_in_no_log_and_no_report(
    server: FaultServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With a token in the address, a session with a password and every logger at DEBUG, neither stands in log, report, plan or file. [B6, R6.2]"""
    caplog.set_level(logging.DEBUG)
    server.on("/secret", reply(status="500 Broken"), reply(b"7"), reply(status="403 Forbidden"))

    @function_source("secretive")
    def secretive(on: date, district: str, fetch: Fetch) -> object:
        document = fetch(server.url("/secret"), params={"token": "hunter2", "day": f"{on}"}, headers={"X-Api-Key": "hunter2"})
        return {"length": len(document.content)}

    clock = VirtualClock()
    with requests.Session() as session:
        session.auth = ("user", "hunter2")
        session.headers["Cookie"] = "session=hunter2"
        fetch = PoliteFetcher(rate=None, retry=RetryPolicy(base=0.0), session=session, clock=clock)
        with serving(secretive, PerDistrictFileSnapshotStore(tmp_path, clock=clock), fetch=fetch, clock=clock) as service:
            report = service.run_backfill(ask(2, "A", concurrency=1))
            told = repr((report, report.errors, service.events(), service.plan(ask(2, "A")), fetch, report.performance_status))
        fetch.close()
    assert (report.progress.completed, [error.kind for error in report.errors]) == (1, ["http_403"])
    assert any("hunter2" in str(request.headers) + request.target for request in server.requests), "it was sent"
    files = "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    assert "token=***" in files
    for shown in (told, caplog.text, files):
        assert "hunter2" not in shown
        assert "aHVudGVyMg" not in shown


# --- what README and docs promise -------------------------------------------------------------------------------------

EMBED = (ROOT / "docs" / "how-to" / "embed.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)


PROMISES = {
    "It starts threads when there is work, leaves none after `close`": "test_a_program_is_after_a_service_what_it_was_before",
    "installs no signal handler, configures no logging and prints nothing": "test_a_program_is_after_a_service_what_it_was_before",
    "every method may be called from any thread": "test_a_service_is_used_from_many_threads_at_once",
    "Interrupted by Ctrl-C, `run_backfill` cancels the job, publishes what is collected, and raises `KeyboardInterrupt`": "test_ctrl_c_cancels_the_job_and_propagates",
    "run the script again, and it goes on where it was": "test_p6_a_cancelled_job_has_published_what_it_collected",
    "A second request with the same `idempotency_key` gets the first one's job": "test_the_same_key_gives_the_same_job",
    "The callback runs in a thread of the job, which waits for it": "test_a_subscriber_hears_every_event_once_and_in_order",
    "A program that simply ends closes its services as well": "test_an_interpreter_that_ends_with_a_running_job_ends_soon",
    "What a service was given (a `fetch`, a store) it leaves open; what it made itself it closes": "test_only_what_the_service_made_is_closed",
    "cancelling the awaiting task does not cancel the job": "test_cancelling_who_awaits_does_not_cancel_the_job",
    "never ask the publisher (only `plan(resolve=True)` does)": "test_a_plan_says_everything_and_asks_nobody",
    "a service that was carried over a fork raises `ServiceUnusable` and says so": "test_a_forked_process_is_told_to_make_its_own",
    "`initiate_backfill(plan)` runs exactly that": "test_p12_what_is_carried_out_is_what_was_planned",
    "Each failure has its day, district, stage, kind and number of attempts": "test_p6_all_that_can_succeed_is_stored_and_all_that_failed_is_listed",
    "`retry_failed` runs exactly that part again": "test_p6_a_retry_is_exactly_the_failed_part",
    "whether it is stored, failed, unavailable or was never tried": "test_coverage_says_of_each_day_and_district_what_became_of_it",
    "No thread after `close`, no signal handler, no output, no configured logging": "test_a_program_is_after_a_service_what_it_was_before",
}  # fmt: skip
"""What README and the page on embedding say of the façade, and the test that shows it."""


def test_what_is_promised_of_the_facade_is_shown_by_a_test() -> None:
    """Each promise stands in the README or on the page as it is written here, and the test that shows it exists. [R10.4]"""
    text = _one_line(EMBED + README)
    unsaid = [promise for promise in PROMISES if promise not in text]
    assert unsaid == []
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in PROMISES.values() if f"def {name}(" not in tests] == []


def test_a_script_that_is_run_again_goes_on_where_it_was(tmp_path: Path) -> None:
    """As the page on embedding says: interrupted and run again, what is stored is skipped, and the rest is collected. [R10.4, R9.3]"""
    source = ScriptedSource()
    clock = VirtualClock()
    store = PerDistrictFileSnapshotStore(tmp_path, clock=clock)

    def interrupt(_report: object) -> None:
        until(lambda: len(source.calls) > 2)
        raise KeyboardInterrupt

    with serving(source, store, clock=clock) as service, pytest.raises(KeyboardInterrupt):
        service.run_backfill(ask(9, "A", "B", concurrency=1), progress=interrupt)
    already = sum(len(store.read(on).districts) for on in store.days())
    with serving(source, store, clock=clock) as service:
        report = service.run_backfill(ask(9, "A", "B"))
    assert (report.status, report.progress.skipped, report.progress.completed) == ("complete", already, 18 - already)
    assert len(source.calls) == 18
    assert backfill_threads() == []


CALLS: dict[str, Callable[[BackfillService], object]] = {
    "plan": lambda service: service.plan(ask(2, "A")),
    "coverage": lambda service: service.coverage("2026-01-05", "2026-01-06"),
    "get_backfill_status": lambda service: service.get_backfill_status(service.list_backfills()[0].backfill_id),
    "list_backfills": BackfillService.list_backfills,
    "events": BackfillService.events,
    "cleanup_old_jobs": BackfillService.cleanup_old_jobs,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_only_looks_sends_no_request(call: Callable[[BackfillService], object], server: FaultServer) -> None:
    """Planning, surveying and looking at jobs send no request to the publisher. [B1, B5]"""

    @function_source("mine")
    def mine(on: date, district: str, fetch: Fetch) -> object:
        return fetch(server.url("/figures") + f"?{on}").text

    with BackfillService(mine, MemorySnapshotStore()) as service:
        service.run_backfill(ask(1, "A"))
        sent = len(server.requests)
        call(service)
        assert len(server.requests) == sent == 1


def test_no_environment_variable_is_needed_or_set(tmp_path: Path) -> None:
    """In an empty environment a service works, and says nothing. [R10.2]"""
    script = "from backfill import *; from backfill.stores import MemorySnapshotStore as S; s = BackfillService(function_source('x')(lambda *a: 1), S())\nwith s: assert s.run_backfill(BackfillRequest('2024-01-01', target_districts=['A'])).status == 'complete'"
    kept = {name: value for name, value in os.environ.items() if name in {"PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT"}}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=kept, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert list(tmp_path.iterdir()) == []
