"""What is said when a day, a district or a summary is not there: with what may have been meant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from pathlib import Path

from backfill.errors import DamagedFile, SnapshotNotFound
from backfill.stores._layout import MANIFEST, METADATA
from backfill.stores._manifest import REMEDY


def no_day(day: date) -> SnapshotNotFound:
    """Return the error for a day that is not stored."""
    return SnapshotNotFound(f"no snapshot of {day}; days() lists those there are, and a backfill of {day} would make it")


def no_manifest(directory: Path) -> DamagedFile:
    """Return the error for a day's directory whose files nothing describes."""
    remedy = "move it away, or delete the day, then collect it again"
    return DamagedFile(str(directory), f"holds files, but no {MANIFEST} that would say what they are", remedy, is_missing=True)


def no_metadata(directory: Path) -> DamagedFile:
    """Return the error for a day whose metadata are gone."""
    rule = "is missing, though the manifest lists it"
    return DamagedFile(str(directory / METADATA), rule, REMEDY, is_missing=True)


def no_district(day: date, district: str, stored: Iterable[str]) -> SnapshotNotFound:
    """Return the error for a district that a day does not have."""
    return SnapshotNotFound(
        f"the snapshot of {day} has no district {district!r}{_meant(district, stored)}; "
        ".districts lists those there are, and .metadata says of the others whether they failed or were never published"
    )


def no_summary(day: date, name: str, stored: Iterable[str]) -> SnapshotNotFound:
    """Return the error for a summary that a day does not have."""
    names = ", ".join(repr(known) for known in stored) or "none"
    return SnapshotNotFound(f"the snapshot of {day} has no summary {name!r}{_meant(name, stored)}; it has {names}")


def _meant(text: str, stored: Iterable[str]) -> str:
    by_fold = {known.casefold().lstrip("0"): known for known in stored}
    close = get_close_matches(text.casefold().lstrip("0"), by_fold, n=3, cutoff=0.5)
    return f" (did you mean {' or '.join(repr(by_fold[match]) for match in close)}?)" if close else ""
