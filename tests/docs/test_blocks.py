"""Every Python block of the documentation runs, and prints what it says; one that cannot says why in a skip comment."""

from __future__ import annotations

import gc
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from unittest import SkipTest

import pytest
from sybil import Sybil
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)
PARSER = Sybil(parsers=[PythonCodeBlockParser(), SkipParser()])


def missing(block: str, printed: list[str]) -> list[str]:
    """Return what *block* claims to print, `print(…)  # so` or `print(…)  # so: and why`, and has not *printed*."""
    claims = re.findall(r"^ *print\(.*\)  # (.+)$", block, re.MULTILINE)
    return [claim for claim in claims if not any(claim == line or claim.startswith(f"{line}: ") for line in printed)]


@pytest.fixture
def logger_as_it_was() -> Iterator[None]:
    """A page may show how the log is configured; other tests do not live with it."""
    logger = logging.getLogger("backfill")
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.mark.usefixtures("logger_as_it_was")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_blocks_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of one page run one after the other, as a reader in a clone would paste them; they print what they say. [R10.4]"""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(ROOT))
    before = set(threading.enumerate())
    for example in PARSER.parse(page).examples():
        printed = StringIO()
        with redirect_stdout(printed), suppress(SkipTest):  # the last test sees to the reason
            example.evaluate()
        unsaid = missing(str(example.parsed), printed.getvalue().splitlines())
        assert not unsaid, f"line {example.line} and on: does not print {unsaid}, but {printed.getvalue()!r}"
    gc.collect()  # a block's forgotten file or socket warns here, and warnings are errors
    lasting = [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
    assert lasting == []


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_skipped_blocks_say_why(page: Path) -> None:
    """A block is left out with a reason that a reader of the source can judge, never silently."""
    for comment in re.findall(r"^(?:<!--+|%)\s*skip:(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE):
        assert re.search(r"\"[^\"]{10,}\"", comment), f'write <!--- skip: next "the reason" -->, not {comment.strip()!r}'
