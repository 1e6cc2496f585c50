"""Two stored days compared: which districts came, went and changed, and in what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from attrs import field, frozen

from backfill.comparing import Divergence, differing
from backfill.model.checks import frozen_mapping, sized
from backfill.protocols import SnapshotStore
from backfill.tables import Column, Table


def _changes(value: Mapping[str, tuple[Divergence, ...]]) -> Mapping[str, tuple[Divergence, ...]]:
    return frozen_mapping(value)


@frozen
class DayDiff:
    """What differs between two stored days.

    Attributes:
        before: The first.
        after: The second.
        added: Districts that only the second has.
        removed: Districts that only the first has.
        changed: For each district that both have, and that differs, the places in which it does.
        same: Districts whose figures are the same.
    """

    before: date
    after: date
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: Mapping[str, tuple[Divergence, ...]] = field(converter=_changes, repr=sized("districts"))
    same: tuple[str, ...] = field(repr=sized("districts"))

    def table(self) -> Table:
        """Return a row for each place in which a district differs."""
        rows = [(name, place) for name, places in self.changed.items() for place in places]
        return Table(
            (
                Column.of("district", [name for name, _place in rows]),
                Column.of("path", [place.path for _name, place in rows]),
                Column.of("before", [_text(place.before) for _name, place in rows]),
                Column.of("after", [_text(place.after) for _name, place in rows]),
                Column.of("change", [place.change for _name, place in rows]),
            )
        )

    def _repr_html_(self) -> str:
        from backfill.display.stored import diff_html  # noqa: PLC0415 - only a notebook pays for it

        return diff_html(self)


def diff_days(
    store: SnapshotStore, before: date, after: date, *, districts: Sequence[str] | None = None, other: SnapshotStore | None = None
) -> DayDiff:
    """Return what differs between the day *before* of *store* and the day *after* of it, or of *other*.

    Only figures are compared, not the day that they are of, nor where they come from.

    Raises:
        SnapshotNotFound: One of them is not stored.
        DamagedFile: One of them cannot be read.
    """
    first, second = store.read(before), (other or store).read(after)
    wanted = {*first.districts, *second.districts} if districts is None else frozenset(districts)
    old, new = (tuple(name for name in snapshot.districts if name in wanted) for snapshot in (first, second))
    changed: dict[str, tuple[Divergence, ...]] = {}
    same: list[str] = []
    for name in old:
        if name in new:
            there, then = first.district(name).data, second.district(name).data
            places = tuple(place for place in differing(there, then) if not (place.path == "snapshotDate" and before != after))
            if places:
                changed[name] = places
            else:
                same.append(name)
    added = tuple(name for name in new if name not in old)
    removed = tuple(name for name in old if name not in new)
    return DayDiff(before, after, added, removed, changed, tuple(same))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
