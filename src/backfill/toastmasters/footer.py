"""The last line of an export: which month it describes, as it stood on which day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from attrs import frozen

from backfill.model.checks import last_of_month
from backfill.toastmasters.years import program_year

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_SHORTEST = 3  # letters of a month's name

_MONTH = r"month\s+of\s+([a-z]+)\.?"
_AS_OF = r"as\s+of\s+([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})"
_WHOLE = re.compile(rf"{_MONTH}[\s,]+{_AS_OF}", re.IGNORECASE)
_FOOTER = re.compile(rf"{_MONTH}(?:[\s,]+as\s+of\b.*)?|{_AS_OF}", re.IGNORECASE)
_MOST_CELLS = 2


@frozen
class Footer:
    """What the footer says.

    Attributes:
        month_end: The last day of the month that the figures describe.
        as_of: The day on which they stood so; for a closed year asked for without a day, that of the download.
    """

    month_end: date
    as_of: date

    @property
    def is_closing(self) -> bool:
        """Whether the month was over on that day, and still open for corrections."""
        return self.as_of > self.month_end


def footer_text(row: Sequence[str]) -> str | None:
    """Return what *row* holds of a footer, ``None`` for a row of data.

    The footer may be one cell or, since it has a comma, fall into two; pieces of it may be alone in a row. Only a row that
    holds nothing else is meant.
    """
    cells = [cell for cell in map(str.strip, row) if cell]
    if len(cells) > _MOST_CELLS:
        return None
    joined = ", ".join(cells)
    return joined if _FOOTER.fullmatch(joined) else None


def parse_footer(text: str, *, requested: date | None = None) -> Footer | None:
    """Return what *text*, a footer such as ``Month of Dec, As of 01/10/2023``, says; ``None`` where it is none. Pure.

    Months have three letters or are written out, in upper or lower case; days need no padding. The footer does not name the
    month's year: it is the as-of date's, or the year before for a month later in the year.

    Args:
        text: The line, or the cells that it fell into, joined.
        requested: A day of the month that was asked for. Where the month would lie in another program year than it, and does
            not lie after the as-of date in its own, it is the one in its program year: of a closed year asked for without a day,
            the as-of date is that of the download, years later.
    """
    match = _WHOLE.fullmatch(text.strip(" \t,"))
    month = None if match is None else _month(match[1])
    if match is None or month is None:
        return None
    try:
        as_of = date(int(match[4]), int(match[2]), int(match[3]))
        end = last_of_month(date(as_of.year - (month > as_of.month), month, 1))
    except ValueError:  # no such day, or a month before the year 1
        return None
    if requested is not None and program_year(end) != program_year(requested):
        wanted = program_year(requested).month(month)
        end = wanted if wanted.replace(day=1) <= as_of else end
    return Footer(end, as_of)


def _month(word: str) -> int | None:
    name = word.casefold()
    if len(name) < _SHORTEST:
        return None
    return next((number for number, full in enumerate(_MONTHS, 1) if full.startswith(name)), None)
