"""Which days a range may span, and the editions that a source has of those that a frequency selects."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from backfill.errors import InvalidRequest
from backfill.model import Edition, Frequency, select_days
from backfill.protocols import Clock, DataSource, EditionCatalog, LatestDay

MAX_DAYS = 20_000
"""The longest range of one request, in days: about 54 years, longer than any publisher's history that we know of."""


def check_range(start: date, end: date, source: DataSource, clock: Clock) -> None:
    """Refuse a range that has not been published yet, or is too long to be meant.

    Raises:
        InvalidRequest: It is.
    """
    today = clock.today()
    latest = source.latest_day(today) if isinstance(source, LatestDay) else today - timedelta(days=1)
    if end > latest:
        raise InvalidRequest(
            "end_date",
            end.isoformat(),
            f"not published yet: the newest day that source {source.name!r} can have is {latest.isoformat()}",
            f"end with {latest.isoformat()} or earlier",
        )
    length = (end - start).days + 1
    if length > MAX_DAYS:
        raise InvalidRequest(
            "start_date",
            start.isoformat(),
            f"{length:,} days up to {end.isoformat()} are more than the {MAX_DAYS:,} that one request may span",
            "start later, or split the range into several requests",
        )


def list_editions(start: date, end: date, frequency: Frequency, source: DataSource) -> tuple[Edition, ...]:
    """Return the edition of each day selected, ascending; without a catalog every calendar day has one, settled.

    Raises:
        InvalidRequest: The range holds no such day, or the source's catalog answers with days outside the range or repeated.
    """
    editions: Iterable[Edition]
    if isinstance(source, EditionCatalog):
        editions = sorted(source.editions(start, end, frequency), key=lambda edition: edition.day)
        seen: set[date] = set()
        for edition in editions:
            if not start <= edition.day <= end or edition.day in seen:
                raise InvalidRequest(
                    "editions",
                    edition,
                    f"source {source.name!r} must name each day from {start} to {end} once at most",
                    "mend editions() of the source",
                )
            seen.add(edition.day)
    else:
        editions = (Edition(day, day) for day in select_days(start, end, frequency))
    result = tuple(editions)
    if not result:
        raise InvalidRequest(
            "frequency",
            str(frequency),
            f"selects no day from {start.isoformat()} to {end.isoformat()}",
            "widen the range, or ask for frequency='daily'",
        )
    return result
