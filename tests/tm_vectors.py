"""Inputs with expected outputs from the test suites of toast-stats, used where they lie beside the checkout.

Each vector is used, or set aside with the reason; nothing is left out silently. Where real files contradict a vector, the files win.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias, cast

import pytest

from tm_files import SHARED

Vector = dict[str, Any]  # as the file has it

Section: TypeAlias = "tuple[Callable[[Vector], None], int, int]"
"""What checks the vectors of a section, how many are used, and how many are set aside."""


class SetAside(Exception):  # noqa: N818 - an outcome
    """A vector does not apply, for a reason."""


PARTLY: Counter[str] = Counter()
"""Why parts of vectors that are used otherwise were set aside."""


def all_vectors() -> dict[str, list[Vector]]:
    """Return the vectors by section, or skip the test."""
    file = SHARED / "vectors.json"
    if not file.exists():
        pytest.skip("the vectors do not lie beside this checkout")
    sections = json.loads(file.read_text(encoding="utf-8"))
    del sections["_about"]
    return cast("dict[str, list[Vector]]", sections)


def account_for(name: str, section: Section) -> None:
    """Check every vector of a section, print which are set aside and why, and compare how many are with what is fixed."""
    check, used, aside = section
    vectors = all_vectors()[name]
    reasons: Counter[str] = Counter()
    PARTLY.clear()
    for vector in vectors:
        try:
            check(vector)
        except SetAside as reason:
            reasons[str(reason)] += 1
    lines = [f"{name}: {len(vectors) - reasons.total()} of {len(vectors)} used"]
    lines += [f"  {count} set aside: {why}" for why, count in reasons.items()]
    lines += [f"  {count} set aside in part: {why}" for why, count in (+PARTLY).items()]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
    assert (len(vectors) - reasons.total(), reasons.total()) == (used, aside)
