"""Days of the calendar, and which of them a frequency selects. The one home of that rule: the engine and sources share it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from backfill.model.checks import last_of_month
from backfill.model.request import Frequency


def select_days(start: date, end: date, frequency: Frequency) -> Iterator[date]:
    """Iterate over the days that *frequency* selects from *start* to *end*, ascending."""
    if frequency is Frequency.MONTH_END:
        for month in range(12 * start.year + start.month - 1, 12 * end.year + end.month):
            day = last_of_month(date(month // 12, month % 12 + 1, 1))
            if day <= end:
                yield day
        return
    step = 7 if frequency is Frequency.WEEKLY else 1
    for offset in range(0, (end - start).days + 1, step):
        yield start + timedelta(days=offset)
