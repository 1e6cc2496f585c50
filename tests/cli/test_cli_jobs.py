"""Jobs from the command line: looked at, paused, resumed, cancelled, tried again, forgotten; by the process that runs them or another."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from backfill.fetching import RawArchive
from backfill.stores._atomic import FileSystem
from backfill.testing.dashboard import DashboardServer, Fault
from cli_running import MONTH_ENDS, YEAR, at, call, environment, start

MAY_JUNE = ("2023-05-31", "2023-06-30", "--frequency", "month-end")
PATIENCE = 60.0


def until(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def listed(root: Path) -> list[dict[str, str]]:
    """Return what ``jobs --json`` tells, newest first."""
    found: list[dict[str, str]] = json.loads(call("jobs", root, "--json").stdout)
    return found


class Held:
    """A program that collects a year, of which the dashboard answers the newest month, and the others when it is let go."""

    def __init__(self, dashboard: DashboardServer, root: Path) -> None:
        self.root = root
        self.job = ""
        self._gates = {month: threading.Event() for month in sorted(MONTH_ENDS[:-1], reverse=True)}
        self._rules = [dashboard.fail(Fault.hold(gate), month=month) for month, gate in self._gates.items()]
        self.program = start("run", root, *YEAR, "--concurrency", "1", *at(dashboard), folder=root.parent)
        until(lambda: self.held > 0)
        (job,) = listed(root)
        self.job = job["backfillId"]

    @property
    def held(self) -> int:
        """How many requests were held so far."""
        return sum(rule.hits for rule in self._rules)

    def let_go(self, *, slowly: bool = False) -> None:
        """Have the dashboard answer; *slowly*: a month a second, so that the program learns meanwhile of what is asked elsewhere."""
        for gate in self._gates.values():
            if slowly and self.program.poll() is None:
                time.sleep(1)
            gate.set()

    def kill(self) -> None:
        """End the program at once."""
        self.program.kill()
        self.program.communicate(timeout=PATIENCE)

    def end(self) -> tuple[int, str]:
        """Return the exit code and standard output."""
        output, _ = self.program.communicate(timeout=PATIENCE)
        return self.program.returncode, output


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where everything goes."""
    return tmp_path / "root"


@pytest.fixture
def held(dashboard: DashboardServer, root: Path) -> Iterator[Held]:
    """A program in the midst of its job, ended by the end of the test."""
    found = Held(dashboard, root)
    yield found
    found.let_go()
    found.kill()


@pytest.mark.skipif(shutil.which("bash") is None, reason="it is bash that is tried")
def test_bash_completes_commands_choices_and_jobs(collected: Path, tmp_path: Path) -> None:
    """The completion that the documentation has one load offers bash commands, options, their choices, and a folder's jobs. [R8.3]"""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "backfill"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from backfill.cli import main; main()" "$@"\n', encoding="utf-8")
    program.chmod(0o755)

    def offered(*words: object) -> list[str]:
        typed = " ".join(f"'{word}'" for word in ("backfill", *words))
        script = f'eval "$(_BACKFILL_COMPLETE=bash_source backfill)"; COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _backfill_completion backfill; echo "${{COMPREPLY[@]}}"'
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script], env=environment(PATH=path), capture_output=True, text=True, timeout=PATIENCE, check=True
        )
        return done.stdout.split()

    assert offered("cov") == ["coverage"]
    assert offered("run", "--freq") == ["--frequency"]
    assert offered("run", "--frequency", "") == ["daily", "weekly", "month-end"]
    jobs = [job["backfillId"] for job in listed(collected)]
    assert offered("jobs", collected, "") == offered("cancel", collected, "") == offered("resume", collected, "") == jobs
    assert offered("jobs", collected, "nothing") == offered("jobs", collected / "nowhere", "") == []


def test_jobs_are_listed_and_one_is_shown(collected: Path) -> None:
    """Every job of a folder stands in a line, newest first; one alone is told in full; --state leaves out, --json tells all. [R8.3, R4.2]"""
    jobs = listed(collected)
    assert [job["status"] for job in jobs] == ["complete", "complete"]
    lines = call("jobs", collected).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["job", *(job["backfillId"] for job in jobs)]
    assert lines[1].split()[3:] == ["12", "12", "0", "complete"]
    shown = call("jobs", collected, jobs[0]["backfillId"])
    assert shown.exit_code == 0
    assert "status  complete" in shown.stdout
    assert "12 of (day, district): 12 stored" in shown.stdout
    assert "requests" not in shown.stdout, "this process has sent none, and does not know of those of the other"
    assert json.loads(call("jobs", collected, jobs[0]["backfillId"], "--json").stdout)["performanceStatus"] is None
    assert call("jobs", collected, "--state", "paused").stdout == "There are no such jobs.\n"
    assert len(json.loads(call("jobs", collected, "--limit", "1", "--json").stdout)) == 1
    assert call("jobs", collected, jobs[0]["backfillId"], "--watch").exit_code == 0


def test_an_unknown_job_is_refused(collected: Path) -> None:
    """A slip in a job's name, or --watch without one, cannot be meant: exit code 2, and nothing is done. [R8.4]"""
    for command in ("jobs", "cancel", "pause", "resume", "retry"):
        done = call(command, collected, "nonsense")
        assert (done.exit_code, done.stdout) == (2, "")
        assert "nonsense" in done.stderr
    assert call("jobs", collected, "--watch").exit_code == 2


def test_an_ended_job_stays_ended(collected: Path) -> None:
    """Cancelling, pausing and resuming what has ended changes nothing, and says so by exit code 1, or by the job's own. [R4.4]"""
    job = listed(collected)[0]["backfillId"]
    for command in ("cancel", "pause"):
        done = call(command, collected, job)
        assert (done.exit_code, done.stdout) == (1, f"{job}: complete\n")
    assert json.loads(call("pause", collected, job, "--json").stdout)["status"] == "complete"
    resumed = call("resume", collected, job)
    assert resumed.exit_code == 0
    assert f"{job} is complete; an ended job stays ended." in resumed.stderr
    assert call("resume", collected).stdout == "No job was interrupted.\n"


def test_a_job_is_paused_from_another_process_and_goes_on_when_it_is_resumed(held: Held, dashboard: DashboardServer) -> None:
    """Asked elsewhere, the owner pauses with what it has, and says how it goes on; resumed, what is stored is not asked for again. [R4.4, R6.6, B2]"""
    asked = call("pause", held.root, held.job, "--no-wait")
    assert asked.exit_code == 0
    held.let_go(slowly=True)
    code, output = held.end()
    assert code == 1
    assert "status    paused: paused on request" in output
    assert f"backfill resume {held.root} {held.job}" in output.replace("\n", " ").replace("  ", " ")
    idle = call("resume", held.root)
    assert idle.stdout == "No job was interrupted.\n"
    assert "1 job rests until named" in idle.stderr
    assert held.job in idle.stderr
    before = len(dashboard.requests)
    done = call("resume", held.root, held.job, *at(dashboard)[:4])
    assert done.exit_code == 0, done.stderr
    assert "status    complete" in done.stdout
    assert "2023-06-30" not in {str(request.month) for request in dashboard.requests[before:]}, "it is stored"
    assert [job["status"] for job in listed(held.root)] == ["complete"]


def test_a_job_is_cancelled_and_watched_from_another_process(held: Held) -> None:
    """Cancelled elsewhere, the command waits until all is quiet; what was stored stays stored, and the job has ended. [R4.4, B2]"""
    watched = start("jobs", held.root, held.job, "--watch", folder=held.root.parent)
    letting_go = threading.Thread(target=held.let_go, kwargs={"slowly": True})
    letting_go.start()
    done = call("cancel", held.root, held.job)
    letting_go.join()
    assert (done.exit_code, done.stdout) == (0, f"{held.job}: cancelled: cancelled on request\n")
    assert "It runs in another process" in done.stderr
    assert held.end()[0] == 1
    output, _ = watched.communicate(timeout=PATIENCE)
    assert "status  cancelled: cancelled on request" in output
    assert (held.root / "snapshots" / "2023-06-30").is_dir()


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is Unix's")
def test_a_killed_run_is_gone_on_with_by_the_next(held: Held, dashboard: DashboardServer) -> None:
    """After kill -9 the same command goes on with the job, and has nothing left to do itself; nothing stored is asked for again. [B2, P1]"""
    held.kill()
    held.let_go()
    before = len(dashboard.requests)
    done = call("run", held.root, *YEAR, *at(dashboard))
    assert done.exit_code == 0, done.stderr
    assert f"Going on with job {held.job}, which was interrupted" in done.stderr
    assert f"Job {held.job} is complete." in done.stderr
    assert f"0 stored, {12 * 128:,} stored before" in done.stdout
    assert "2023-06-30" not in {str(request.month) for request in dashboard.requests[before:]}
    assert [job["status"] for job in listed(held.root)] == ["complete", "complete"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are Unix's")
@pytest.mark.parametrize("command", ["resume", "run"])
def test_ctrl_c_leaves_a_resumed_job_to_the_next_command(command: str, dashboard: DashboardServer, root: Path) -> None:
    """Interrupted while it goes on with a job, a command ends with 130, and the job is neither cancelled nor lost. [R4.4, B2]"""
    first = Held(dashboard, root)
    first.kill()
    seen = first.held
    options = at(dashboard)[:4]
    second = start(command, root, *(YEAR if command == "run" else ()), *options, folder=root.parent)
    until(lambda: first.held > seen)
    second.send_signal(signal.SIGINT)
    first.let_go()
    output, errors = second.communicate(timeout=PATIENCE)
    assert second.returncode == 130, errors
    assert "Plan:" not in errors, "nothing new was begun"
    assert output == "" or command == "resume"
    assert len(listed(root)) == 1
    done = call("resume", root, *options)
    assert done.exit_code == 0
    assert done.stdout == "No job was interrupted.\n" or "status    complete" in done.stdout
    assert listed(root)[0]["status"] == "complete"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are Unix's")
def test_ctrl_c_ends_the_watching_and_the_waiting(held: Held) -> None:
    """Whoever only watches a job, or waits for it, stops at once by Ctrl-C, and leaves it as it is. [R4.4, B2]"""
    for arguments, code in ((("jobs", held.root, held.job, "--watch"), 0), (("pause", held.root, held.job), 130)):
        done = _interrupted(lambda: True, *arguments)
        assert done.exit_code == code
        assert "processing" in done.stdout
    held.kill()
    held.let_go()
    assert call("resume", held.root).stdout == "No job was interrupted.\n", "it was asked to pause"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are Unix's")
@pytest.mark.parametrize("command", ["resume", "run"])
def test_ctrl_c_ends_the_going_on(command: str, held: Held, dashboard: DashboardServer) -> None:
    """Going on with jobs stops at once by Ctrl-C; the job stays to be gone on with, and nothing new is begun. [R4.4, B2]"""
    held.kill()
    seen = held.held
    arguments = (*(YEAR if command == "run" else ()), *at(dashboard)[:4])
    releasing = threading.Timer(2, held.let_go)
    done = _interrupted(lambda: held.held > seen, command, held.root, *arguments, then=releasing.start)
    releasing.join()
    assert done.exit_code == 130
    assert "Plan:" not in done.stderr
    assert [job["status"] for job in listed(held.root)] != ["cancelled"]


def _interrupted(condition: Callable[[], bool], *arguments: object, then: Callable[[], object] = lambda: None) -> Result:
    """Call a command in this process, with a Ctrl-C when it runs and *condition* holds."""
    before = signal.getsignal(signal.SIGINT)

    def press() -> None:
        until(lambda: signal.getsignal(signal.SIGINT) is not before and condition())
        os.kill(os.getpid(), signal.SIGINT)
        then()

    pressing = threading.Thread(target=press)
    pressing.start()
    try:
        return call(*arguments)
    finally:
        pressing.join()


def test_what_failed_is_tried_again(dashboard: DashboardServer, root: Path) -> None:
    """Retry collects exactly what failed in a job; with nothing failed it is refused. [R6.3, R7.4]"""
    rule = dashboard.fail(Fault.status(500), month="2023-05-31")
    assert call("run", root, *MAY_JUNE, *at(dashboard)).exit_code == 1
    rule.cancel()
    (job,) = listed(root)
    done = call("retry", root, job["backfillId"], *at(dashboard)[:4])
    assert done.exit_code == 0, done.stderr
    assert "128 stored" in done.stdout
    newest = listed(root)[0]
    refused = call("retry", root, newest["backfillId"])
    assert refused.exit_code == 2
    assert "nothing failed in this job" in refused.stderr
    again = json.loads(call("jobs", root, newest["backfillId"], "--json").stdout)
    assert again["progress"]["total"] == 128


def test_gaps_are_filled(dashboard: DashboardServer, root: Path) -> None:
    """Fill collects what is missing of a range, as the rest is stored; with nothing missing it says so, and is content. [B5]"""
    assert call("run", root, "2023-06-30", *at(dashboard)).exit_code == 0
    done = call("fill", root, *MAY_JUNE, *at(dashboard)[:4])
    assert done.exit_code == 0, done.stderr
    assert "128 of (day, district): 128 stored" in done.stdout
    again = call("fill", root, *MAY_JUNE, *at(dashboard)[:4])
    assert (again.exit_code, again.stdout) == (0, "Of 2023-05-31 to 2023-06-30 nothing is missing that can be had.\n")
    assert call("fill", root, *MAY_JUNE, *at(dashboard)[:4], "--json").stdout == "null\n"
    refused = call("fill", root, "2023-06-30", "2023-05-31", *at(dashboard)[:4])
    assert refused.exit_code == 2


@pytest.mark.parametrize("command", ["run", "retry", "fill", "resume"])
def test_every_command_that_collects_tells_json(command: str, dashboard: DashboardServer, root: Path) -> None:
    """Whatever carries out a job prints its report as one JSON document; resume, which may have several, prints a list. [R8.1, R7.3]"""
    rule = dashboard.fail(Fault.status(500), month="2023-05-31")
    assert call("run", root, *MAY_JUNE, *at(dashboard)).exit_code == 1
    rule.cancel()
    arguments = {"run": MAY_JUNE, "retry": (listed(root)[0]["backfillId"],), "fill": MAY_JUNE, "resume": ()}[command]
    done = call(command, root, *arguments, *at(dashboard)[:4], "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 0
    assert told == [] if command == "resume" else told["progress"]["completed"] == 128


def test_a_full_disk_is_told_with_the_way_on(dashboard: DashboardServer, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that pauses for want of room says why, and which command has it go on; a job that goes on elsewhere is left there. [R6.1, R7.3]"""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(RawArchive, "put", full)
        done = call("run", root, "2023-06-30", *at(dashboard))
    assert done.exit_code == 3, "nothing could be stored"
    assert "status    paused: " in done.stdout
    (job,) = listed(root)
    assert f"To go on, when its reason is gone: backfill resume {root} {job['backfillId']}" in done.stdout
    assert call("resume", root, job["backfillId"], *at(dashboard)[:4]).exit_code == 0


def test_old_jobs_are_forgotten_and_coverage_is_not(dashboard: DashboardServer, root: Path) -> None:
    """Cleanup forgets ended jobs; what failed in them is still known. [R4.5, B5]"""
    dashboard.fail(Fault.status(500), report="clubperformance")
    assert call("run", root, "2023-06-30", "-d", "91", *at(dashboard)).exit_code == 3
    assert call("cleanup", root).stdout == "0 jobs forgotten.\n"
    done = call("cleanup", root, "--older-than", "0", "--keep", "0", "--json")
    assert json.loads(done.stdout) == {"forgotten": 1}
    assert listed(root) == []
    coverage = call("coverage", root, "2023-06-30", "2023-06-30", "--csv").stdout
    assert "2023-06-30,91,failed" in coverage


def test_a_folder_is_checked_and_repaired(dashboard: DashboardServer, root: Path) -> None:
    """Check says what is damaged (3) or interrupted (1); repair puts right what was interrupted, and only that. [B2, R5.1]"""
    assert call("run", root, "2023-06-30", *at(dashboard)).exit_code == 0
    whole = call("check", root, "--data")
    assert whole.exit_code == 0
    assert "nothing wrong" in whole.stdout
    days = root / "snapshots"
    (days / "2023-06-30").rename(days / ".old-2023-06-30")  # as a writer does that ends in the wrong moment
    torn = call("check", root)
    assert (torn.exit_code, "interrupted" in torn.stdout) == (1, True)
    assert json.loads(call("repair", root, "--json").stdout)["rolledBack"] == ["2023-06-30"]
    assert call("repair", root).stdout == f"{days}: nothing to repair\n"
    assert call("check", root, "--sample", "100%").exit_code == 0
    file = days / "2023-06-30" / "district_91.json"
    file.write_bytes(file.read_bytes().replace(b"1", b"2", 1))
    assert call("check", root).exit_code == 0, "as large as it was"
    damaged = call("check", root, "--data", "--json")
    assert damaged.exit_code == 3
    assert [problem["kind"] for problem in json.loads(damaged.stdout)["problems"]] == ["damaged"]


def test_repair_tells_what_it_could_not_do(dashboard: DashboardServer, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be removed makes 1; a day that cannot be put right, since what was set aside of it is damaged, 3. [B2, R6.4]"""
    assert call("run", root, "2023-06-30", *at(dashboard)).exit_code == 0
    days = root / "snapshots"
    (days / ".staging" / "left").mkdir()

    def read_only(_files: FileSystem, path: Path) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(FileSystem, "remove_directory", read_only)
        patch.setattr(FileSystem, "unlink", read_only)
        left = call("repair", root)
    assert (left.exit_code, ".staging/left" in left.stdout, "nothing to repair" in left.stdout) == (1, True, False)
    assert call("repair", root).exit_code == 0
    (days / "2023-06-30" / "district_91.json").unlink()
    (days / "2023-06-30").rename(days / ".old-2023-06-30")
    for command in ("check", "repair"):
        done = call(command, root)
        assert (done.exit_code, "damaged: .old-2023-06-30" in done.stdout) == (3, True), command
    assert [problem["kind"] for problem in json.loads(call("repair", root, "--json").stdout)["left"]] == ["damaged"]


@pytest.mark.parametrize("share", ["x", "101%", "-1", "2", "10 per cent"])
def test_what_is_no_share_is_refused(share: str, collected: Path) -> None:
    """A sample is a share of the files; with --data there is none to take. [R8.4]"""
    done = call("check", collected, f"--sample={share}")
    assert done.exit_code == 2
    assert "10% or 0.1" in done.stderr
    assert call("check", collected, "--data", "--sample", "0.5").exit_code == 2


def test_a_folder_without_snapshots_cannot_be_checked(tmp_path: Path) -> None:
    """Where nothing is stored there is nothing to check, and a slip of the pen is not taken for an empty history. [R8.4]"""
    for command in ("check", "repair"):
        done = call(command, tmp_path)
        assert done.exit_code == 3
        assert "has no folder snapshots" in done.stderr
        assert call(command, tmp_path / "nowhere").exit_code == 2


def test_there_is_nothing_to_fill_where_nothing_can_be_had(tmp_path: Path) -> None:
    """Of days on which nothing was published nothing is missing, on an empty root too: that is said, and is no failure. [B5]"""
    root = tmp_path / "root"
    root.mkdir()
    done = call("fill", root, "2023-01-01", "2023-01-02")
    assert (done.exit_code, "nothing is missing that can be had" in " ".join(done.stdout.split())) == (0, True)
