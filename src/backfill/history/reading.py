"""The figures of stored records over time, as a table: a row for each (day, district)."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from attrs import frozen

from backfill.errors import DamagedFile, InvalidRequest, SnapshotNotFound
from backfill.history.cache import DayFigures, Figures, HistoryCache
from backfill.jsonvalues import JsonValue
from backfill.model import RecordHeader
from backfill.protocols import SnapshotStore, SupportsRemnants
from backfill.tables import Column, Kind, Table

logger = logging.getLogger("backfill.history")

FIXED = ("day", "district", "as_of", "detail")
"""The columns that every history has."""

REMNANT = "it has files, and no manifest that would say what they are; move its folder away, then rebuild the day"
"""What is wrong with a day that has no manifest."""

_FIGURE = "figure."

_BATCH = 200  # days that are kept together, once read


def column_of(path: str) -> str:
    """Return the name of the column of the figure at *path*: the path; after ``figure.`` where it would be a fixed column's.

    No two paths have the same column: one that looks like a name made so has one ``figure.`` more.
    """
    bare = path
    while bare.startswith(_FIGURE):
        bare = bare.removeprefix(_FIGURE)
    return _FIGURE + path if bare in FIXED else path


def read_history(
    store: SnapshotStore,
    cache: HistoryCache,
    *,
    districts: Sequence[str] | None = None,
    fields: Sequence[str] | None = None,
    start: date | None = None,
    end: date | None = None,
) -> Table:
    """Return a table with the columns ``day``, ``district``, ``as_of``, ``detail``, and one for each of *fields*, as `column_of` names it.

    Only records that have changed since they were read last are opened. A record that is damaged is left out, with a warning in the log.
    A table without a row has the columns and types of the newest stored day.

    Args:
        store: The stored days.
        cache: Keeps what was read.
        districts: Which, in normal form; ``None`` = all.
        fields: Columns, which are paths such as ``totals.totalMembership``; one named twice is there once. ``None`` = every figure that
            any of the records has.
        start: First day; ``None`` = the first that is stored.
        end: Last day, inclusive; ``None`` = the last that is stored.

    Raises:
        InvalidRequest: No record has a field of this path.
    """
    wanted = None if districts is None else frozenset(districts)
    rows = list(_rows(store, cache, wanted, start, end))
    if not rows:
        return _empty(store, cache, fields)
    known = _paths(rows)
    columns_wanted = tuple(known if fields is None else dict.fromkeys(fields))
    unknown = [name for name in columns_wanted if name not in known]
    if unknown:
        rule = f"no stored record has a figure of this path; there are {', '.join(known) or 'none'}"
        raise InvalidRequest("fields", unknown[0], rule, "name one of them")
    return Table((*_fixed(rows), *(_figures(rows, name, known[name]) for name in columns_wanted)))


def _empty(store: SnapshotStore, cache: HistoryCache, fields: Sequence[str] | None) -> Table:
    """Return a history without a row, with the columns, and their types, that one of the newest day has."""
    newest = next(iter(deque(store.days(), maxlen=1)), None)
    rows = [] if newest is None else list(_rows(store, cache, None, newest, newest))
    known = _paths(rows)
    kinds = {name: _figures(rows, name, path).kind for name, path in known.items()}
    wanted = tuple(known if fields is None else dict.fromkeys(fields))
    return Table((*_fixed([]), *(Column.of(name, [], kinds.get(name)) for name in wanted)))


def _paths(rows: Sequence[_Row]) -> dict[str, str]:
    """Return the path of each column that *rows* have figures for."""
    return {column_of(path): path for path in dict.fromkeys(path for row in rows for path in row.figures)}


def _fixed(rows: Sequence[_Row]) -> tuple[Column, ...]:
    return (
        Column.of("day", [row.day for row in rows], Kind.DAY),
        Column.of("district", [row.district for row in rows]),
        Column.of("as_of", [row.as_of for row in rows], Kind.DAY),
        Column.of("detail", [row.detail for row in rows]),
    )


def _figures(rows: Sequence[_Row], name: str, path: str) -> Column:
    return Column.of(name, [row.figures.get(path) for row in rows])


def remnants_of(store: SnapshotStore, start: date | None, end: date | None) -> Iterator[date]:
    """Iterate over the days that have files which nothing describes, where the store can tell."""
    return iter(store.remnants(start, end) if isinstance(store, SupportsRemnants) else ())


def scalars(data: JsonValue, path: str = "") -> Iterator[tuple[str, JsonValue]]:
    """Iterate over every value of *data* that is neither a list nor in one, with its path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from scalars(value, f"{path}.{key}" if path else key)
    elif not isinstance(data, list):
        yield path or "value", data


@frozen
class _Row:
    day: date
    district: str
    as_of: date
    detail: str
    figures: Figures


def _rows(
    store: SnapshotStore, cache: HistoryCache, wanted: frozenset[str] | None, start: date | None, end: date | None
) -> Iterator[_Row]:
    for day in remnants_of(store, start, end):
        logger.warning("the history leaves %s out: %s", day, REMNANT)
    known = cache.load(start or date.min, end or date.max)
    fresh: dict[date, DayFigures] = {}
    for day in store.days(start, end):
        try:
            entries = store.entries(day)
        except DamagedFile as error:
            logger.warning("the history leaves %s out: %s", day, error)
            continue
        names = [name for name in entries if wanted is None or name in wanted]
        before = known.get(day, {})
        if any(name not in before or before[name][0] != entries[name].sha256 for name in names):
            before = fresh[day] = {**_still_so(before, entries), **_read(store, day, names, entries, before)}
            if len(fresh) >= _BATCH:
                cache.save(fresh)
                fresh = {}
        for name in names:
            if name in before:
                yield _Row(day, name, entries[name].as_of, entries[name].detail, before[name][1])
    cache.save(fresh)


def _still_so(before: DayFigures, entries: Mapping[str, RecordHeader]) -> DayFigures:
    return {name: held for name, held in before.items() if name in entries and entries[name].sha256 == held[0]}


def _read(
    store: SnapshotStore, day: date, names: Iterable[str], entries: Mapping[str, RecordHeader], before: DayFigures
) -> dict[str, tuple[str, Figures]]:
    found: dict[str, tuple[str, Figures]] = {}
    try:
        snapshot = store.read(day)
    except (DamagedFile, SnapshotNotFound) as error:  # its metadata, say, or it is gone since it was listed
        logger.warning("the history leaves %s out: %s", day, error)
        return found
    for name in names:
        if name in before and before[name][0] == entries[name].sha256:
            continue
        try:
            found[name] = (entries[name].sha256, dict(scalars(snapshot.district(name).data)))
        except (DamagedFile, SnapshotNotFound) as error:
            logger.warning("the history leaves %s of %s out: %s", name, day, error)
    return found
