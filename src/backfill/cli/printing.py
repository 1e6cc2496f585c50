"""The forms in which results are printed: text wrapped at the terminal's width, and JSON."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.text import Text

from backfill.terminal import printable
from backfill.wire import to_wire

_LEAST = 20  # columns for a text, however narrow the terminal
_GAP = "  "


def print_json(value: object) -> None:
    """Print *value* as one JSON document: as it goes over the wire, indented where people may read it."""
    indent = 2 if sys.stdout.isatty() else None
    json.dump(to_wire(value), sys.stdout, ensure_ascii=False, allow_nan=False, indent=indent)
    sys.stdout.write("\n")


def print_title(console: Console, title: str) -> None:
    """Print the title of a section, with an empty line before it."""
    console.print()
    console.print(Text(printable(title), style="bold"))


def print_text(console: Console, text: str, *, indent: str = "", style: str = "") -> None:
    """Print a text, wrapped, every line of it indented."""
    for line in _wrapped(text, console.width - len(indent)):
        console.print(Text(indent + line, style=style), soft_wrap=True)


def print_command(console: Console, command: str, *, indent: str = "", style: str = "") -> None:
    """Print a command as one line, however long: so it can be pasted."""
    console.print(Text(indent + printable(command), style=style), soft_wrap=True)


def print_facts(console: Console, facts: Iterable[tuple[str, str]], *, indent: str = "") -> None:
    """Print pairs of a word and what it is, the latter wrapped beside the former."""
    pairs = tuple(facts)
    width = max((len(word) for word, _what in pairs), default=0)
    for word, what in pairs:
        head = indent + word.ljust(width) + _GAP
        for number, line in enumerate(_wrapped(what, console.width - len(head))):
            shown = Text(head, style="bold") if number == 0 else Text(" " * len(head))
            console.print(shown.append(line, style="not bold"), soft_wrap=True)


def print_counted(console: Console, rows: Iterable[tuple[int, str, str]]) -> None:
    """Print rows of a number, a kind and what it means."""
    pairs = [(f"{number:,}", printable(kind), what) for number, kind, what in rows]
    figures = max((len(figure) for figure, _kind, _what in pairs), default=0)
    print_facts(console, ((f"{figure:>{figures}}{_GAP}{kind}", what) for figure, kind, what in pairs), indent=_GAP)


def print_table(console: Console, headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: frozenset[int]) -> None:
    """Print a table, its columns as wide as they must be; those of the numbers *right* end at their right side."""
    table = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(headings, *table, strict=True)]
    for number, row in enumerate((tuple(headings), *table)):
        cells = (
            f"{cell:>{width}}" if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        console.print(Text((_GAP + _GAP.join(cells)).rstrip(), style="" if number else "dim"), soft_wrap=True)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(printable(text), max(width, _LEAST), break_on_hyphens=False) or [""]
