"""Draws who imports whom, from the imports themselves, each time the documentation is built: it cannot be out of date.

The directive ``imports-picture`` becomes an SVG for HTML, and ``imports-words`` the same in words, with what each part says of itself, for
who looks for one, does not see the picture, or reads another form.
"""

from __future__ import annotations

import ast
import re
from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
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
            f"<g><title>{escape(purpose(part))}</title>"
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="4" fill="var(--color-background-primary, #fff)" stroke="currentColor"/>'
            f'<text x="{x + WIDTH / 2}" y="{y + 20}" text-anchor="middle" font-size="13" fill="currentColor">{escape(part)}</text></g>'
        )
    height = len(rows) * ROW - ROW + HEIGHT + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="Who imports whom; the same in words below"'
        f' style="width:100%;height:auto">{"".join(lines)}{"".join(boxes)}</svg>'
    )


@cache
def purpose(part: str) -> str:
    """Return what *part* says of itself: the first sentence of its docstring."""
    spec = find_spec(f"{PACKAGE}.{part}")
    if spec is None or spec.origin is None:
        return ""
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return re.sub(
        r" \([BR]\d[^)]*\)", "", " ".join(text.partition("\n\n")[0].split())
    )  # numbers of requirements are no news here


def tell(imports: Imports) -> list[tuple[str, str, str]]:
    """Return the picture in words: of each part, the highest first, its name, what it is, and what it imports."""
    return [
        (part, purpose(part), ", ".join(sorted(reduced(imports)[part])) or "nothing of ours")
        for row in levels(imports)
        for part in row
    ]


class ImportsPicture(Directive):
    """The directive for the picture."""

    def run(self) -> list[nodes.Node]:
        """Return it."""
        return [nodes.raw("", draw(read_imports()), format="html")]


class ImportsWords(Directive):
    """The directive for the words."""

    def run(self) -> list[nodes.Node]:
        """Return a list with an entry for each part."""
        imports = read_imports()
        words = nodes.definition_list()
        for part, what, others in tell(imports):
            said = nodes.paragraph("", "", *self.state.inline_text(what, self.lineno)[0], nodes.Text(f" Imports {others}."))
            words += nodes.definition_list_item("", nodes.term("", "", nodes.literal("", part)), nodes.definition("", said))
        return [words]


def setup(app: Any) -> dict[str, bool]:
    """Register the directive with Sphinx."""
    app.add_directive("imports-picture", ImportsPicture)
    app.add_directive("imports-words", ImportsWords)
    return {"parallel_read_safe": True}


def _short(module: str) -> str:
    return module.removeprefix(f"{PACKAGE}.")
