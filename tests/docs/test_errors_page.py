"""Every error has its section, which tracebacks lead to; every kind and cause its row."""

from __future__ import annotations

import pickle
import re
import traceback
from pathlib import Path

import pytest

from backfill import errors
from backfill.wording import CAUSES, FAILURES

PAGE = (Path(__file__).parents[2] / "docs" / "errors.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n\n(.+?)(?=\n## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_says_what_to_do(name: str) -> None:
    """Each class has a section of its own, with what happened and what to do about it. [R6.2, R10.4]"""
    assert "*What to do.* " in SECTIONS[name]


@pytest.mark.parametrize(("kind", "meaning"), [*FAILURES.items(), *CAUSES.items()])
def test_every_kind_has_its_row(kind: str, meaning: str) -> None:
    """The words of failures and differences are those that the command line prints. [R6.2, R10.4]"""
    assert f"| `{kind}` | {meaning} |" in PAGE or f"| {kind} | {meaning} |" in PAGE


def test_a_traceback_leads_to_the_page() -> None:
    """The last line of a traceback is the address of the section; the message itself is not longer for it, nor after a pickle. [R6.2]"""

    class Mine(errors.PermanentSourceError):
        """An error of a source of one's own leads to that of its parent."""

    for error, section in (
        (errors.InvalidRequest("end_date", 1, "no date", "write a date"), "invalidrequest"),
        (Mine("so"), "permanentsourceerror"),
        (pickle.loads(pickle.dumps(errors.JobNotFound("x"))), "jobnotfound"),
    ):
        lines = "".join(traceback.format_exception(error)).splitlines()
        assert lines[-1] == f"What to do about it: {errors.PAGES}#{section}"
        assert "What to do" not in str(error)
