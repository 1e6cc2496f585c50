"""Which days the dashboard published, and on which day it gave each of them out: closing months, gaps, and what is in doubt.

An ordinary day is given out as of itself. The last day of a month stands for the month's close: it is given out as of the month's
last as-of, days or weeks into the next month, whose own days until then have no figures. When a month closes is known of the past
from a table (`backfill.toastmasters.closings`), of the present from what answers say (`ClosingCalendar.learn`).

Where it is not known, nothing is guessed: days that may belong to another month's closing are asked for, and the answer tells;
for the close itself there is a search that needs few requests (`ClosingCalendar.search`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from attrs import evolve, field, frozen

from backfill.model import Edition, Frequency, Gap, select_days
from backfill.model.checks import as_date, frozen_mapping, sized
from backfill.toastmasters.closings import (
    COLLECTED_SHORT,
    LABEL_LATE,
    LONGEST_CLOSING,
    LONGEST_JUNE,
    Closing,
    shipped_closings,
)
from backfill.toastmasters.search import CloseSearch
from backfill.toastmasters.sightings import (
    Contradiction,
    Sightings,
    decode_sightings,
    encode_sightings,
    merged,
    overlaps,
    sighting_of,
)
from backfill.toastmasters.years import FIRST_YEAR, month_of, previous_month

FIRST_MONTH = FIRST_YEAR.months[0]
"""The first month of which the dashboard has anything."""

SETTLING = timedelta(days=2)
"""From so long after its as-of on an answer no longer changes. Not from the day after: two answers as of 2026-07-08, both given on
2026-07-09, differed (125 and 127 clubs of one district); and the dashboard's day, on American time, ends well into the next of UTC."""

STEPS_BACK = 3
"""As-ofs before the expected one that are worth trying when a month's close turns out to hold nothing."""

_JUNE = 6
_DAY = timedelta(days=1)


def newest_day(today: date) -> date:
    """Return the newest day that can have been published when it is *today* in UTC: yesterday."""
    return today - _DAY


def day_of(month: date, as_of: date) -> date:
    """Return the day that figures of *month* (any day of it), given out as of *as_of*, describe and are stored under.

    The as-of itself while the month lasts; the month's last day when they were given out in its closing, after its end.
    """
    return min(month_of(month), as_of)


@frozen
class Close:
    """What is known of the close of a month.

    Attributes:
        month: The month, by its last day.
        earliest: The earliest as-of that may be its last.
        latest: The latest.
        as_of: Its last as-of, where that is known, or stands on its page as such; ``None`` = not known.
        through: Up to this as-of no other month was shown: the days after the month's end until then are its closing.
    """

    month: date
    earliest: date
    latest: date
    as_of: date | None
    through: date


def _table(value: Mapping[date, Closing]) -> Mapping[date, Closing]:
    return frozen_mapping(value)


def _sightings(value: Sightings) -> Sightings:
    return frozen_mapping(value)


@frozen
class ClosingCalendar:
    """When the dashboard's months closed. Immutable: learning gives another calendar, so any thread may read any of them.

    A month may be named by any of its days.

    Attributes:
        closings: The table, by month; by default the one that comes with the package.
        sightings: What was learnt beside it, by month.
    """

    closings: Mapping[date, Closing] = field(factory=shipped_closings, converter=_table, repr=sized("months"))
    sightings: Sightings = field(factory=dict, converter=_sightings)
    _seen: Sightings = field(init=False, eq=False, repr=False)
    _months: tuple[date, ...] = field(init=False, eq=False, repr=False)
    _firsts: tuple[date, ...] = field(init=False, eq=False, repr=False)
    _table_begins: date = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        of_table = {month: closing.sighting for month, closing in self.closings.items()}
        seen = merged({month: sighting for month, sighting in of_table.items() if sighting is not None}, self.sightings)
        firsts: list[date] = []
        for sighting in reversed(list(seen.values())):
            firsts.append(min([*firsts[-1:], sighting.first]))
        object.__setattr__(self, "_seen", seen)
        object.__setattr__(self, "_months", tuple(seen))
        object.__setattr__(self, "_firsts", tuple(reversed(firsts)))
        object.__setattr__(self, "_table_begins", min(self.closings, default=FIRST_MONTH))

    # --- learning -----------------------------------------------------------------------------------------------------

    def learn(self, month: date, as_of: date) -> ClosingCalendar:
        """Return a calendar that also knows that *month* was shown, with data, as of *as_of*; this one, if it knew.

        The fact bears on two closes: the month's own is not before *as_of*, and that of the month before it is. Only answers with
        rows may teach, since an empty one carries a plausible footer too. The order of learning makes no difference, and what is
        known is never given up again. What cannot be true together is told by `contradictions`.

        Raises:
            InvalidRequest: The month cannot have been shown then.
        """
        month = month_of(month)
        return self.merge({month: sighting_of(month, as_date("as_of", as_of))})

    def merge(self, sightings: Sightings) -> ClosingCalendar:
        """Return a calendar that also knows *sightings* (of another calendar, say); this one, if it knew them."""
        known = merged(self.sightings, sightings)
        return self if known == dict(self.sightings) else evolve(self, sightings=known)

    @property
    def contradictions(self) -> tuple[Contradiction, ...]:
        """What was learnt, or stands in the table, and cannot be true together."""
        found = list(overlaps(self._seen))
        for month, seen in self.sightings.items():
            closing = self.closings.get(month)
            if closing is not None and closing.last is None:
                found.append(Contradiction(month, seen.last, "the dashboard's lists do not have the month"))
            elif closing is not None and closing.is_exact and closing.last is not None and closing.last < seen.last:
                found.append(Contradiction(month, seen.last, f"it is known to have closed as of {closing.last}"))
        return tuple(found)

    def to_json(self) -> bytes:
        """Return what was learnt, to be kept in a file; the table is not part of it."""
        return encode_sightings(self.sightings)

    @classmethod
    def from_json(cls, content: bytes, *, path: str) -> ClosingCalendar:
        """Return the shipped calendar with what *content* says was learnt; *path* names it in errors.

        Raises:
            DamagedFile: It does not hold that.
        """
        return cls(sightings=decode_sightings(content, path=path))

    def knows(self, month: date, as_of: date) -> bool:
        """Return whether that *month* was shown as of *as_of* follows from what is known, so that `learn` would teach nothing."""
        closing, seen = self.closings.get(month_of(month)), self.sightings.get(month_of(month))
        for known in (closing.sighting if closing is not None and closing.first_is_exact else None, seen):
            if known is not None and known.first <= as_of <= known.last:
                return True
        return False

    def allows(self, month: date, as_of: date, *, today: date) -> bool:
        """Return whether *month* can have been shown as of *as_of*, as far as the table and experience tell; *today* is the day in UTC.

        Stricter than `learn`, which takes the dashboard's own word: this is for files whose footers anybody may have written. What was
        learnt so far has no say in it, so that the order of files makes no difference.
        """
        month = month_of(month)
        closing, before = self.closings.get(month), self.closings.get(self.month_before(month))
        if month < FIRST_MONTH or as_of > today or (closing is not None and closing.last is None):
            return False
        first = month.replace(day=1)
        if closing is not None and closing.first_is_exact and closing.first is not None:
            first = max(first, closing.first)
        if before is not None and before.month < month and before.is_exact and before.last is not None:
            first = max(first, before.last + _DAY)
        if closing is not None and closing.last is not None and (closing.is_exact or closing.label is not None):
            return first <= as_of <= closing.last
        usual = month + timedelta(days=LONGEST_JUNE if month.month == _JUNE else LONGEST_CLOSING)
        return first <= as_of <= max(usual, (closing and closing.latest) or usual)

    # --- closes -------------------------------------------------------------------------------------------------------

    def existed(self, month: date) -> bool:
        """Return whether the dashboard has, or will have, the month."""
        month = month_of(month)
        closing = self.closings.get(month)
        return month >= FIRST_MONTH and (closing is None or closing.last is not None or month in self._seen)

    def month_before(self, month: date) -> date:
        """Return the last month before *month* that existed (the first of all for those before it), by its last day."""
        before = max(previous_month(max(month_of(month), FIRST_MONTH)), FIRST_MONTH)
        while before > FIRST_MONTH and not self.existed(before):
            before = previous_month(before)
        return before

    def first_as_of(self, month: date) -> date | None:
        """Return the as-of before which the month was certainly not shown; ``None`` = that is not known."""
        month = month_of(month)
        closing = self.closings.get(month)
        return self._seen[month].first if closing is not None and closing.first_is_exact else None

    def shown_after(self, month: date) -> date | None:
        """Return the earliest as-of of which it is known that a later month than *month* was shown; ``None`` = of none."""
        after = bisect_right(self._months, month_of(month))
        return self._firsts[after] if after < len(self._firsts) else None

    def close_of(self, month: date) -> Close:
        """Return what is known of the month's close."""
        month = month_of(month)
        closing, seen = self.closings.get(month), self._seen.get(month)
        last_seen = max(month, seen.last) if seen else month
        if seen and self._is_before_the_table(month):
            return Close(month, last_seen, last_seen, last_seen, last_seen)  # of those years one as-of a month is left: this one
        limit = self._latest(month, closing, last_seen)
        exact = closing.last if closing is not None and closing.is_exact else None
        # last_seen <= limit, unless what is known contradicts itself: then everything between the facts is possible
        earliest, latest = min(exact or limit, limit, last_seen), max(limit, last_seen)
        if closing is None or closing.label is None or last_seen > min(closing.label, limit):
            return Close(month, earliest, latest, latest if earliest == latest else None, earliest)
        if closing.seen is not None:  # a collector did not get as far as the label
            return Close(month, earliest, latest, latest, earliest)
        as_early_as = closing.label - timedelta(days=LABEL_LATE)
        return Close(month, max(earliest, min(as_early_as, latest)), latest, latest, latest)

    def search(self, month: date, *, today: date) -> CloseSearch:
        """Return the search for the month's last as-of among those published when it is *today*.

        Ask for the summary of the month as of each of its probes. Where a finished year answers with nothing, the summary of the
        *next* month as of the same day tells an as-of after the close from one that is missing; teach either with `learn`.
        """
        close = self.close_of(month)
        alike = Counter(closing.lag for closing in self.closings.values() if closing.month.month == close.month.month)
        return CloseSearch(
            month=close.month,
            earliest=max(close.earliest, self.first_as_of(close.month) or close.earliest),
            latest=close.latest,
            newest=newest_day(today),
            lags={lag: count for lag, count in alike.items() if lag is not None},
        )

    def closing_candidates(self, month: date, *, today: date) -> tuple[date, ...]:
        """Return the published as-ofs that may be the month's last, ascending; one where it is known."""
        return self.search(month, today=today).candidates

    # --- editions -----------------------------------------------------------------------------------------------------

    def editions(self, start: date, end: date, frequency: Frequency, *, today: date) -> Iterator[Edition]:
        """Iterate over the editions of the days that *frequency* selects from *start* to *end*, ascending, gaps included.

        *today* is the day in UTC. Of a month's last day, ``as_of`` is the last as-of where that is known, yesterday where the month
        is likely to be still open, and ``None`` where it has to be searched for; ``settled_on`` follows the latest as-of that may
        be the last, so that a close collected too early is collected again.
        """
        through: dict[date, date] = {}
        for day in select_days(start, end, frequency):
            month = month_of(day)
            if month not in through:
                through[month] = self._closing_through(month)
            yield self._edition(day, month, today, through[month])

    def edition(self, day: date, *, today: date) -> Edition:
        """Return the edition of one day."""
        (edition,) = self.editions(day, day, Frequency.DAILY, today=today)
        return edition

    def step_backs(self, month: date, as_of: date) -> tuple[date, ...]:
        """Return the as-ofs to try, one attempt each, if the close of *month* as of *as_of* turns out to hold nothing."""
        month = month_of(month)
        first = max(month, self.first_as_of(month) or month)
        days = (as_of - number * _DAY for number in range(1, STEPS_BACK + 1))
        return tuple(day for day in days if day >= first)

    # --- within -------------------------------------------------------------------------------------------------------

    def _latest(self, month: date, closing: Closing | None, last_seen: date) -> date:
        """Return the latest as-of that may have shown the month, by the table, by experience, and by what was shown afterwards."""
        latest = closing.latest if closing is not None else None
        stated = closing is not None and (closing.is_exact or closing.label is not None)
        if latest is None:
            latest = month + timedelta(days=LONGEST_JUNE if month.month == _JUNE else LONGEST_CLOSING)
        if last_seen > latest or (last_seen == latest and not stated):
            latest = last_seen + timedelta(days=COLLECTED_SHORT)
        after = self.shown_after(month)
        return latest if after is None else min(latest, after - _DAY)

    def _is_before_the_table(self, month: date) -> bool:
        return month < self._table_begins

    def _closing_through(self, month: date) -> date:
        """Return up to which day of *month* the one before it was still open, as far as that is certain."""
        before = self.month_before(month)
        return self.close_of(before).through if FIRST_MONTH <= before < month else date.min

    def _edition(self, day: date, month: date, today: date, closing_through: date) -> Edition:
        newest = newest_day(today)
        gap = self._absence(day, month, newest) or self._gap(day, month, closing_through)
        if gap is not None:
            return Edition(day, None, gap)
        if day != month:
            return Edition(day, day, None, day + SETTLING)
        close = self.close_of(month)
        if close.as_of is not None:
            return Edition(day, min(close.as_of, newest), None, close.as_of + SETTLING)
        search = self.search(month, today=today)
        expected = search.next_probe or min(close.earliest, newest)
        is_open = expected == newest < close.latest
        return Edition(day, expected if is_open else None, None, close.latest + SETTLING)

    def _absence(self, day: date, month: date, newest: date) -> Gap | None:
        """Return why the dashboard has nothing of the month, or not yet."""
        if not self.existed(month):
            return Gap.NEVER_EXISTED
        first = self.first_as_of(month)
        if day > newest or (day == month and first is not None and first > newest):
            return Gap.NOT_PUBLISHED_YET
        if self._is_before_the_table(month) and (day != month or month not in self._seen):
            return Gap.UNKNOWN
        return None

    def _gap(self, day: date, month: date, closing_through: date) -> Gap | None:
        """Return why a day of a month that exists has no figures of its own."""
        if day == month:
            return None
        if day <= closing_through:
            return Gap.CLOSING
        first = self.first_as_of(month)
        closing = self.closings.get(month)
        if (first is not None and day < first) or (closing is not None and day in closing.missing):
            return Gap.NO_SUCH_AS_OF
        return None
