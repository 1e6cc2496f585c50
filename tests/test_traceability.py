"""Every requirement that is done has a test that cites it, and every test says what it claims."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from requirement_table import CRITERIA, IDS, Claim, find_all_tests, find_tests, render, tabulate

_GROUPS_DONE = tuple(range(1, 13))
DONE = (
    *(f"R{group}.{number}" for group in _GROUPS_DONE for number in range(1, CRITERIA[group] + 1)),
    *("B1", "B2", "B3", "B6", "B7", "B10"),
    *(f"P{number}" for number in range(1, 13)),
)


@pytest.fixture(scope="module")
def tests() -> list[Claim]:
    """Return every test there is."""
    return list(find_all_tests())


def test_every_number_done_is_shown_by_a_test(tests: list[Claim]) -> None:
    """What is said to be done has at least one test that cites it. [R10.3]"""
    table = tabulate(tests)
    missing = [number for number in IDS if number in DONE and not table[number]]
    assert not missing, f"no test cites {', '.join(missing)}"
    assert set(DONE) <= set(IDS)


def test_the_table_has_a_row_for_every_number(tests: list[Claim]) -> None:
    """The table, which ``pytest -s`` prints, shows for each number its tests, or that there are none yet. [R10.3]"""
    text = render(tabulate(tests))
    sys.stdout.write("\n" + text)
    assert [row.split(" | ")[0] for row in text.splitlines()[2:]] == [f"| {number}" for number in IDS]


def test_only_numbers_that_exist_are_cited(tests: list[Claim]) -> None:
    """A citation is one of the requirements' numbers, so that none is shown by a slip of the pen. [R10.3]"""
    unknown = {f"{test.path}::{test.name}": [number for number in test.cited if number not in IDS] for test in tests}
    assert not {name: numbers for name, numbers in unknown.items() if numbers}


def test_every_test_says_what_it_claims(tests: list[Claim]) -> None:
    """Each test has a docstring. [R10.3]"""
    assert not [f"{test.path}::{test.name}" for test in tests if not test.docstring]


def test_a_test_named_after_a_property_cites_it(tests: list[Claim]) -> None:
    """A test whose name begins with a property's number shows that property. [R10.3]"""
    for test in tests:
        for number in re.findall(r"^test_p(\d+)_", test.name):
            assert f"P{number}" in test.cited, f"{test.path}::{test.name} does not cite P{number}"


def test_the_table_is_read_from_the_docstrings(tmp_path: Path) -> None:
    """Functions and methods, in any folder, are found with what they cite; other brackets are no citations. [R10.3]"""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "test_a.py").write_text(
        'class TestX:\n    async def test_one(self):\n        """Claims. [R6.5, P10] and [1, 2], [x]. [B6]"""\n\n\ndef helper():\n    """No test. [R1.1]"""\n'
    )
    (tmp_path / "test_b.py").write_text('def test_two():\n    pass\n\n\ndef test_three():\n    """Wrong. [R6, R99.1]"""\n')
    found = list(find_tests(tmp_path))
    assert [(test.path, test.name, test.cited) for test in found] == [
        ("sub/test_a.py", "test_one", ("R6.5", "P10", "B6")),
        ("test_b.py", "test_two", ()),
        ("test_b.py", "test_three", ("R6", "R99.1")),
    ]
    table = tabulate(found)
    assert table["R6.5"] == [found[0]]
    assert list(table)[: len(IDS)] == list(IDS)
    text = render(table)
    assert "| R6.5 | `sub/test_a.py` test_one |\n" in text
    assert "| R1.1 | none yet |\n" in text
