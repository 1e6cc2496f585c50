"""How a row class says which column of a report each of its fields is read from.

A field is annotated with its type and its column: ``goals_met: Annotated[int | None, Column(cells.goals, "Goals Met")] = None``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import get_type_hints

from attrs import field, frozen

from backfill.model.checks import frozen_mapping
from backfill.toastmasters.years import FIRST_YEAR

_INSIGNIFICANT = re.compile(r"[\W_]+")


def normal_heading(heading: str) -> str:
    """Return what of a heading counts: letters, digits and the percent sign, in lower case.

    So ``May Visit award``, ``May visit award`` and ``MayVisitAward`` are one column, while ``% Distinguished Clubs`` and
    ``Distinguished Clubs`` are two.
    """
    return _INSIGNIFICANT.sub("", heading.replace("%", "percentsign")).casefold()


def _years(value: Mapping[int, str] | None) -> Mapping[int, str]:
    return frozen_mapping(value)


@frozen(init=False)
class Column:
    """One column of a report.

    Attributes:
        read: What a cell of it says; see `backfill.toastmasters.cells`.
        published: The headings that the dashboard gives it, by the first program year that does; empty = the dashboard's own
            reports lack it, but it is read where it is found.
        until: The last program year that has it; ``None`` = it is still there.
        aliases: Further headings that are understood.
    """

    read: Callable[[str], object]
    published: Mapping[int, str] = field(converter=_years)
    until: int | None
    aliases: tuple[str, ...]

    def __init__(
        self,
        read: Callable[[str], object],
        heading: str | None,
        *aliases: str,
        since: int = FIRST_YEAR.start,
        until: int | None = None,
        renamed: Mapping[int, str] | None = None,
    ) -> None:
        """Describe a column.

        Args:
            read: The reader of its cells.
            heading: As published first; ``None`` = never published.
            aliases: Further headings that are understood.
            since: The first program year that has it.
            until: The last one.
            renamed: Later published headings, by the first program year that has them.
        """
        published = {} if heading is None else {since: heading, **(renamed or {})}
        self.__attrs_init__(read, published, until, aliases)

    @property
    def headings(self) -> tuple[str, ...]:
        """Every heading that is understood; where a file has several, the first of these is read."""
        return (*reversed(list(self.published.values())), *self.aliases)

    def heading(self, year: int) -> str | None:
        """Return the heading that it has in the program year that begins in *year*; ``None`` = that year's reports lack it."""
        if self.until is not None and year > self.until:
            return None
        return next((name for since, name in reversed(list(self.published.items())) if since <= year), None)

    @property
    def turns(self) -> frozenset[int]:
        """The program years from which on it is different: there, renamed, or no longer there."""
        return frozenset(self.published) | (frozenset() if self.until is None else {self.until + 1})


def columns_of(row: type) -> dict[str, Column]:
    """Return the columns of a row class by field, in the order of the report."""
    hints = get_type_hints(row, include_extras=True)
    return {
        name: extra for name, hint in hints.items() for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Column)
    }
