"""One word of a report, in plain words."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import backfill
from backfill.cli.invoking import invoked_as
from backfill.model import Gap
from backfill.wording import FAILURES, FINDINGS, GAPS, duration, listing, meaning, plural, size

SOURCES = [path.read_text() for path in Path(backfill.__file__).parent.rglob("*.py") if "testing" not in path.parts]

NO_FAILURES = {
    "cancelled", "closing", "no_rows", "no_such_district", "not-published-yet", "not_used", "unavailable",
}  # fmt: skip
"""Kinds of what is not published, or not done: never those of a failure."""


def kinds(pattern: str) -> set[str]:
    """Return what *pattern* finds in the package's source."""
    return {found for text in SOURCES for found in re.findall(pattern, text)}


def test_every_kind_of_failure_is_explained() -> None:
    """Whatever the package calls a failure has plain words, and there are no words for what does not happen. [R6.2, R8.4]"""
    named = kinds(r'(?<![a-z_])kind="([a-z][a-z_-]+)"') | kinds(r'default_kind = "([a-z_]+)"')
    named |= kinds(r'(?m)^(?:MISSING|DAMAGED|NO_PROVENANCE|CANNOT_BE_MADE|DAMAGED_DAY) = "([a-z_]+)"')  # what a rebuild lacks
    told_apart = kinds(r'return "([a-z_]+)", f?"the answer')  # what distrust of the dashboard calls an answer
    assert {"timeout", "missing_rows", "source_bug"} <= named
    assert {"truncated", "not_csv", "wrong_district"} <= told_apart
    assert (named | told_apart) - NO_FAILURES == set(FAILURES)


def test_every_kind_of_finding_is_explained() -> None:
    """Whatever the package calls a finding has plain words. [R6.4]"""
    used = kinds(r"""Finding\(\s*"([a-z_]+)\"""") | kinds(r"""notes\.add\(\s*"([a-z_]+)\"""")
    assert len(used) > 10
    assert used - set(FINDINGS) == set()


def test_every_gap_is_explained() -> None:
    """Each reason for which a day has no figures has plain words. [B10]"""
    assert set(GAPS) == {str(gap) for gap in Gap}


def test_statuses_and_strange_kinds_have_words_too() -> None:
    """A status of HTTP is told as one, and a source's own word is shown as it is."""
    assert meaning(FAILURES, "http_503") == "the server answered with status 503"
    assert meaning(FAILURES, "sensor_down") == "sensor down"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (338_073, "338 kB"),
        (9_272_626, "9.3 MB"),
        (5_200_000_000, "5.2 GB"),
    ],
)
def test_sizes_are_told_as_people_read_them(number: int, said: str) -> None:
    """Bytes become thousands, millions and thousands of millions of them."""
    assert size(number) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (59.4, "59 s"), (61, "1 min 01 s"), (3600 * 5 + 59, "5 h 00 min")],
)
def test_durations_are_told_as_people_read_them(seconds: float, said: str) -> None:
    """Seconds become minutes and hours."""
    assert duration(seconds) == said


def test_numbers_and_lists_are_told_as_people_read_them() -> None:
    """One is singular, and a long list is cut short with its rest counted."""
    assert (plural(1, "day"), plural(0, "day"), plural(1536, "unit")) == ("1 day", "0 days", "1,536 units")
    assert listing(("a", "b"), most=2) == "a, b"
    assert listing(("a", "b", "c"), most=2) == "a, b and 1 more"


def test_suggestions_can_be_pasted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The command is suggested as it was called: by its name where the shell finds it, by its path where not."""
    program = tmp_path / "venv" / "bin" / "backfill"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", ["venv/bin/backfill"])
    assert invoked_as() == "venv/bin/backfill"
    monkeypatch.setattr(sys, "argv", [str(program)])
    assert invoked_as() == "venv/bin/backfill"
    monkeypatch.setenv("PATH", str(program.parent))
    assert invoked_as() == "backfill"
    monkeypatch.setattr(sys, "argv", ["/x/backfill/__main__.py"])
    monkeypatch.setattr(sys, "executable", "/somewhere/python")
    monkeypatch.chdir(tmp_path)
    assert invoked_as() == "/somewhere/python -m backfill"
    for other in ("pytest", "/x/pytest/__main__.py"):
        monkeypatch.setattr(sys, "argv", [other])
        assert invoked_as() == "backfill"
