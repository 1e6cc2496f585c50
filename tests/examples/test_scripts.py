"""Every example in a file of its own prints, run as a user runs it, exactly what it says it prints."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
OWN = {"backfill", *sys.stdlib_module_names}


def claimed(script: Path) -> str:
    """Return what the docstring says is printed."""
    said = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")), clean=True) or ""
    block = said.partition("It prints:\n\n")[2]
    return dedent(block).strip()


def missing(script: Path) -> list[str]:
    """Return the libraries that a script imports or names, and that are not installed."""
    text = script.read_text(encoding="utf-8")
    imported = set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)) | set(re.findall(r'to_frame\("(\w+)"\)', text))
    return sorted(name for name in imported - OWN if find_spec(name) is None)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_an_example_prints_what_it_says(script: Path, tmp_path: Path) -> None:
    """It runs offline in any folder, leaves nothing there, writes no warning, and its docstring tells its output. [R10.4]"""
    absent = missing(script)
    if absent:
        pytest.skip(f"needs {', '.join(absent)}, of the extras 'test-web' and 'test-frames'")
    command = [sys.executable, "-W", "error::DeprecationWarning:__main__", str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == claimed(script)
    assert {path.name for path in tmp_path.iterdir()} <= {".hypothesis"}  # which hypothesis leaves, where a contract is proved


def test_there_are_examples_of_everything_that_one_brings() -> None:
    """Sources, a store, a scope, hosts, a schedule, tables, an archive and a migration each have their file. [R10.4]"""
    wanted = {
        "quickstart", "source_function", "source_rest", "source_folder", "source_sql", "custom_store", "custom_scope", "embed_fastapi",
        "embed_flask", "embed_django", "scheduled_task", "asyncio_host", "ten_years", "month_end_archive", "migrate_csv",
    }  # fmt: skip
    assert wanted <= {script.stem for script in SCRIPTS}
