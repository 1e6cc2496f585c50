"""The public names of the package."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

import backfill

MOST = 30


def imported_for_typing() -> dict[str, list[str]]:
    """Return what the package imports for type checkers only: names by module."""
    tree = ast.parse(Path(backfill.__file__).read_bytes())
    blocks = [node for node in tree.body if isinstance(node, ast.If)]
    imports = [node for block in blocks for node in block.body if isinstance(node, ast.ImportFrom)]
    return {node.module or "": [alias.name for alias in node.names] for node in imports}


def test_the_public_names_are_those_on_record() -> None:
    """Every name of the reference has the signature on record: who changes one changes the record, and sees what it breaks. [R1.3, R10.2]"""
    public_names = pytest.importorskip("public_names", reason="griffe is not installed; the extra 'lint' has it")
    recorded, found = (text.splitlines() for text in (public_names.RECORD.read_text(encoding="utf-8"), public_names.render()))
    gone, new = sorted({*recorded} - {*found}), sorted({*found} - {*recorded})
    remedy = "if that is meant, say so in CHANGELOG.md, and write the record: python tests/public_names.py > tests/data/public_names.txt"
    assert (gone, new) == ([], []), remedy
    assert recorded == found, remedy
    assert {f"backfill.{name}" for name in backfill.__all__} <= names_in(recorded)


def names_in(lines: list[str]) -> set[str]:
    """Return the names that lines of the record are about."""
    return {re.match(r"(?:class |module )?([\w.]+)", line)[1] for line in lines}  # type: ignore[index] # every line begins with one


def test_public_names_are_few_sorted_and_all() -> None:
    """The package exports at most thirty names, in order, and shows exactly these and its version. [R1.3, R10.2]"""
    assert backfill.__all__ == sorted(backfill.__all__)
    assert len(backfill.__all__) == len(set(backfill.__all__)) <= MOST
    assert dir(backfill) == sorted([*backfill.__all__, "__version__"])


@pytest.mark.parametrize("name", backfill.__all__)
def test_every_public_name_can_be_had(name: str) -> None:
    """Each name is there on first use and stays the same, and is the one that its home exports. [R10.2]"""
    value = getattr(backfill, name)
    assert value is getattr(backfill, name)
    (home,) = (home for home, names in imported_for_typing().items() if name in names)
    module = import_module(home)
    assert value is getattr(module, name)
    assert name in getattr(module, "__all__", [name])


def test_each_name_has_one_home_and_each_object_one_name() -> None:
    """What is loaded on use and what type checkers see agree, and nothing is exported twice. [R10.2, R10.1]"""
    lazy = {home: list(names) for home, names in backfill._HOMES.items()}
    assert lazy == imported_for_typing()
    assert sorted(name for names in lazy.values() for name in names) == backfill.__all__
    objects = {id(getattr(backfill, name)) for name in backfill.__all__}
    assert len(objects) == len(backfill.__all__)


def test_a_star_import_brings_the_public_names() -> None:
    """``from backfill import *`` brings what is public and nothing else. [R10.2]"""
    space: dict[str, object] = {}
    exec("from backfill import *", space)
    assert sorted(set(space) - {"__builtins__"}) == backfill.__all__


def test_the_version_is_that_of_the_installed_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    """The version is asked of the distribution, and written down nowhere else. [R10.2]"""
    monkeypatch.setattr("importlib.metadata.version", {"backfill": "9.9"}.__getitem__)
    assert backfill.__version__ == "9.9"


def test_other_names_are_refused_as_in_any_module() -> None:
    """A name that the package has not is an AttributeError that says so. [R10.2]"""
    with pytest.raises(AttributeError, match="module 'backfill' has no attribute 'backfil'"):
        _ = backfill.backfil
