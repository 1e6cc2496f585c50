"""No section of the vectors is left out: each is accounted for by exactly one module; see `tm_vectors`."""

from __future__ import annotations

import runpy
from collections import Counter
from pathlib import Path

from tm_vectors import all_vectors

TABLES = ("RUN", "SECTIONS")
"""What the modules call their sections."""


def test_every_section_is_accounted_for_once() -> None:
    """The sections of the modules beside this one are those of the file, each once, and used and set aside add up to its vectors. [R10.3]"""
    vectors = all_vectors()
    found: Counter[str] = Counter()
    for path in Path(__file__).parent.glob("test_tm_*vectors*.py"):
        if path != Path(__file__):
            module = runpy.run_path(str(path))
            (table,) = (module[name] for name in TABLES if name in module)
            found.update(table.keys())
            assert {name: used + aside for name, (_check, used, aside) in table.items()} == {
                name: len(vectors[name]) for name in table
            }
    assert found == dict.fromkeys(vectors, 1)
