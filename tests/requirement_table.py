"""Which requirement is shown by which tests, read from the tests' docstrings without running them.

Run as a script it prints the table as Markdown.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
SHIPPED = HERE.parent / "src" / "backfill" / "testing" / "contracts"
"""Tests that are shipped, and that the project's own adapters run from here."""

CRITERIA = {1: 5, 2: 5, 3: 5, 4: 5, 5: 5, 6: 6, 7: 5, 8: 5, 9: 5, 10: 5, 11: 5, 12: 5}
"""How many criteria each group of requirements has."""

IDS = (
    *(f"R{group}.{number}" for group, count in CRITERIA.items() for number in range(1, count + 1)),
    *(f"P{number}" for number in range(1, 13)),
    *(f"B{number}" for number in range(1, 11)),
)
"""Every number that a test may cite, in order."""

_CITATION = re.compile(r"\[([RPB]\d[^\]]*)\]")


class Claim(NamedTuple):
    """One test function and what it claims, as it stands in its file."""

    path: str
    name: str
    docstring: str

    @property
    def cited(self) -> tuple[str, ...]:
        """The numbers in square brackets, in their order."""
        return tuple(number.strip() for group in _CITATION.findall(self.docstring) for number in group.split(","))


def find_tests(root: Path = HERE) -> Iterator[Claim]:
    """Iterate over the test functions and methods of all Python files below *root*."""
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield Claim(path.relative_to(root).as_posix(), node.name, ast.get_docstring(node) or "")


def find_all_tests() -> Iterator[Claim]:
    """Iterate over the project's tests and over those that it ships."""
    yield from find_tests()
    for claim in find_tests(SHIPPED):
        yield claim._replace(path=f"{SHIPPED.name}/{claim.path}")


def tabulate(tests: Iterable[Claim]) -> dict[str, list[Claim]]:
    """Return the tests that cite each number, every known number first and in order."""
    table: dict[str, list[Claim]] = {number: [] for number in IDS}
    for test in tests:
        for number in test.cited:
            table.setdefault(number, []).append(test)
    return table


def render(table: Mapping[str, Iterable[Claim]]) -> str:
    """Return *table* as Markdown: a row for each number, with the tests that cite it."""
    rows = ["| requirement | tests |", "|---|---|"]
    for number, tests in table.items():
        shown = "<br>".join(f"`{test.path}` {test.name}" for test in tests)
        rows.append(f"| {number} | {shown or 'none yet'} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render(tabulate(find_all_tests())))
