"""The search for a month's last as-of by asking: few requests, and none for what is known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from attrs import evolve, field, frozen

from backfill.model.checks import frozen_mapping

_DAY = timedelta(days=1)
_TRUST = 8  # how much more a close of the past counts than a day on which none was ever seen


def _lags(value: Mapping[int, int]) -> Mapping[int, int]:
    return frozen_mapping(value)


@frozen
class CloseSearch:
    """What is still possible of a month's close. Immutable: an answer gives another search.

    >>> search = CloseSearch(date(2026, 10, 31), date(2026, 10, 31), date(2026, 11, 18), date(2026, 12, 1), {6: 3, 7: 4, 11: 2})
    >>> while (as_of := search.next_probe) is not None:
    ...     search = search.answered(as_of, shown=as_of <= date(2026, 11, 7))
    >>> search.candidates
    (datetime.date(2026, 11, 7),)

    Attributes:
        month: The month, by its last day.
        earliest: The earliest as-of that may be its last.
        latest: The latest, published or not.
        newest: The newest as-of that can have been published.
        lags: How often months like it closed so many days after their end.
    """

    month: date
    earliest: date
    latest: date
    newest: date
    lags: Mapping[int, int] = field(converter=_lags)

    @property
    def candidates(self) -> tuple[date, ...]:
        """The published as-ofs that may be the last, ascending; one is left when the search is over, none when it cannot begin."""
        return self._days(min(self.latest, self.newest))

    @property
    def next_probe(self) -> date | None:
        """The as-of to ask for; ``None`` = nothing is left to find out.

        It divides the candidates where either answer, by the closes of the past, is as likely as the other. In the first days of a
        closing that is the newest one.
        """
        candidates = self.candidates
        if len(candidates) <= 1:
            return None
        weights = [1 + _TRUST * self.lags.get((as_of - self.month).days, 0) for as_of in self._days(self.latest)]
        for number in range(len(candidates) - 1, 1, -1):
            if 2 * sum(weights[number:]) >= sum(weights):
                return candidates[number]
        return candidates[1]

    def answered(self, as_of: date, *, shown: bool) -> CloseSearch:
        """Return the search that knows whether the month was *shown*, with data, as of *as_of*.

        One that was not counts as lying after the close. It may also be missing; so this is for the search alone, and not to be
        learnt.
        """
        if shown:
            earliest = max(self.earliest, as_of)
            return evolve(self, earliest=earliest, latest=max(self.latest, earliest))
        return evolve(self, latest=max(self.earliest, min(self.latest, as_of - _DAY)))

    def _days(self, last: date) -> tuple[date, ...]:
        return tuple(self.earliest + timedelta(days=number) for number in range((last - self.earliest).days + 1))
