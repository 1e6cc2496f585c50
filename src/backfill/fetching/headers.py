"""What headers of an answer mean."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_RETRY_AFTER = 7 * 86400.0
"""Seconds: a server that asks for more is understood to ask for this."""

_MOST_DIGITS = 9


def parse_retry_after(text: str | None, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, from 0 to a week; ``None`` if it asks for nothing readable.

    Args:
        text: The header's value: whole seconds, or an HTTP date.
        now: The time (aware), from which a date is counted.
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return LONGEST_RETRY_AFTER if len(text) > _MOST_DIGITS else min(float(text), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:  # "-0000": a time in UTC whose zone is not known
            moment = moment.replace(tzinfo=UTC)
        return min(max(0.0, (moment - now).total_seconds()), LONGEST_RETRY_AFTER)
    except (ValueError, TypeError, OverflowError):  # neither of the header's two forms: as if it were not there
        return None
