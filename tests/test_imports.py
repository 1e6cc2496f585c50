"""What importing costs, and who may import whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import backfill

ROOT = Path(__file__).parents[1]
SOURCE = Path(backfill.__file__).parents[1]

HEAVY = {
    "asyncio", "concurrent", "ctypes", "email", "http", "json", "multiprocessing", "pickle", "socket", "sqlite3", "ssl",
    "subprocess", "tempfile", "unittest", "urllib", "xml",
}  # fmt: skip
"""Of the standard library, what a program should not pay for by an import that it may never use."""


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a fresh interpreter that finds the package."""
    found = os.pathsep.join([str(SOURCE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": found},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def loaded_by(statement: str) -> set[str]:
    """Return the modules that *statement* loads in a fresh interpreter."""
    script = f"import sys; before = set(sys.modules); {statement}; found = set(sys.modules) - before; import json; print(json.dumps(sorted(found)))"
    result = run_python("-c", script)
    assert result.returncode == 0, result.stderr
    return set(json.loads(result.stdout))


def third_party(modules: set[str]) -> set[str]:
    """Return the packages among *modules* that are neither of the standard library nor ours."""
    packages = {module.partition(".")[0] for module in modules}
    return packages - sys.stdlib_module_names - {"backfill"}


def test_importing_the_package_loads_next_to_nothing() -> None:
    """``import backfill`` loads one module of ours, no other library, and nothing heavy of the standard one. [R10.2]"""
    loaded = loaded_by("import backfill")
    assert {module for module in loaded if module.startswith("backfill")} == {"backfill"}
    assert not third_party(loaded)
    assert not {module.partition(".")[0] for module in loaded} & HEAVY


def test_public_names_load_no_network_and_no_database() -> None:
    """Having every public name in hand has loaded neither requests nor asyncio nor a database, nor cattrs. [R10.2]"""
    loaded = loaded_by("from backfill import *")
    assert third_party(loaded) <= {"attr", "attrs"}
    assert not {module.partition(".")[0] for module in loaded} & {"asyncio", "http", "multiprocessing", "sqlite3", "ssl"}


def test_layers_are_kept() -> None:
    """The contracts on who may import whom hold: layers, independence of the adapters, libraries where they belong. [R10.2, R10.5]"""
    pytest.importorskip("importlinter", reason="import-linter is not installed; the extra 'lint' has it")
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    result = run_python("-c", command, "--no-cache", "--no-logo")
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_modules_import_each_other() -> None:
    """The modules can be put in an order in which each imports earlier ones only. [R10.2]"""
    grimp = pytest.importorskip("grimp", reason="import-linter is not installed; the extra 'lint' has it")
    graph = grimp.build_graph("backfill", exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert imports
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {' <- '.join(error.args[1])}")
