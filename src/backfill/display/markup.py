"""The pieces that displays are made of. Whatever is put in is text, unless it was made here: nothing else can become markup.

A display has no ground of its own, and takes the colour of the text around it: so it is read on light and on dark pages, whatever the
notebook calls its themes. Colours never stand alone, and are ones that colour-blind people tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from html import escape

_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""What HTML cannot hold, and what turns the direction of the text that follows."""

_SECTION = "font:13px/1.5 system-ui,sans-serif;color:inherit;max-width:64em;margin:.4em 0"
_HEADING = "font-size:15px;font-weight:600;margin:0 0 .3em"
_TABLE = "border-collapse:collapse;margin:.4em 0;font-size:inherit;color:inherit"
_CELL = "padding:.1em .8em .1em 0;text-align:{};vertical-align:top;border-bottom:1px solid rgba(128,128,128,.3);background:none"
_BADGE = "display:inline-block;padding:0 .6em;border-radius:.7em;font-size:12px;color:#fff;background:{}"
_SEGMENT = "flex:{} 1 0;background:{}"
_BAR = "display:flex;height:.7em;max-width:40em;border:1px solid rgba(128,128,128,.7);border-radius:3px;overflow:hidden;margin:.3em 0"

GOOD, FAIR, BAD, GOING, RESTING = "#00664b", "#8a4b00", "#a83200", "#005a8c", "#555555"
"""Grounds of badges, dark enough for white letters."""

GREEN, BLUE, YELLOW, RED, GREY, NONE = "#009e73", "#56b4e9", "#f0e442", "#d55e00", "#999999", "transparent"
"""Colours of bars and cells, of Okabe and Ito's palette (https://jfly.uni-koeln.de/color/), seen on white and on black."""


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


def text(value: object) -> Html:
    """Return *value* as text that is nothing but text, wherever in HTML it stands."""
    return Html(escape(_UNSEEN.sub("\ufffd", str(value)), quote=True))


def element(name: str, *parts: object, **attributes: str) -> Html:
    """Return the element *name* of *parts*; what of them is not `Html` is text. ``aria_label`` becomes ``aria-label``."""
    inside = join(parts)
    said = "".join(f' {key.replace("_", "-")}="{text(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{said}>{inside}</{name}>")


def join(parts: Iterable[object], between: str = "") -> Html:
    """Return *parts* one after the other."""
    return Html(between.join(part if isinstance(part, Html) else text(part) for part in parts))


def card(title: str, *parts: Html, badge: Html | None = None) -> Html:
    """Return a display: a heading, perhaps with a badge, and what stands below it."""
    heading = element("div", title, *((" ", badge) if badge else ()), role="heading", aria_level="4", style=_HEADING)
    return element("section", heading, *parts, style=_SECTION)


def badge(word: str, ground: str) -> Html:
    """Return a word on a ground of its own."""
    return element("span", word, style=_BADGE.format(ground))


def line(*parts: object) -> Html:
    """Return a paragraph."""
    return element("p", *parts, style="margin:.3em 0")


def facts(pairs: Iterable[tuple[str, object]]) -> Html:
    """Return a table of two columns, without the pairs of which nothing is known (``None``, or an empty text)."""
    rows = [
        element(
            "tr",
            element("th", name, scope="row", style=_CELL.format("left") + ";font-weight:600;white-space:nowrap"),
            _cell(value, "left"),
        )
        for name, value in pairs
        if value is not None and value != ""
    ]
    return element("table", element("tbody", *rows), style=_TABLE)


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """Return a table with a heading; numbers stand at the right, and what is not known is empty."""
    kept = list(rows)
    sides = ["right" if any(_is_number(row[number]) for row in kept) else "left" for number in range(len(names))]
    heads = [
        element("th", name, scope="col", style=_CELL.format(side) + ";font-weight:600")
        for name, side in zip(names, sides, strict=True)
    ]
    body = [element("tr", *map(_cell, row, sides)) for row in kept]
    inside = element("table", element("thead", element("tr", *heads)), element("tbody", *body), style=_TABLE)
    return element("div", inside, style="overflow-x:auto")


def folded(title: str, *parts: Html) -> Html:
    """Return what is seen when it is opened."""
    return element("details", element("summary", title, style="cursor:pointer"), *parts, style="margin:.3em 0")


def bar(said: str, parts: Iterable[tuple[int, str]]) -> Html:
    """Return a bar of parts, each with its number and colour; *said* is what it shows, for who does not see it."""
    segments = [element("div", style=_SEGMENT.format(number, colour)) for number, colour in parts if number]
    return element("div", *segments, role="img", aria_label=said, style=_BAR)


def moment(at: datetime | None) -> str | None:
    """Return a moment as people read it."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _cell(value: object, side: str) -> Html:
    return element("td", _shown(value), style=_CELL.format(side))


def _shown(value: object) -> object:
    if isinstance(value, float):
        return f"{value:,.10g}"  # no digits that only binary fractions have
    return f"{value:,}" if _is_number(value) else "" if value is None else value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def span(days: Sequence[date]) -> str:
    """Return the range of *days*."""
    if not days:
        return "no days"
    first, last = min(days), max(days)
    return f"{first}" if first == last else f"{first} to {last}"
