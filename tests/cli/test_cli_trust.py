"""The commands that prove, rebuild, import and look back."""

from __future__ import annotations

import csv
import io
import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from backfill.cli.prune import RULES
from backfill.toastmasters.kinds import ReportKind
from cli_running import call
from tm_files import export, footer_of
from trust_roots import DAY, END, START, blob_of, file_of, forget, pristine, root, stored

__all__ = ["pristine", "root"]


def test_verify_ends_with_0_only_when_all_is_proved(root: Path) -> None:
    """What is proved is counted; what is not is told with cause and remedy, and ends with 1. [B4]"""
    done = call("verify", root, START, END)
    assert done.exit_code == 0
    assert "looked at  6 records and 2 summaries" in done.stdout
    assert "the same   8, byte for byte" in done.stdout
    file_of(root).write_bytes(b"{}")
    blob_of(root, "districtsummary~2023-02-28~2023-03-09").unlink()
    done = call("verify", root, START, END)
    assert done.exit_code == 1
    assert "1  file edited" in done.stdout
    assert "4  document missing" in done.stdout
    assert f"{DAY} 61: file edited:" in done.stdout
    view = json.loads(call("verify", root, START, END, "-d", "61", "--json").stdout)
    assert [one["cause"] for one in view["differences"]] == ["file edited", "document missing"]


def test_many_differences_are_cut_short(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text shows the first ones, and counts the rest. [B4]"""
    monkeypatch.setattr("backfill.cli.verify.SHOWN", 1)
    for name in ("61", "F", "U"):
        file_of(root, f"district_{name}.json").unlink()
    assert "… and 2 more; --json has them all" in call("verify", root, DAY).stdout


@pytest.mark.parametrize("more", [(), ("--processes", "2")])
def test_rebuild_brings_back_what_was_lost(root: Path, more: tuple[str, ...]) -> None:
    """The snapshots are made anew from the archive, on one process or two; the report tells how many. [B4, B8]"""
    before = stored(root)
    shutil.rmtree(root / "snapshots")
    done = call("rebuild", root, START, END, *more)
    assert done.exit_code == 0, done.stderr
    assert "units   6 of (day, district): 6 made, 0 failed" in done.stdout
    assert stored(root) == before
    assert json.loads(call("rebuild", root, DAY, "--json").stdout)["status"] == "complete"


def test_rebuild_tells_what_failed(root: Path) -> None:
    """A missing document is told by its kind, and ends with 1. [R6.4]"""
    blob_of(root, "clubperformance~61~2023-01-31~2023-02-08").unlink()
    done = call("rebuild", root, DAY)
    assert done.exit_code == 1
    assert "document_missing" in done.stdout


def test_rerank_tells_what_changed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Days whose rankings changed are counted; one whose document is missing is told, and ends with 1. [B4]"""
    assert "the same  2 days" in call("rerank", root, START, END).stdout
    assert "the same  2 days" in call("jobs", root, json.loads(call("jobs", root, "--json").stdout)[0]["backfillId"]).stdout
    monkeypatch.setattr("backfill.toastmasters.ranking.RANKING_VERSION", "9.0")
    blob_of(root, "districtsummary~2023-02-28~2023-03-09").unlink()
    done = call("rerank", root, START, END)
    assert done.exit_code == 1
    assert "1 day" in done.stdout
    assert f"failed {END}" in done.stdout
    assert json.loads(call("rerank", root, START, "--json").stdout)["progress"]["skipped"] == 1


def test_import_takes_a_folder_and_says_what_next(tmp_path: Path) -> None:
    """Files are taken, refused and in conflict by name; the command to make snapshots of them can be pasted. [B4]"""
    folder = tmp_path / "files"
    for name, members in (("a", "20"), ("b", "21")):
        (folder / name).mkdir(parents=True)
        cells = {"district": "61", "club_number": "1", "club_name": "One", "active_members": members}
        content = export(ReportKind.CLUBS, [cells], footer=footer_of("Jan", date(2023, 2, 8)))
        (folder / name / "club.csv").write_bytes(content)
    (folder / "page.csv").write_bytes(b"<html></html>")
    done = call("import", tmp_path / "root", folder)
    assert done.exit_code == 1
    assert "taken         1 documents" in done.stdout
    assert "1  not_csv  it is no report of the dashboard" in done.stdout
    assert "clubperformance~61~2023-01-31~2023-02-08: " in done.stdout
    assert "rebuild" in done.stderr
    assert "2023-01-31 2023-01-31" in done.stderr
    again = json.loads(call("import", tmp_path / "root", folder, "--json").stdout)
    assert (again["files"], again["known"], again["imported"]) == (3, 2, [])
    assert call("rebuild", tmp_path / "root", "2023-01-31").exit_code == 0


def test_history_is_a_table(root: Path) -> None:
    """A line of CSV for each day and district, or one JSON document. [B9]"""
    done = call("history", root, DAY, END, "-d", "61", "-f", "totals.totalPayments")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [(row["day"], row["district"]) for row in rows] == [(DAY, "61"), (END, "61")]
    view = json.loads(call("history", root, "--json").stdout)
    assert view["columns"][:4] == ["day", "district", "as_of", "detail"]
    assert len(view["rows"]) == 6
    assert call("history", root, "-f", "nothing").exit_code == 2


def test_diff_shows_what_changed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Districts are counted, places are shown, the rest of them counted. [B4]"""
    done = call("diff", root, DAY, END, "-d", "61")
    assert "changed  1 district" in done.stdout
    assert "totals.totalPayments: " in done.stdout
    monkeypatch.setattr("backfill.cli.diff.SHOWN", 1)
    assert " more" in call("diff", root, DAY, END, "-d", "61").stdout
    assert list(json.loads(call("diff", root, DAY, END, "--json").stdout)["changed"]) == ["61", "F", "U"]
    assert call("diff", root, DAY, DAY).exit_code == 2
    shutil.rmtree(root / "snapshots" / END)
    assert call("diff", root, DAY, END).exit_code == 3


def test_findings_are_counted_and_listed(root: Path) -> None:
    """By kind, then one by one, the rest counted; nothing is said where there is nothing. [R5.5]"""
    assert call("findings", root, "--kind", "no-such-kind").stdout == "Nothing was found.\n"
    for kind in ("districtperformance", "divisionperformance"):
        forget(root, f"{kind}~61~2023-01-31~2023-02-08")
    shutil.rmtree(root / "snapshots" / DAY)
    assert call("rebuild", root, DAY, "-d", "61").exit_code == 0
    text = call("findings", root, DAY, DAY, "--most", "1").stdout
    assert "2  missing_report" in text
    assert f"{DAY} 61: missing_report: districtperformance has no rows" in text
    assert "… and 1 more" in text
    found = json.loads(call("findings", root, "-d", "61", "--json").stdout)
    assert [one["kind"] for one in found] == ["missing_report", "missing_report"]


def test_prune_tells_first_and_then_does(root: Path) -> None:
    """A dry run says what would be removed; then it is; month-ends stay unless told otherwise. (Pitfall 35.) [B4]"""
    assert "would be removed  0 days" in call("prune", root, START, END, "--dry-run").stdout
    dry = call("prune", root, START, END, "--keep", "nothing", "--dry-run").stdout
    assert "would be removed  2 days" in dry
    assert (root / "snapshots" / DAY).exists()
    view = json.loads(call("prune", root, DAY, DAY, "--keep", "nothing", "--archive", "--json").stdout)
    assert view["removed"] == [DAY]
    assert not (root / "snapshots" / DAY).exists()
    assert call("rebuild", root, DAY, "-d", "61").exit_code == 3
    assert RULES["month-ends-only"](date(2023, 1, 31))


def test_show_tells_what_is_archived_and_why_something_is_not_there(root: Path) -> None:
    """Beside each document stands whether the archive has it; what is not stored is explained. [B3]"""
    blob_of(root, "clubperformance~61~2023-01-31~2023-02-08").unlink()
    lines = call("show", root, DAY, "61").stdout.splitlines()
    assert [line.split()[-1] for line in lines if "~2023-01-31~" in line] == ["there", "missing", "there", "there"]
    assert "Why: unavailable: the publisher was still giving out the month before" in call("show", root, "2023-02-03").stderr
    assert "Why: unavailable: the day's own list does not have this district." in call("show", root, DAY, "44").stderr
    assert "Why" not in call("show", root, DAY, "not/a district").stderr


def test_coverage_as_html(root: Path) -> None:
    """The picture as a table; two forms at once are refused. [B5]"""
    assert call("coverage", root, DAY, END, "--html").stdout.startswith("<section")
    assert call("coverage", root, DAY, END, "--html", "--csv").exit_code == 2


def test_verify_names_days_that_are_gone(root: Path) -> None:
    """A day that a job has stored and that is not there any more is told. [B4]"""
    shutil.rmtree(root / "snapshots" / DAY)
    done = call("verify", root, START, END)
    told = " ".join(done.stdout.split())
    assert "not there 1 day that a job has stored: pruned, or lost (2023-01-31)" in told
    assert json.loads(call("verify", root, START, END, "--json").stdout)["absent"] == [DAY]


def test_damaged_days_are_shown_and_left_alone(root: Path) -> None:
    """Coverage, plan and fill go on with the other days, and say which cannot be read, why, and what helps. [B5, R6.1]"""
    (root / "snapshots" / DAY / "manifest.json").write_bytes(b"{}")
    done = call("coverage", root, DAY, END, "--frequency", "month-end")
    assert done.exit_code == 0
    assert "! damaged 3" in done.stdout
    assert f"{DAY} is damaged: " in done.stdout
    assert "delete the day, and collect it again" in done.stdout
    assert call("plan", root, DAY, END, "--frequency", "month-end").exit_code == 0
    filled = call("fill", root, DAY, END, "--frequency", "month-end")
    assert (filled.exit_code, "nothing is missing that can be had" in filled.stdout) == (0, True)
    assert f"{DAY} is damaged: " in filled.stdout
    (root / "snapshots" / DAY / "manifest.json").unlink()
    assert "Why: damaged: the day has files" in call("show", root, DAY, "61").stderr
    shutil.rmtree(root / "snapshots" / DAY)
    assert "Why: lost: a job stored it" in call("show", root, DAY, "61").stderr
