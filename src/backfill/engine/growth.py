"""Whether figures that add up over a period are smaller than before: looked at when a day is published, so that its metadata say so."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import TypeAlias

from backfill.errors import StoreError
from backfill.jsonvalues import JsonValue
from backfill.model import Finding
from backfill.protocols import Cumulative, DataSource, Snapshot, SnapshotStore

DECREASE = "decrease"
"""The kind of the finding that a figure which adds up over a period is smaller than before."""

_DAYS_KEPT = 64
"""Of so many days the figures are remembered: a job works on neighbours one after the other."""

DAYS_AWAY = 7
"""Of a district that the nearest stored day lacks, so many are looked at."""

_DAY = timedelta(days=1)

Grown: TypeAlias = Mapping[str, float]
"""Of one record the figures that add up over a period, by path; only those that are known."""


def grown(source: Cumulative, data: JsonValue) -> Grown:
    """Return the figures of a record that *source* says add up over a period."""
    found = ((path, _at(data, path)) for path in source.cumulative_fields())
    return {path: value for path, value in found if isinstance(value, int | float) and not isinstance(value, bool)}


def smaller(path: str, value: float, before: float, day: date) -> str:
    """Return the sentence that *value* is less than what stood there on *day*, *before*."""
    return f"{path} is {value:,}, after {before:,} on {day}"


def larger(path: str, value: float, after: float, day: date) -> str:
    """Return the sentence that *value* is more than what stands there on the later *day*, *after*."""
    return f"{path} is {value:,}, and {after:,} on {day}"


class Growth:
    """Compares the days of one job with the stored days before and after them. Any thread.

    Args:
        source: Says which figures, and in which periods.
        store: Where the other days are.
        ahead: Days that the job will publish itself: as long as it has not, they are not compared with, but will be when they are.
    """

    def __init__(self, source: DataSource, store: SnapshotStore, ahead: Iterable[date] = ()) -> None:
        self._source = source if isinstance(source, Cumulative) else None
        self._store = store
        self._lock = threading.Lock()
        self._ahead = set(ahead)
        self._days: list[date] | None = None
        self._known: OrderedDict[date, dict[str, Grown]] = OrderedDict()

    def of(self, data: JsonValue) -> Grown:
        """Return the figures of a record that are compared."""
        return {} if self._source is None else grown(self._source, data)

    def decreases(self, day: date, figures: Mapping[str, Grown]) -> tuple[Finding, ...]:
        """Return where the *figures* of a day, by district, are less than before it, or more than after it; from now on they are known.

        What cannot be read is not compared.
        """
        if self._source is None or not any(figures.values()):
            return ()
        with self._lock:
            if self._days is None:
                self._days = list(self._store.days())
            found = tuple(self._compared(self._source, day, figures))
            self._ahead.discard(day)
            self._known.setdefault(day, {}).update(figures)
            self._known.move_to_end(day)
            while len(self._known) > _DAYS_KEPT:
                self._known.popitem(last=False)
            place = bisect_left(self._days, day)
            if self._days[place : place + 1] != [day]:
                insort(self._days, day)
            return found

    def _compared(self, source: Cumulative, day: date, figures: Mapping[str, Grown]) -> Iterator[Finding]:
        earlier, later = self._around(source, day)
        snapshots: dict[date, Snapshot | None] = {}
        for district, mine in sorted(figures.items()):
            for path, value in mine.items():
                before = self._nearest(earlier, district, path, snapshots)
                if before is not None and value < before[1]:
                    yield Finding(DECREASE, smaller(path, value, before[1], before[0]), day, district)
                after = self._nearest(later, district, path, snapshots)
                if after is not None and after[1] < value:
                    yield Finding(DECREASE, larger(path, value, after[1], after[0]), day, district)

    def _around(self, source: Cumulative, day: date) -> tuple[list[date], list[date]]:
        """Return the stored days of the same period before *day*, and those after it, the nearest first."""
        days, period = self._days or [], source.period_of(day)
        place = bisect_left(days, day)
        after = days[place + 1 :] if days[place : place + 1] == [day] else days[place:]
        before = days[max(0, place - DAYS_AWAY) : place]
        return [one for one in reversed(before) if source.period_of(one) == period], [
            one for one in islice(after, DAYS_AWAY) if source.period_of(one) == period
        ]

    def _nearest(
        self, days: Sequence[date], district: str, path: str, snapshots: dict[date, Snapshot | None]
    ) -> tuple[date, float] | None:
        for day in days:
            if day in self._ahead:
                continue
            of_day = self._known.setdefault(day, {})
            if district not in of_day:
                of_day[district] = self._read(day, district, snapshots)
            if path in of_day[district]:
                return day, of_day[district][path]
        return None

    def _read(self, day: date, district: str, snapshots: dict[date, Snapshot | None]) -> Grown:
        try:
            if day not in snapshots:
                snapshots[day] = None
                snapshots[day] = self._store.read(day)
            snapshot = snapshots[day]
            if snapshot is None or district not in snapshot.districts:
                return {}
            return self.of(snapshot.district(district).data)
        except StoreError:  # it is damaged, or gone: whoever reads it is told
            return {}


def _at(data: JsonValue, path: str) -> JsonValue:
    for key in path.split("."):
        if not isinstance(data, dict):
            return None
        data = data.get(key)
    return data
