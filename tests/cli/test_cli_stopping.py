"""Ctrl-C: once ends the job cleanly, twice ends the process at once, and nothing that is stored is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backfill.cli.exits import ExitCode, Failure
from backfill.cli.running import exit_code
from backfill.cli.stopping import Stopping, say_goodbye
from backfill.model import BackfillStatus
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.testing.dashboard import DashboardServer, Fault
from cli_running import MONTH_ENDS, YEAR, at, call, start
from report_samples import report

STUCK = "2023-03-31"
"""The day of which the server never answers; the three after it are collected before, since the newest come first."""


@pytest.fixture
def gate(dashboard: DashboardServer) -> Iterator[threading.Event]:
    """Let the server hold its answer for one month until the event is set."""
    event = threading.Event()
    dashboard.fail(Fault.hold(event), month=STUCK)
    yield event
    event.set()


def run_until_stuck(dashboard: DashboardServer, root: Path) -> subprocess.Popen[str]:
    """Start collecting the year, and return when the request is under way that is not answered."""
    process = start("run", root, *YEAR, *at(dashboard), "--concurrency", "1", folder=root.parent)
    wait_until_asked(dashboard, STUCK, process)
    return process


def wait_until_asked(dashboard: DashboardServer, month: str, process: subprocess.Popen[str]) -> None:
    """Wait until the server was asked for *month*."""
    for number in range(1, 13):
        assert dashboard.wait_for_requests(number, timeout=60), process.poll()
        if any(record.month == month for record in dashboard.requests):
            return
    pytest.fail(f"{month} was never asked for")


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Read standard error until a line holds *words*; return all that was read."""
    assert process.stderr is not None
    read = ""
    while words not in read:
        line = process.stderr.readline()
        assert line, f"standard error ended without {words!r}: {read}"
        read += line
    return read


def stored(root: Path) -> list[str]:
    """Return the days that are stored, each of them readable as a whole."""
    store = PerDistrictFileSnapshotStore(root / "snapshots")
    days = list(store.days())
    for day in days:
        snapshot = store.read(day)
        assert len([snapshot.district(district) for district in snapshot.districts]) == 128
    return [day.isoformat() for day in days]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_ends_the_job_cleanly(
    number: signal.Signals, code: int, dashboard: DashboardServer, gate: threading.Event, tmp_path: Path
) -> None:
    """What is in flight ends, what is collected is stored, the summary is printed; the exit code tells which signal it was. [R4.4, B2]"""
    process = run_until_stuck(dashboard, tmp_path / "root")
    process.send_signal(number)
    read_until(process, "Stopping: ")
    gate.set()
    output, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert "status    cancelled: cancelled on request" in output
    assert "left undone" in " ".join(output.split())
    assert "Run the same command again to go on" in output
    kept = stored(tmp_path / "root")
    assert set(MONTH_ENDS[-3:]) <= set(kept)
    assert len(kept) < len(MONTH_ENDS)


def test_the_second_signal_ends_the_process_at_once_and_loses_nothing(
    dashboard: DashboardServer, gate: threading.Event, tmp_path: Path
) -> None:
    """It does not wait for what is in flight; what was stored is whole, and the same command completes the rest. [B2]"""
    root = tmp_path / "root"
    process = run_until_stuck(dashboard, root)
    process.send_signal(signal.SIGINT)
    read_until(process, "Stopping: ")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)  # the gate is shut: it cannot have waited for the answer
    assert process.returncode == 130
    assert "Stopped at once; what was stored stays stored." in errors
    assert output == ""
    kept = stored(root)
    assert 1 <= len(kept) <= 3  # the third may just have been about to be published
    assert kept == list(MONTH_ENDS[-len(kept) :])

    gate.set()
    dashboard.reset()
    again = call("run", root, *YEAR, *at(dashboard))
    assert again.exit_code == 0
    assert f"{len(kept) * 128:,} stored before" in " ".join(again.stdout.split())
    assert stored(root) == list(MONTH_ENDS)


def test_a_signal_is_noted_and_the_old_handlers_come_back() -> None:
    """While it is entered the first signal is noted and the second leaves; afterwards signals do what they did before."""
    before = signal.getsignal(signal.SIGINT)
    left: list[int] = []
    with Stopping(leave=left.append) as stopping:
        signal.raise_signal(signal.SIGINT)
        assert stopping.code is ExitCode.INTERRUPTED
        assert not left
        signal.raise_signal(signal.SIGTERM)
        assert left == [ExitCode.TERMINATED]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (BackfillStatus.CANCELLED, ExitCode.INTERRUPTED),
        (BackfillStatus.COMPLETE, ExitCode.ALL),
        (BackfillStatus.ERROR, ExitCode.INTERRUPTED),
    ],
)
def test_a_job_that_was_done_when_the_signal_came_is_done(status: BackfillStatus, code: ExitCode) -> None:
    """The exit code tells of the signal, unless everything was there already when it came."""
    stopping = Stopping()
    stopping.code = ExitCode.INTERRUPTED
    assert exit_code(report(status=status), stopping) is code


def test_a_call_that_knows_what_to_do_is_interrupted() -> None:
    """Where it is asked to raise, the block ends with the exit code that is due; an interruption of another kind passes."""
    with pytest.raises(Failure) as ended, Stopping(raising=True):
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.exit_code == ExitCode.TERMINATED
    with pytest.raises(KeyboardInterrupt), Stopping(raising=True):
        raise KeyboardInterrupt


def test_other_threads_leave_signals_alone() -> None:
    """Signals reach the main thread only, so another thread changes no handler."""
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def enter() -> None:
        with Stopping() as stopping:
            seen.extend((signal.getsignal(signal.SIGINT), stopping.code))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before, None]


def test_the_farewell_shows_the_cursor_on_a_terminal_only() -> None:
    """A display hides the cursor, and a process that ends at once must bring it back; a closed output is no obstacle."""
    reading, writing = os.pipe()
    say_goodbye(writing)
    assert os.read(reading, 1000) == b"\nStopped at once; what was stored stays stored.\n"
    os.close(reading)
    say_goodbye(writing)
    os.close(writing)
    pty = pytest.importorskip("pty", reason="pseudo-terminals are Unix's")
    outer, inner = pty.openpty()
    say_goodbye(inner)
    assert b"\x1b[?25h" in os.read(outer, 1000)
    os.close(outer)
    os.close(inner)
