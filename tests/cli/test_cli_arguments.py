"""What is typed reaches the library, and what cannot be meant is refused in words."""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import pytest
from attrs import evolve

from backfill import BackfillRequest, BackfillService
from backfill.cli import app as app_module
from backfill.cli import main
from backfill.cli.app import COMMANDS, _leave_unread, app, run_app
from backfill.cli.console import results
from backfill.cli.exits import ExitCode, code_of, failure_of
from backfill.errors import (
    BackfillError,
    DataUnavailable,
    InvalidRequest,
    JobNotFound,
    MissingExtra,
    PlanOutdated,
    StoreUnavailable,
)
from backfill.model import BackfillStatus
from backfill.stores import MemorySnapshotStore
from backfill.testing.dashboard import DashboardServer
from backfill.testing.source import ScriptedSource
from cli_running import call


def test_every_command_is_listed_with_a_line_of_help() -> None:
    """The overview names every command, in order, and each explains itself. [B9]"""
    overview = call("--help").stdout
    listed = [
        line.split()[0] for line in overview.partition("Commands:")[2].splitlines() if line.startswith("  ") and line.strip()
    ]
    assert tuple(listed[: len(COMMANDS)]) == COMMANDS
    for name in COMMANDS:
        help_text = call(name, "-h")
        assert help_text.exit_code == 0
        assert help_text.stdout.startswith(f"Usage: app {name}")


def test_every_command_is_a_module_of_its_name() -> None:
    """A command is one module with the object ``command``: adding one is a module and a name. [R10.5]"""
    folder = Path(app_module.__file__).parent
    with app.make_context("backfill", ["--help"], resilient_parsing=True) as context:
        for name in COMMANDS:
            assert app.get_command(context, name) is not None
            module = "importing" if name == "import" else name  # which Python would not let be a module's
            assert (folder / f"{module}.py").is_file()
        assert app.get_command(context, "options") is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("run",),
        ("run", "root", "2023-02-30"),
        ("run", "root", "20230131"),
        ("run", "root", "2023-W05-2"),
        ("run", "root", "today"),
        ("run", "root", "2023-01-31", "--rate", "0"),
        ("run", "root", "2023-01-31", "--rate", "fast"),
        ("run", "root", "2023-01-31", "--rate", "nan"),
        ("run", "root", "2023-01-31", "--rate", "inf"),
        ("run", "root", "2023-01-31", "--order", "random"),
        ("coverage", "root", "2023-01-31"),
        ("coverage", "root", "2023-01-31", "2023-01-31", "--json", "--csv"),
        ("config", "root", "set"),
    ],
)
def test_what_cannot_be_parsed_is_a_usage_error(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing or impossible argument ends with 2, says what to write, and leaves nothing behind. [R7.4]"""
    monkeypatch.chdir(tmp_path)
    done = call(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Error: " in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("2023-02-01", "2023-01-01"), ("END", "2023-01-01", "lies before", "exchange the two")),
        (("2999-01-01",), ("END", "2999-01-01", "not published yet", "end with")),
        (("2023-01-31", "--concurrency", "0"), ("--concurrency", "0", "1", "64")),
        (("2023-01-31", "--min-interval", "-1"), ("--min-interval", "-1", "rule", "remedy")),
        (("2023-01-31", "--detail", "full", "--type", "system-wide"), ("--detail", "full", "summary", "per-district")),
        (("2023-01-31", "-d", "../x"), ("DISTRICT", "../x", "rule", "remedy")),
        (("2023-01-31", "--base-url", "ftp://example.org"), ("--base-url", "ftp://example.org", "rule", "remedy")),
    ],
)
def test_what_cannot_be_done_is_told_as_value_rule_and_remedy(
    arguments: tuple[str, ...], shown: tuple[str, ...], tmp_path: Path
) -> None:
    """A request that the library refuses ends with 2, told by the name that was typed, without a traceback. [R2.3, R7.4]"""
    done = call("run", tmp_path / "root", *arguments)
    assert done.exit_code == 2
    first, *_ = done.stderr.splitlines()
    assert first == f"Error: {shown[0]} cannot be accepted."
    assert all(text in done.stderr for text in shown[1:])
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "root").exists()


def test_all_that_cannot_be_done_is_told_at_once(tmp_path: Path) -> None:
    """A range and options that are wrong together are told in one go, each by value, rule and remedy. [R2.3, R7.4]"""
    done = call("run", tmp_path / "root", "2023-02-01", "2023-01-01", "--detail", "full", "--type", "system-wide")
    assert done.exit_code == 2
    told = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert told == ["Error: END cannot be accepted.", "Error: --detail cannot be accepted."]


def test_every_option_reaches_the_request(dashboard: DashboardServer, tmp_path: Path) -> None:
    """What is typed stands in the plan's request, under the names of the wire, and planning asks for nothing. [R8.2, B1]"""
    options = (
        "2023-01-01", "2023-03-31", "-d", "91", "-d", "f", "--detail", "summary", "--type", "per-district", "--frequency", "weekly",
        "--order", "oldest-first", "--concurrency", "7", "--min-interval", "0.5", "--max-failures", "9", "--no-skip", "--no-cache", "--no-retry",
        "--rate", "0.5", "--base-url", dashboard.url, "--json",
    )  # fmt: skip
    done = call("plan", tmp_path / "root", *options)
    assert done.exit_code == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["request"] == {
        "startDate": "2023-01-01", "endDate": "2023-03-31", "targetDistricts": ["91", "f"], "collectionType": "per-district",
        "detail": "summary", "concurrency": 7, "retryFailures": False, "skipExisting": False, "enableCaching": False,
        "minIntervalSeconds": 0.5, "maxFailures": 9, "frequency": "weekly", "order": "oldest-first",
    }  # fmt: skip
    assert plan["scope"]["districts"] == ["91", "F"]
    assert plan["secondsAtRate"] == pytest.approx(sum(plan["requests"].values()) / 0.5, rel=0.05)
    assert dashboard.requests == ()


def test_nothing_typed_is_the_librarys_own_default(tmp_path: Path) -> None:
    """Without options a request is the one that the library makes of two dates, and the pace is the polite one. [B6]"""
    plan = json.loads(call("plan", tmp_path, "2023-01-31", "--json").stdout)
    request = plan["request"]
    assert (request["targetDistricts"], request["detail"], request["frequency"]) == (None, "auto", "daily")
    assert (request["skipExisting"], request["enableCaching"], request["retryFailures"]) == (True, True, True)
    assert request["endDate"] == "2023-01-31"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidRequest("end_date", "x", "no date", "write one"), ExitCode.USAGE),
        (PlanOutdated(("days",)), ExitCode.USAGE),
        (JobNotFound("x"), ExitCode.USAGE),
        (MissingExtra("a cluster", "dask"), ExitCode.USAGE),
        (StoreUnavailable("the disk is full"), ExitCode.FAILED),
        (DataUnavailable("nothing there"), ExitCode.FAILED),
    ],
)
def test_each_error_has_its_exit_code(error: BackfillError, code: ExitCode) -> None:
    """What was asked wrongly is 2, what went wrong is 3; both are told in the error's own words. [R6.4]"""
    failure = failure_of(error)
    assert failure.exit_code == code
    assert failure.message.startswith("Error: ")


def test_a_hostile_value_cannot_steer_the_terminal() -> None:
    """What an error repeats of a value has no escape sequences and no line breaks of its own."""
    shown = failure_of(InvalidRequest("districts", "\x1b[2Jx\ny", "no \x07 name", "write\x1b one")).message
    assert all(letter.isprintable() for letter in shown.replace("\n", ""))
    assert len(shown.splitlines()) == 5


def test_an_error_names_the_page_that_says_more() -> None:
    """Each error ends with the address of what to do about it; a job is asked for in words of the command line. [R10.4]"""
    missing = failure_of(JobNotFound("JOB")).message
    assert missing.startswith("Error: no job 'JOB' in this folder; `backfill jobs ROOT` lists")
    assert missing.endswith("/errors.html#jobnotfound")
    assert failure_of(InvalidRequest("backfill_id", "x", "nothing failed in this job", "-")).message.startswith(
        "Error: JOB cannot"
    )


def test_each_final_state_has_its_exit_code() -> None:
    """Everything is 0, nothing is 3, some of it is 1; a job that pauses has failed as long as nothing of it is there. [R6.4]"""
    with BackfillService(ScriptedSource(), MemorySnapshotStore()) as service:
        report = service.run_backfill(BackfillRequest("2024-01-01", target_districts=["A"]))
    assert {status: code_of(evolve(report, status=status)) for status in BackfillStatus if status.is_at_rest} == {
        BackfillStatus.COMPLETE: ExitCode.ALL,
        BackfillStatus.PARTIAL_SUCCESS: ExitCode.PARTIAL,
        BackfillStatus.ERROR: ExitCode.FAILED,
        BackfillStatus.CANCELLED: ExitCode.PARTIAL,
        BackfillStatus.PAUSED: ExitCode.PARTIAL,
    }
    nothing = evolve(report, status=BackfillStatus.PAUSED, progress=evolve(report.progress, completed=0, pending=1))
    assert code_of(nothing) is ExitCode.FAILED


def test_a_bug_is_shown_whole_and_does_not_look_like_a_partial_result(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error that nobody expected has its traceback on standard error, and ends with 3. [R6.4]"""
    monkeypatch.setattr(app_module, "app", lambda **_: 1 / 0)
    with pytest.raises(SystemExit) as ended:
        run_app()
    assert ended.value.code == ExitCode.FAILED
    written = capsys.readouterr()
    assert "ZeroDivisionError" in written.err
    assert written.out == ""


def test_the_program_ends_with_the_commands_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The entry point takes the arguments of the process and ends it with the command's exit code. [R10.2]"""
    monkeypatch.setattr(sys, "argv", ["backfill", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("backfill, version ")


def test_the_module_runs_the_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """``python -m backfill`` is the entry point. [R10.2]"""
    monkeypatch.setattr(sys, "argv", ["backfill", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("backfill", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("backfill, version ")


def test_when_nobody_reads_it_ends_quietly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A pipe that breaks is neither a bug nor a partial result, and what is left to be written goes nowhere. [B9]"""
    with pytest.raises(BrokenPipeError):
        results().on_broken_pipe()
    monkeypatch.setattr("backfill.cli.plan.results", results().on_broken_pipe)
    done = call("plan", tmp_path / "root", "2023-01-31")
    assert (done.exit_code, done.output) == (141, "")
    with (tmp_path / "out").open("w") as out, (tmp_path / "err").open("w") as err:
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setattr("sys.stderr", err)
        _leave_unread()
        out.write("unread")
        err.write("unread")
    assert (tmp_path / "out").read_text() + (tmp_path / "err").read_text() == ""


def test_interrupted_before_there_is_a_job_it_ends_with_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ctrl-C while a command looks at things is no traceback and no partial result."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("backfill.cli.coverage.opened", interrupted)
    done = call("coverage", tmp_path, "2023-01-31", "2023-01-31")
    assert (done.exit_code, done.stdout, done.stderr) == (130, "", "Interrupted.\n")


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_the_command_says_what_to_install(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where click or rich is not installed, the program names the extra and ends with 2. [R10.2]"""
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert 'pip install "backfill[cli]"' in capsys.readouterr().err


def test_without_the_extra_the_display_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """`backfill.terminal` without rich raises the error that names the extra. [R10.2]"""
    monkeypatch.delitem(sys.modules, "backfill.terminal")
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with pytest.raises(MissingExtra, match=r"backfill\.terminal needs .*backfill\[cli\]"):
        __import__("backfill.terminal")
