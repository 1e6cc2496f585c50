"""What a refresh service has learnt so far: of closing months, and of rows that it has seen before. Shared by its copies."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import date

from attrs import frozen

from backfill.errors import InvalidRequest, StoreError
from backfill.model import Document
from backfill.toastmasters.calendar import ClosingCalendar
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.seen import SeenRows

_log = logging.getLogger(__name__)

Learnt = Callable[[ClosingCalendar], ClosingCalendar]
"""Called with the calendar after something was learnt; returns it with what others may have learnt meanwhile."""


@frozen
class Found:
    """Where a day was found, or is to be looked for.

    Attributes:
        as_of: The as-of under which.
        step_backs: Earlier as-ofs to try where a report of that one turns out to hold nothing.
        is_by_label: Whether it is known by the label of a page alone, which may be days too late.
        is_doubted: Whether there may be a later one, which a later run would find.
    """

    as_of: date
    step_backs: tuple[date, ...] = ()
    is_by_label: bool = False
    is_doubted: bool = False


class Almanac:
    """The calendar as it is known by now, and two notes that spare requests and tell readers something. Any thread.

    None of it changes a figure: with an empty almanac the same answers give the same records.

    Args:
        calendar: What is known of closing months; ``None`` = the shipped table.
        on_learnt: Keeps what was learnt, in a file, say. What it cannot keep is known all the same for as long as the almanac lives.
        seen: Which rows were seen before; ``None`` = none, and what is seen from now on is remembered in memory.
    """

    def __init__(
        self, calendar: ClosingCalendar | None = None, *, on_learnt: Learnt | None = None, seen: SeenRows | None = None
    ) -> None:
        self._calendar = ClosingCalendar() if calendar is None else calendar
        self._on_learnt = on_learnt
        self._lock = threading.Lock()
        self._found: dict[tuple[date, date], Found] = {}
        self._seen = SeenRows() if seen is None else seen

    def __reduce__(self) -> tuple[Callable[[ClosingCalendar, SeenRows], Almanac], tuple[ClosingCalendar, SeenRows]]:
        """Pickle what is known: the copy learns of closing months for itself, and keeps it nowhere."""
        return _copied, (self._calendar, self._seen)

    def apart(self) -> Almanac:
        """Return an almanac that knows the same closing months, and what it learns of them is nobody else's."""
        return _copied(self._calendar, self._seen)

    @property
    def calendar(self) -> ClosingCalendar:
        """The calendar; immutable, so that it may be used while others learn."""
        return self._calendar

    def learn(self, month_end: date, as_of: date) -> None:
        """Note that the month was shown, with rows, as of *as_of*."""
        if self._calendar.knows(month_end, as_of):
            return
        with self._lock:
            try:
                calendar = self._calendar.learn(month_end, as_of)
            except InvalidRequest as error:
                _log.warning("nothing is learnt from an answer of %s as of %s: %s", month_end, as_of, error)
                return
            for contradiction in set(calendar.contradictions) - set(self._calendar.contradictions):
                _log.warning("closing months: %s; the days in question are asked for", contradiction)
            self._calendar = self._kept(calendar)

    def _kept(self, calendar: ClosingCalendar) -> ClosingCalendar:
        if self._on_learnt is None:
            return calendar
        try:
            return self._on_learnt(calendar)
        except StoreError as error:  # of no consequence for any figure, so for no district
            _log.warning("what was learnt of closing months cannot be kept: %s", error)
            return calendar

    def found(self, day: date, today: date) -> Found | None:
        """Return where a month's end was found *today*, so that its other documents need no search; ``None`` = it was not yet."""
        return self._found.get((day, today))

    def note_found(self, day: date, today: date, found: Found) -> None:
        """Note where a month's end was found."""
        self._found[day, today] = found

    def seen_before(self, kind: ReportKind, district: str | None, day: date, document: Document) -> date | None:
        """Return another day whose report had the very same rows; ``None`` = none that is remembered."""
        first = self._seen.first_day(kind, district, day, document)
        return None if first == day else first

    def close(self) -> None:
        """Let go of files; they are opened again when they are used again."""
        self._seen.close()


def _copied(calendar: ClosingCalendar, seen: SeenRows) -> Almanac:
    return Almanac(calendar, seen=seen)
