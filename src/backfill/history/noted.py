"""What was found about stored figures, as the days' metadata keep it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from attrs import evolve

from backfill.errors import DamagedFile, SnapshotNotFound
from backfill.model import Finding
from backfill.protocols import SnapshotStore


def noted(
    store: SnapshotStore,
    start: date | None = None,
    end: date | None = None,
    *,
    districts: frozenset[str] | None = None,
    kinds: frozenset[str] | None = None,
) -> Iterator[Finding]:
    """Iterate over the findings of stored days, by day; opens no district file. A day that cannot be read is one itself.

    With *districts*, those of the day as a whole are left out.
    """
    for day in store.days(start, end):
        try:
            found = store.read(day).metadata.findings
        except (DamagedFile, SnapshotNotFound) as error:
            found = (Finding("damaged_day", str(error), day),)
        for finding in found:
            if districts is not None and finding.district not in districts:
                continue
            if kinds is None or finding.kind in kinds:
                yield evolve(finding, day=finding.day or day)
