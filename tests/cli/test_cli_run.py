"""A range is collected from the command line: what is printed where, and with which exit code it ends."""

from __future__ import annotations

import json
import logging
from datetime import date
from pathlib import Path

import pytest
from attrs import evolve

from backfill import BackfillRequest
from backfill.cli.console import logging_to, remarks
from backfill.cli.planned import headline
from backfill.cli.reported import print_report
from backfill.model import BackfillStatus
from backfill.stores import PerDistrictFileSnapshotStore
from backfill.testing.dashboard import DashboardServer, Fault
from backfill.toastmasters import open_service
from cli_running import MONTH_ENDS, YEAR, at, call
from report_samples import report


def stored(root: Path) -> list[str]:
    """Return the days that are stored."""
    return [day.isoformat() for day in PerDistrictFileSnapshotStore(root / "snapshots").days()]


def flat(text: str) -> str:
    """Return *text* as one line, wherever it was wrapped."""
    return " ".join(text.split())


def test_a_year_is_collected_and_accounted_for(dashboard: DashboardServer, tmp_path: Path) -> None:
    """All is stored: exit code 0, the result on standard output, plan and progress on standard error. [R1.3, R5.2, B9]"""
    done = call("run", tmp_path, *YEAR, *at(dashboard))
    assert done.exit_code == 0
    assert "1,536 of (day, district): 1,536 stored, 0 stored before, 0 not published, 0 failed" in flat(done.stdout)
    assert "12 stored, 2022-07-31 to 2023-06-30" in done.stdout
    assert "12 sent (0 of them repeated)" in flat(done.stdout)
    assert done.stderr.splitlines()[0] == "Plan: 12 days, 12 requests"
    assert "complete: 1,536 stored" in done.stderr
    assert "Plan:" not in done.stdout
    assert stored(tmp_path) == list(MONTH_ENDS)
    assert dashboard.counts.total == 12


def test_the_same_command_again_collects_nothing(dashboard: DashboardServer, tmp_path: Path) -> None:
    """What is stored is skipped, and no request is sent for it. [B2, R9.3]"""
    command = ("run", tmp_path, "2023-05-31", "2023-06-30", "--frequency", "month-end", *at(dashboard))
    assert call(*command).exit_code == 0
    dashboard.reset()
    again = call(*command)
    assert again.exit_code == 0
    assert "256 of (day, district): 0 stored, 256 stored before" in flat(again.stdout)
    assert dashboard.counts.total == 0


def test_json_is_one_document_in_the_names_of_the_wire(dashboard: DashboardServer, tmp_path: Path) -> None:
    """Standard output holds the report and nothing else; its members are in camel case. [R8.3, R6.4]"""
    done = call("run", tmp_path, "2023-01-31", "-d", "91", "-d", "124", *at(dashboard), "--json")
    report = json.loads(done.stdout)
    assert done.exit_code == 1
    assert report["status"] == "partial_success"
    assert report["snapshotIds"] == ["2023-01-31"]
    assert {name: report["progress"][name] for name in ("total", "completed", "failed", "pending")} == {
        "total": 2, "completed": 1, "failed": 1, "pending": 0,
    }  # fmt: skip
    (error,) = report["errors"]
    assert (error["districtId"], error["day"], error["stage"], error["kind"]) == ("124", "2023-01-31", "validate", "missing_rows")
    assert error["isRetryable"] is True
    assert report["collectionStrategy"]["method"] == "targeted"
    assert "missing_rows" in done.stderr


def test_some_of_it_is_exit_code_1_with_the_reason_in_words(dashboard: DashboardServer, tmp_path: Path) -> None:
    """Failures are grouped by kind, say in plain words what that means, and what to do. [R6.2, R6.3, R6.4]"""
    done = call("run", tmp_path, "2023-01-31", "-d", "F", "-d", "124", *at(dashboard), "-q")
    assert done.exit_code == 1
    assert done.stderr == ""
    failed = done.stdout.partition("\nFailed\n")[2]
    assert failed.splitlines()[0].split()[:2] == ["1", "missing_rows"]
    assert "its club report has no rows" in flat(failed)
    assert "trying again may help" in failed
    assert "2  missing_report" in done.stdout.partition("Worth knowing")[2]
    assert "Run the same command again to try again what failed" in done.stdout


def test_nothing_at_all_is_exit_code_3(dashboard: DashboardServer, tmp_path: Path) -> None:
    """Where every unit failed, the command failed. [R6.4]"""
    dashboard.fail(Fault.status(500))
    done = call("run", tmp_path, "2023-01-31", *at(dashboard))
    assert done.exit_code == 3
    assert "http_500" in done.stdout
    assert "the server answered with status 500" in done.stdout
    assert stored(tmp_path) == []


def test_days_that_have_no_figures_are_told_by_kind(dashboard: DashboardServer, tmp_path: Path) -> None:
    """A gap of the calendar is not asked for, not a failure, and explained; the command has done all there is to do. [B10, B1]"""
    done = call("run", tmp_path, "2022-07-27", "2022-07-31", "-d", "91", *at(dashboard))
    assert done.exit_code == 0
    gaps = done.stdout.partition("Not published\n")[2].splitlines()
    assert {tuple(line.split()[:2]) for line in gaps[:4] if line.strip()[:1].isdigit()} == {
        ("2", "closing"),
        ("2", "no-such-as-of"),
    }
    assert {record.as_of for record in dashboard.requests} == {"2022-08-09"}


def test_what_was_not_published_otherwise_is_told_too(dashboard: DashboardServer, tmp_path: Path) -> None:
    """A district that the day's summary does not have is not published, which is no failure. [R6.4]"""
    done = call("run", tmp_path, "2023-01-31", "-d", "91", "-d", "999", *at(dashboard))
    assert done.exit_code == 0
    assert "1  unavailable  nothing was published for the district on that day" in done.stdout


def test_a_job_that_was_stopped_early_tells_what_it_came_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Gaps that it had not come to are not told as found, and what no report says is left out. [R4.4, R6.4]"""
    with open_service(tmp_path) as service:
        plan = service.plan(BackfillRequest("2022-07-27", "2022-07-31", ["91"]))
    stopped = evolve(report(1, 5, status=BackfillStatus.CANCELLED), started_at=None, performance_status=None)
    progress = evolve(stopped.progress, completed=0, unavailable=1)
    print_report(evolve(stopped, progress=progress), plan)
    text = capsys.readouterr().out
    assert "1  unavailable" in text
    assert "closing" not in text
    assert "requests" not in text
    assert "time  " not in text


def test_districts_outside_the_configuration_are_left_out_and_named(dashboard: DashboardServer, tmp_path: Path) -> None:
    """Targets are checked against the configuration of the folder before anything is asked. [R7.3, R7.5]"""
    assert call("config", tmp_path, "set", "91", "F").exit_code == 0
    done = call("run", tmp_path, "2023-01-31", "-d", "91", "-d", "61", *at(dashboard))
    assert done.exit_code == 1
    assert "Left out: 61: is not configured" in done.stderr
    assert "left out  61: is not configured" in done.stdout
    assert "1 target of the request left out" in done.stdout
    assert "61" not in dashboard.counts.by_district


def test_a_district_that_no_stored_day_has_is_doubted(dashboard: DashboardServer, tmp_path: Path) -> None:
    """A target that may be misspelt is collected, and the doubt is told. [R7.5]"""
    assert call("run", tmp_path, "2023-01-31", *at(dashboard)).exit_code == 0
    done = call("run", tmp_path, "2023-01-31", "-d", "911", *at(dashboard))
    assert "doubtful" in done.stdout
    assert "911" in done.stdout


def test_the_log_stands_on_standard_error_when_it_is_asked_for(dashboard: DashboardServer, tmp_path: Path) -> None:
    """``-v`` shows the library's log there; afterwards logging is as it was before. [B9]"""
    before = (logging.getLogger("backfill").level, list(logging.getLogger("backfill").handlers))
    quiet = call("run", tmp_path / "a", "2023-01-31", "-d", "91", *at(dashboard))
    loud = call("run", tmp_path / "b", "2023-01-31", "-d", "91", *at(dashboard), "-v")
    assert "INFO backfill" not in quiet.stderr
    assert "INFO backfill.service: backfill accepted" in loud.stderr
    assert "INFO" not in loud.stdout
    assert (logging.getLogger("backfill").level, list(logging.getLogger("backfill").handlers)) == before


def test_a_log_line_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """What a log line quotes is made printable, and a log that cannot be written takes nothing with it."""
    logger = logging.getLogger("backfill.cli.test")
    with logging_to(remarks(), 0):
        logger.warning("said \x1b[2J\nand more")
        logger.warning("%d", "no number")
        logger.info("not shown")
    written = capsys.readouterr().err
    assert "WARNING backfill.cli.test: said ?[2J\nand more\n" in written
    assert "--- Logging error ---" in written
    assert "not shown" not in written


def test_a_folder_that_cannot_be_used_is_exit_code_3(dashboard: DashboardServer, tmp_path: Path) -> None:
    """A root whose parts are files is told by name, not as a traceback. [R6.4]"""
    (tmp_path / "raw").write_text("")
    done = call("run", tmp_path, "2023-01-31", *at(dashboard))
    assert done.exit_code == 3
    assert done.stderr.count("Traceback") == 0
    assert str(tmp_path / "raw") in done.stderr.replace("\n", "") + done.stdout.replace("\n", "")


def test_a_plan_shows_days_gaps_and_what_is_stored(collected: Path) -> None:
    """Before anything is done: days with their as-of, gaps in words, requests by report, what is stored already. [B1]"""
    done = call("plan", collected, "2022-07-01", "2022-08-31", "-d", "91")
    assert done.exit_code == 0
    text = done.stdout
    assert "days         62 of 2022-07-01 to 2022-08-31, daily, newest-first" in text
    assert "districts    1: 91" in text
    assert "stored       2 of them already, and skipped" in text
    assert "2022-07-01 to 2022-07-28" in text
    assert "gap: closing" in text
    assert "the dashboard was still closing the month before" in text
    rows = [line.split() for line in text.splitlines() if line.startswith("  2022-08-")]
    assert rows[0] == ["2022-08-31", "2022-09-08", "1", "1"]
    assert rows[1][2:] == ["1", "0"]


def test_a_plan_that_asks_for_nothing_says_so(collected: Path) -> None:
    """Where everything is stored, or a gap, the number of requests is known, and it is none. [B1]"""
    for days in (("2023-06-30",), ("2022-07-05",)):
        text = call("plan", collected, *days).stdout
        assert "requests     none" in text
        done = call("run", collected, *days, "--base-url", "http://127.0.0.1:9")
        assert "no requests" in done.stderr
        assert done.exit_code == 0


def test_a_plan_whose_requests_nobody_can_count_says_so(tmp_path: Path) -> None:
    """A source that does not say what it will ask for leaves the number unknown, which is not none. [B1]"""
    with open_service(tmp_path) as service:
        plan = service.plan(BackfillRequest("2023-01-31", target_districts=["91"]))
    assert ", an unknown number of requests" in headline(evolve(plan, requests={"documents": None}))[0]
    assert ", at least 3 requests" in headline(evolve(plan, requests={"clubs": 3, "districts": None}))[0]


def test_a_long_plan_shows_its_beginning(collected: Path) -> None:
    """Of a plan of many days the first lines are shown, and where the rest is to be had. [B1]"""
    done = call("plan", collected, "2022-07-01", "2023-06-30", "-d", "91")
    assert "lines more; --json has every day" in done.stdout
    assert len(done.stdout.splitlines()) < 70


def test_a_plan_can_list_the_days_first(dashboard: DashboardServer, tmp_path: Path) -> None:
    """An estimate becomes exact by asking for the lists, which ``--resolve`` alone does. [B1]"""
    estimate = call("plan", tmp_path, "2023-01-31", "--detail", "full", *at(dashboard))
    assert "1 or more of (day, district): days are still to be listed" in estimate.stdout
    assert "to be listed" in estimate.stdout
    assert dashboard.counts.total == 0
    exact = call("plan", tmp_path, "2023-01-31", "--detail", "full", "--resolve", *at(dashboard))
    assert "128 of (day, district)" in exact.stdout
    assert dashboard.counts.total == 1


def test_a_plan_within_a_configuration_says_what_is_left_out(tmp_path: Path) -> None:
    """The plan names targets outside the configuration, with what may have been meant. [R7.5, B1]"""
    call("config", tmp_path, "set", "91", "F")
    text = call("plan", tmp_path, "2023-01-31", "-d", "91", "-d", "19").stdout
    assert "left out     19: is not configured; did you mean 91?" in text


def test_a_plan_says_which_targets_are_doubtful(collected: Path) -> None:
    """The plan names targets that no stored day has. [R7.5, B1]"""
    assert "doubtful     911: " in call("plan", collected, "2023-01-31", "-d", "911").stdout


def test_a_plan_tells_the_time_that_its_requests_take(tmp_path: Path) -> None:
    """The time follows from the number of requests and the rate. [B1]"""
    plan = json.loads(call("plan", tmp_path, *YEAR, "-d", "91", "--rate", "0.1", "--json").stdout)
    text = call("plan", tmp_path, *YEAR, "-d", "91", "--rate", "0.1").stdout
    assert plan["secondsAtRate"] == pytest.approx(480, rel=0.05)
    assert "time         7 min 50 s at the rate limit" in text or "time         8 min 00 s at the rate limit" in text
    assert date.fromisoformat(plan["days"][0]["day"]) == date(2023, 6, 30)
