"""What is stored, shown in short."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from backfill.cli.show import _figure
from backfill.jsonvalues import JsonValue
from backfill.testing.dashboard import DashboardServer
from cli_running import at, call


def test_a_day_is_shown_with_its_operations(collected: Path) -> None:
    """Status, as-of, how many districts in which detail, and which jobs collected it. [R5.5, B3]"""
    done = call("show", collected, "2023-01-31")
    assert done.exit_code == 0
    assert "day        2023-01-31 (success), as of 2023-02-08" in done.stdout
    assert "districts  128: 127 summary, 1 full" in done.stdout
    assert "incomplete" not in done.stdout
    operations = done.stdout.partition("Collected by\n")[2]
    assert "system-wide" in operations
    assert "single-district" in operations


def test_a_day_says_what_is_incomplete_and_what_is_not_there(dashboard: DashboardServer, tmp_path: Path) -> None:
    """Records that lack a report, districts that failed and those not published are named. [R5.5, R6.3]"""
    names = [option for district in ("F", "124", "999") for option in ("-d", district)]
    assert call("run", tmp_path, "2023-01-31", *names, *at(dashboard)).exit_code == 1
    text = call("show", tmp_path, "2023-01-31").stdout
    assert "day          2023-01-31 (partial), as of 2023-02-08" in text
    assert "incomplete   1: F; a later run completes them" in text
    assert "failed       124\n" in text
    assert "unavailable  999\n" in text
    assert "full, incomplete: a later run completes it" in call("show", tmp_path, "2023-01-31", "F").stdout


def test_a_day_is_one_json_document(collected: Path) -> None:
    """The document has metadata and manifest entries in the names of the wire. [R8.3]"""
    view = json.loads(call("show", collected, "2023-01-31", "--json").stdout)
    assert list(view) == ["metadata", "entries"]
    assert view["metadata"]["asOfDate"] == "2023-02-08"
    assert view["entries"]["91"]["detail"] == "full"
    assert view["entries"]["F"]["backfillId"]


def test_a_district_is_shown_with_its_figures_and_documents(collected: Path) -> None:
    """Totals with unknown ones named so, and each document with the time and hash that the file has. [B3]"""
    done = call("show", collected, "2023-01-31", "91")
    assert "clubs      180" in done.stdout
    assert "totalMembership              3,746" in done.stdout
    assert "smedleyDistinguishedClubs    unknown" in done.stdout
    file = json.loads((collected / "snapshots" / "2023-01-31" / "district_91.json").read_bytes())
    for document in file["provenance"]:
        (line,) = (line for line in done.stdout.splitlines() if document["name"] in line)
        assert document["sha256"][:12] in line


def test_a_summary_record_shows_its_row(collected: Path) -> None:
    """Of a district in summary, the row of the summary is shown, yes and no as words. [B9]"""
    done = call("show", collected, "2023-01-31", "f")
    summary = done.stdout.partition("Summary\n")[2]
    assert "district  " in summary
    assert " yes\n" in summary
    assert "clubs   " not in done.stdout.partition("Totals")[0]


def test_a_district_as_json_is_its_file(collected: Path) -> None:
    """The document is the stored record itself. [P4]"""
    shown = json.loads(call("show", collected, "2023-01-31", "91", "--json").stdout)
    assert shown == json.loads((collected / "snapshots" / "2023-01-31" / "district_91.json").read_bytes())


def test_what_is_not_stored_is_told_with_what_is(collected: Path, tmp_path: Path) -> None:
    """A day or district that is not there names its neighbours, and ends with 3. [B9]"""
    day = call("show", collected, "2023-02-01")
    assert day.exit_code == 3
    assert day.stderr.splitlines() == [
        "Error: 2023-02-01 is not stored; near it: 2022-12-31, 2023-01-31, 2023-02-28.",
        "Why: unavailable: the publisher was still giving out the month before on that day (closing).",
    ]
    district = call("show", collected, "2023-01-31", "999")
    assert district.exit_code == 3
    assert "has no district '999'; it has 01, 02" in district.stderr
    empty = call("show", tmp_path, "2023-01-31").stderr
    assert empty.startswith("Error: 2023-01-31 is not stored; no day is.\nWhy: never tried: ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "unknown"), (True, "yes"), (False, "no"), (1234, "1,234"), (-48.1, "-48.1"), ("09", "09")],
)
def test_figures_are_shown_as_people_read_them(value: JsonValue, shown: str) -> None:
    """What is not known is never shown as 0."""
    assert _figure(value) == shown
