"""Draws who imports whom, from the imports themselves, each time the documentation is built: it cannot be out of date.

The directive ``imports-picture`` becomes an SVG for HTML, and the same as text for who does not see it, or reads another form.
"""

from __future__ import annotations

from html import escape
from typing import Any

import grimp
from docutils import nodes
from docutils.parsers.rst import Directive

PACKAGE = "backfill"
WIDTH, HEIGHT, GAP, ROW, PER_ROW = 112, 30, 14, 74, 7

Imports = dict[str, set[str]]


def read_imports() -> Imports:
    """Return which parts of the package import which others: its modules and packages, each with all that is in it."""
    graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)
    parts = sorted(graph.find_children(PACKAGE))
    for part in parts:
        graph.squash_module(part)
    found = {part: (graph.find_modules_directly_imported_by(part) & set(parts)) - {part} for part in parts}
    return {_short(part): {_short(other) for other in others} for part, others in found.items()}


def levels(imports: Imports) -> list[list[str]]:
    """Return the parts in rows: each stands above all that it imports, as low as it can."""
    known: dict[str, int] = {}

    def level(part: str) -> int:
        if part not in known:
            known[part] = 1 + max((level(other) for other in imports[part]), default=-1)
        return known[part]

    for part in imports:
        level(part)
    return [sorted(part for part in imports if known[part] == number) for number in range(max(known.values()) + 1)][::-1]


def reduced(imports: Imports) -> Imports:
    """Return *imports* without those that follow from others."""
    reached: dict[str, set[str]] = {}

    def below(part: str) -> set[str]:
        if part not in reached:
            reached[part] = set().union(*(below(other) | {other} for other in imports[part]))
        return reached[part]

    return {part: {one for one in others if not any(one in below(other) for other in others)} for part, others in imports.items()}


def draw(imports: Imports) -> str:
    """Return the picture as SVG, in the colours of the page."""
    rows = [row[start : start + PER_ROW] for row in levels(imports) for start in range(0, len(row), PER_ROW)]
    width = PER_ROW * (WIDTH + GAP) + GAP
    places: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        left = (width - len(row) * (WIDTH + GAP) + GAP) / 2
        for place, part in enumerate(row):
            places[part] = (left + place * (WIDTH + GAP), number * ROW + 10.0)
    lines, boxes = [], []
    for part, (x, y) in places.items():
        for other in sorted(reduced(imports)[part]):
            to_x, to_y = places[other]
            start, end = y + HEIGHT, to_y
            middle = (start + end) / 2
            path = f"M{x + WIDTH / 2} {start}C{x + WIDTH / 2} {middle} {to_x + WIDTH / 2} {middle} {to_x + WIDTH / 2} {end}"
            lines.append(f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity=".45"/>')
        boxes.append(
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="var(--color-background-primary, #fff)" stroke="currentColor"/>'
            f'<text x="{x + WIDTH / 2}" y="{y + 20}" text-anchor="middle" font-size="13" fill="currentColor">{escape(part)}</text>'
        )
    height = len(rows) * ROW - ROW + HEIGHT + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="Who imports whom; the same as text below"'
        f' style="width:100%;height:auto">{"".join(lines)}{"".join(boxes)}</svg>'
    )


def tell(imports: Imports) -> str:
    """Return the picture as text: a line for each part, the highest first."""
    most = max(map(len, imports))
    return "\n".join(
        f"{part.ljust(most)}  {', '.join(sorted(reduced(imports)[part])) or '(nothing of ours)'}"
        for row in levels(imports)
        for part in row
    )


class ImportsPicture(Directive):
    """The directive."""

    def run(self) -> list[nodes.Node]:
        """Return the picture, then the text."""
        imports = read_imports()
        return [nodes.raw("", draw(imports), format="html"), nodes.literal_block("", tell(imports))]


def setup(app: Any) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("imports-picture", ImportsPicture)
    return {"parallel_read_safe": True}


def _short(module: str) -> str:
    return module.removeprefix(f"{PACKAGE}.")
