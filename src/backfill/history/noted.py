"""What was found about stored figures, as the days' metadata keep it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import islice

from attrs import evolve

from backfill.engine.failures import DAMAGED_DAY
from backfill.engine.growth import DAYS_AWAY, DECREASE, larger, smaller
from backfill.errors import DamagedFile, SnapshotNotFound
from backfill.history.reading import REMNANT, column_of, remnants_of
from backfill.model import Finding
from backfill.protocols import Cumulative, SnapshotStore
from backfill.tables import Column, Table

_DAY = timedelta(days=1)


class Findings:
    """The findings of a range, looked up anew each time that one goes through them. Any thread.

    Args:
        look: Looks them up.
    """

    def __init__(self, look: Callable[[], Iterator[Finding]]) -> None:
        self._look = look

    def __iter__(self) -> Iterator[Finding]:
        """Iterate over the findings, by day; then over figures that decrease though they add up."""
        return self._look()

    def __repr__(self) -> str:  # says no number: that would look them up
        return "<Findings: iterate over them, or take their table()>"

    def table(self) -> Table:
        """Return a row for each finding."""
        found = list(self)
        return Table(
            (
                Column.of("day", [one.day for one in found]),
                Column.of("district", [one.district for one in found]),
                Column.of("kind", [one.kind for one in found]),
                Column.of("message", [one.message for one in found]),
            )
        )

    def _repr_html_(self) -> str:
        from backfill.display.noted import findings_html  # noqa: PLC0415 - only a notebook pays for it

        return findings_html(self)


def around(store: SnapshotStore, start: date | None, end: date | None) -> tuple[date | None, date | None]:
    """Return the range that also has those stored days around it with which its own were compared when they were published."""
    first, last = start, end
    if start is not None and start > date.min:
        first = next(iter(deque(store.days(None, start - _DAY), DAYS_AWAY)), start)
    if end is not None and end < date.max:
        last = next(iter(deque(islice(store.days(end + _DAY, None), DAYS_AWAY), 1)), end)
    return first, last


def decreases(table: Table, source: Cumulative, start: date | None = None, end: date | None = None) -> Iterator[Finding]:
    """Iterate over the figures of *table* that are smaller than on the stored day before, though they add up over a period.

    Of the days from *start* to *end*; those of the table that are not among them are only compared with. What is smaller after *end* is
    told of the last day in the range, as its metadata do. They follow from what is stored now, whichever of the days was collected first. What the days' metadata say of decreases was so when
    they were published; a neighbour may have been stored, or corrected, since.
    """
    first, last_day = start or date.min, end or date.max
    for path in source.cumulative_fields():
        column = column_of(path)
        if column not in table.names:
            continue
        last: dict[tuple[object, str], tuple[date, float]] = {}
        for day, district, value in zip(table["day"], table["district"], table[column], strict=True):
            if not isinstance(value, int | float) or not isinstance(day, date):
                continue
            key = (district, source.period_of(day))
            before = last.get(key)
            if before is not None and value < before[1]:
                if first <= day <= last_day:
                    yield Finding(DECREASE, smaller(path, value, before[1], before[0]), day, str(district))
                elif first <= before[0] <= last_day:
                    yield Finding(DECREASE, larger(path, before[1], value, day), before[0], str(district))
            last[key] = (day, value)


def noted(
    store: SnapshotStore,
    start: date | None = None,
    end: date | None = None,
    *,
    districts: frozenset[str] | None = None,
    kinds: frozenset[str] | None = None,
) -> Iterator[Finding]:
    """Iterate over the findings of stored days, by day; opens no district file. A day that cannot be read is one itself.

    With *districts*, those of the day as a whole are left out.
    """
    remnants = frozenset(remnants_of(store, start, end))
    for day in sorted({*store.days(start, end), *remnants}):
        try:
            found = (Finding(DAMAGED_DAY, REMNANT, day),) if day in remnants else store.read(day).metadata.findings
        except (DamagedFile, SnapshotNotFound) as error:
            found = (Finding(DAMAGED_DAY, str(error), day),)
        for finding in found:
            if districts is not None and finding.district not in districts:
                continue
            if kinds is None or finding.kind in kinds:
                yield evolve(finding, day=finding.day or day)
