"""The demo: a year rebuilt without a network, accounted for, and not collected twice."""

from __future__ import annotations

import io
import json
import re
import signal
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
from attrs import evolve
from click.testing import Result
from rich.console import Console

from backfill import BackfillRequest
from backfill.cli.demo import exit_code
from backfill.cli.demo_facts import FIGURES, gather
from backfill.cli.demo_parts import FULL_DISTRICT, PARTLY, PARTS, Outcome
from backfill.cli.demo_summary import print_summary
from backfill.cli.exits import ExitCode
from backfill.cli.running import carry_out
from backfill.cli.stopping import Stopping
from backfill.testing.dashboard import DashboardServer, Fault, ReportArchive
from backfill.toastmasters import open_service
from cli_running import MONTH_ENDS, call


class Demo(NamedTuple):
    """Two runs of the demo over one folder."""

    root: Path
    first: Result
    second: Result


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, run twice."""
    root = tmp_path_factory.mktemp("demo") / "root"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("backfill.cli.demo.RATE", 1000.0)
        first = call("demo", "--root", root)
        files = {path: path.stat().st_mtime_ns for path in (root / "snapshots").rglob("*.json")}
        second = call("demo", "--root", root, "--json")
        assert {path: path.stat().st_mtime_ns for path in (root / "snapshots").rglob("*.json")} == files
    return Demo(root, first, second)


def section(result: Result, title: str) -> list[str]:
    """Return the lines of one section of the summary."""
    lines = result.stdout.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(title))
    rest = lines[at + 1 :]
    return rest[: rest.index("")] if "" in rest else rest


def test_the_summary_says_what_is_stored(demo: Demo) -> None:
    """Days, districts, records, files and bytes, counted on the disk. [R6.4, B5]"""
    assert demo.first.exit_code == 0, demo.first.stderr
    told = " ".join(section(demo.first, "What is stored"))
    files = [path for path in (demo.root / "snapshots").rglob("*") if path.is_file() and path.parent.name in MONTH_ENDS]
    assert "days       12, 2022-07-31 to 2023-06-30" in told
    assert "districts  128" in told
    assert "1,536: 1,500 summaries, 36 in full (24 of them lack a report)" in told
    assert f"{len(files):,} of snapshots, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB" in told
    assert "6 failed, 0 not published" in told
    assert len([path for path in files if path.name.startswith("district_")]) == 1536


def test_what_is_not_there_is_exactly_what_the_archive_does_not_have(demo: Demo, reports: ReportArchive) -> None:
    """The failures are those months of which the archive lacks the club report; they stop nothing, and are explained. [R6.1, R6.2, R6.4]"""
    lacking = {
        district: [
            day for day in ("2023-01-31", "2023-02-28", "2023-03-31") if not has(reports, "clubperformance", district, day)
        ]
        for district in PARTLY
    }
    wanting = json.loads(demo.second.stdout)["wanting"]
    assert wanting == {district: days for district, days in lacking.items() if days}
    assert "6  missing_rows" in " ".join(section(demo.first, "Failed"))
    assert len(section(demo.first, "Asked for in full, and not there in full")) == len(wanting) + 2


def has(reports: ReportArchive, report: str, district: str, day: str) -> bool:
    """Whether the archive has a report of *district* for the month that ends on *day*."""
    return any((key.report, key.district, key.month.isoformat()) == (report, district, day) for key in reports)


def test_the_best_districts_are_those_of_the_ranking(demo: Demo) -> None:
    """The five best of the last day, as the stored ranking has them. [R11.3]"""
    stored = json.loads((demo.root / "snapshots" / "2023-06-30" / "all-districts-rankings.json").read_bytes())["rankings"][:5]
    shown = [line.split() for line in section(demo.first, "The best of 128 districts on 2023-06-30")[1:]]
    assert [(int(row[0]), row[1], int(row[3])) for row in shown] == [
        (row["overallRank"], row["districtId"], row["aggregateScore"]) for row in stored
    ]


def test_the_chart_shows_the_members_of_every_month(demo: Demo) -> None:
    """The members of District 91 by its stored records, with the change to the month before. [R5.2]"""
    members = []
    for day in MONTH_ENDS:
        record = json.loads((demo.root / "snapshots" / day / f"district_{FULL_DISTRICT}.json").read_bytes())
        members.append(record["data"]["totals"]["totalMembership"])
    lines = section(demo.first, f"District {FULL_DISTRICT}: members")
    assert [int(line.split()[2].replace(",", "")) for line in lines] == members
    assert f"{members[1] - members[0]:+,}" in lines[1]


def test_the_picture_shows_what_is_in_full(demo: Demo) -> None:
    """One district in full all year, eight for three months but for a report, the others in summary. [B5]"""
    rows = [line for line in section(demo.first, "Coverage") if "▒" in line or "█" in line][:3]
    assert [(row.count("███"), row.count("▓▓▓")) for row in rows] == [(12, 0), (0, 0), (0, 3)]
    assert rows[1].startswith("119 districts")


def test_requests_are_those_that_were_planned(demo: Demo) -> None:
    """Planned against sent, by the server's own count: nothing is fetched twice, and only missing reports are asked for more often. [R9.3, B1]"""
    rows = {line.split()[0]: line.split()[1:] for line in section(demo.first, "Requests to the server")[1:5]}
    assert rows["districtsummary"] == ["27", "12"]
    assert rows["clubperformance"] == ["42", "60"]  # six that are missing, looked for in three earlier states each
    assert rows["districtperformance"] == ["42", "36"]


def test_the_figures_are_marked_as_what_they_are(demo: Demo) -> None:
    """Summary, welcome, JSON and a file in the folder say that the figures are reconstructed, partly synthetic. [B3]"""
    assert FIGURES.startswith("reconstructed")
    assert FIGURES in " ".join(" ".join(section(demo.first, "What is stored")).split())
    assert "RECONSTRUCTED" in demo.first.stderr
    assert json.loads(demo.second.stdout)["figures"] == FIGURES
    assert FIGURES in (demo.root / "ABOUT.txt").read_text()


def test_a_second_run_collects_nothing_again_and_says_so(demo: Demo) -> None:
    """Over the same folder no request is sent and no file of a snapshot is touched. [B2, R9.3]"""
    assert demo.second.exit_code == 0
    facts = json.loads(demo.second.stdout)
    assert [part["report"] for part in facts["parts"]] == [None, None, None]
    assert facts["requests"]["sent"] == facts["requests"]["planned"] == {}
    assert demo.second.stderr.count("Collected before, and not collected again.") == 3
    third = call("demo", "--root", demo.root)
    assert "Everything was there already. Nothing was collected again" in " ".join(third.stdout.split())
    assert section(third, "Requests to the server") == ["  None was planned, and none was sent."]


def test_standard_output_is_the_summary_alone(demo: Demo) -> None:
    """What is said meanwhile goes to standard error, as progress does; with ``-q`` nothing does. [B9]"""
    assert "1/3" in demo.first.stderr
    assert "1/3" not in demo.first.stdout
    assert demo.first.stdout.startswith("\nWhat is stored")
    assert call("demo", "--root", demo.root, "-q").stderr == ""


def test_the_commands_that_it_names_do_the_same(demo: Demo) -> None:
    """Each job of the demo is shown as the command that would do it. [R10.4]"""
    shown = re.findall(r"^ +\$ (backfill run .*)$", demo.first.stderr, re.MULTILINE)
    assert shown == [part.command(str(demo.root)) for part in PARTS]
    for command, part in zip(shown, PARTS, strict=True):
        assert command.split()[:2] == ["backfill", "run"]
        request = json.loads(call("plan", *command.split()[2:], "--json").stdout)["request"]
        assert request["startDate"] == part.start.isoformat()
        assert request["targetDistricts"] == (None if part.districts is None else list(part.districts))
        assert request["retryFailures"] is part.retry


def test_what_it_suggests_next_works(demo: Demo) -> None:
    """The suggestions that need no network run as they stand. [R10.4]"""
    lines = [line.strip() for line in section(demo.first, "Try next")]
    suggested = [line.split()[1:] for line in lines if line.startswith("backfill ")]
    assert [words[0] for words in suggested] == ["show", "plan", "demo", "run", "--help"]
    for words in suggested:
        if words[0] in {"show", "plan", "--help"}:
            done = call(*words)
            assert done.exit_code == 0, done.stderr
            assert len(done.stdout) > 100


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    """Made-up figures must not get into a folder with others: it is refused, and stays as it is. [R7.4]"""
    (tmp_path / "snapshots").mkdir()
    done = call("demo", "--root", tmp_path)
    assert done.exit_code == 2
    assert "the folder holds something that no demo has made" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["snapshots"]


def test_stopped_midway_it_shows_what_is_there_and_goes_on_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends it with 130 after a summary of what is stored; the next run collects only the rest. [R4.4, B2]"""
    root = tmp_path / "root"
    monkeypatch.setattr("backfill.cli.demo.RATE", 1000.0)
    monkeypatch.setattr("backfill.cli.demo.PARTS", [evolve(PARTS[0], start=date(2023, 3, 31))])

    def stopped(*arguments: object, stopping: Stopping, **options: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return carry_out(*arguments, stopping=stopping, **options)  # type: ignore[arg-type] # passed on as they came

    with monkeypatch.context() as patch:
        patch.setattr("backfill.cli.demo.carry_out", stopped)
        first = call("demo", "--root", root, "--json")
    assert first.exit_code == 130
    facts = json.loads(first.stdout)
    assert [part["report"]["status"] for part in facts["parts"]] == ["cancelled"]
    assert len(facts["stored"]["days"]) < 4
    text = call("demo", "--root", root)
    assert text.exit_code == 0
    assert "512: 512 summaries, 0 in full" in text.stdout


def test_before_anything_is_stored_there_is_little_to_show(tmp_path: Path) -> None:
    """Over an empty folder the summary has neither ranking nor chart, and still says where things would be. [B9]"""
    console = Console(file=io.StringIO(), width=80)
    with DashboardServer() as server, open_service(tmp_path / "root") as service:
        facts = gather(service, "root", [], server.counts, rate=1.0, seconds=0.1)
    assert facts.nothing_new
    print_summary(console, facts)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "days       0\n" in text
    assert "The best of" not in text
    assert "On the disk" in text


def test_the_chart_has_the_days_that_are_in_full(dashboard: DashboardServer, tmp_path: Path) -> None:
    """A day of which the district is stored in summary only has no members to show. [R5.2]"""
    with open_service(tmp_path, base_url=dashboard.url, rate=None) as service:
        service.run_backfill(BackfillRequest("2023-05-31", "2023-06-30", frequency="month-end"), progress=False)
        service.run_backfill(BackfillRequest("2023-06-30", target_districts=[FULL_DISTRICT]), progress=False)
        facts = gather(service, "root", [], dashboard.counts, rate=1.0, seconds=0.1)
    assert [(one.day.isoformat(), one.members) for one in facts.membership] == [("2023-06-30", 4050)]


def test_a_demo_of_which_a_part_fails_altogether_has_failed(dashboard: DashboardServer, tmp_path: Path) -> None:
    """Districts that fail are what the demo shows; a job that stores nothing at all is exit code 3. [R6.4]"""
    dashboard.fail(Fault.status(500))
    with open_service(tmp_path, base_url=dashboard.url, rate=None) as service:
        plan = service.plan(BackfillRequest("2023-01-31", retry_failures=False))
        done = Outcome(PARTS[0], plan, service.run_backfill(plan, progress=False))
        facts = gather(service, "root", [done], dashboard.counts, rate=1.0, seconds=0.1)
    assert exit_code(facts) is ExitCode.FAILED
