"""What was seen of the dashboard's months, as a collection goes along: it can be merged, kept in a file, and checked against itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import cast

from attrs import frozen

from backfill.errors import DamagedFile, InvalidRequest
from backfill.jsonvalues import JsonValue, dumps, loads
from backfill.toastmasters.years import month_text, parse_month

SCHEMA_VERSION = "1.0.0"

LATEST_SIGHTING = 45
"""Days after its end on which a month may be seen. Finished years stamp a later as-of, the day of the download, on their June."""


@frozen
class Sighting:
    """That a month was shown, with data.

    Attributes:
        first: The earliest as-of of which that is known.
        last: The latest.
    """

    first: date
    last: date

    def __or__(self, other: Sighting) -> Sighting:
        return Sighting(min(self.first, other.first), max(self.last, other.last))


Sightings = Mapping[date, Sighting]
"""Sightings by month, each month named by its last day."""


@frozen
class Contradiction:
    """Facts that cannot be true together. The days concerned are treated as in doubt: they are asked for.

    Attributes:
        month: A month, by its last day.
        as_of: An as-of on which it was seen.
        against: What speaks against it, in words.
    """

    month: date
    as_of: date
    against: str

    def __str__(self) -> str:
        return f"{month_text(self.month)} was seen as of {self.as_of}, but {self.against}"


def sighting_of(month: date, as_of: date) -> Sighting:
    """Return that *month*, named by its last day, was shown as of *as_of*.

    Raises:
        InvalidRequest: It cannot have been.
    """
    latest = month + timedelta(days=LATEST_SIGHTING)
    if not month.replace(day=1) <= as_of <= latest:
        rule = f"{month_text(month)} can have been given out from its first day to {latest.isoformat()} only"
        raise InvalidRequest("as_of", as_of.isoformat(), rule, "learn only from answers that are what was asked for")
    return Sighting(as_of, as_of)


def merged(one: Sightings, other: Sightings) -> Sightings:
    """Return what either knows, in the order of the months."""
    result = dict(one)
    for month, sighting in other.items():
        result[month] = result[month] | sighting if month in result else sighting
    return {month: result[month] for month in sorted(result)}


def overlaps(seen: Sightings) -> tuple[Contradiction, ...]:
    """Return where a month was seen although a later one had been: an as-of belongs to one month, and months follow each other."""
    found: list[Contradiction] = []
    latest: tuple[date, date] | None = None
    for month in sorted(seen):
        sighting = seen[month]
        if latest is not None and sighting.first <= latest[0]:
            found.append(Contradiction(latest[1], latest[0], f"{month_text(month)} as of {sighting.first}"))
        latest = max(latest or (date.min, month), (sighting.last, month))
    return tuple(found)


def encode_sightings(sightings: Sightings) -> bytes:
    """Return *sightings* in their stored form, JSON."""
    months = [
        {"dataMonth": month_text(month), "firstAsOf": sighting.first.isoformat(), "lastAsOf": sighting.last.isoformat()}
        for month, sighting in sorted(sightings.items())
    ]
    return dumps({"schemaVersion": SCHEMA_VERSION, "sightings": months})


def decode_sightings(content: bytes, *, path: str) -> Sightings:
    """Return the sightings that *content* holds; *path* names it in errors.

    Raises:
        DamagedFile: It does not hold any.
    """
    try:
        stored = cast("dict[str, JsonValue]", loads(content))
        version = str(stored["schemaVersion"])
        if version.partition(".")[0] != SCHEMA_VERSION.partition(".")[0]:
            rule = f"has schema version {version}, and this release reads {SCHEMA_VERSION}"
            raise DamagedFile(path, rule, "use the release of backfill that wrote it, or a newer one")
        rows = cast("list[dict[str, str]]", stored["sightings"])
        result: dict[date, Sighting] = {}
        for row in rows:
            month = parse_month(row["dataMonth"])
            for name in ("firstAsOf", "lastAsOf"):
                result = dict(merged(result, {month: sighting_of(month, date.fromisoformat(row[name]))}))
    except (ValueError, TypeError, KeyError) as error:
        rule = f"does not hold what was learnt of closing months ({type(error).__name__}: {error})"
        raise DamagedFile(
            path, rule, "restore it from a copy, or move it away: it is learnt again as months are collected"
        ) from error
    return result
