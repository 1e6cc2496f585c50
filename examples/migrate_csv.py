"""From a folder of CSV files, as a script of old wrote them, to snapshots: everything accounted for, nothing taken over that cannot be read.

The old script wrote ``<day>_<district>.csv``, now and then half a file, and sometimes none.

    python examples/migrate_csv.py

It prints:

    found: 2 districts, 2023-11-01 to 2023-11-04
    partial_success: 6 taken over, 1 never written, 1 failed
    2023-11-03 south: cut (the last line has no end)
    the same figures: True
    after the file is mended: complete, 1 taken over
"""

from __future__ import annotations

import csv
import tempfile
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from backfill import (
    BackfillRequest,
    BackfillService,
    DataUnavailable,
    Document,
    DocumentRequest,
    Fetch,
    PermanentSourceError,
    function_source,
)
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.stores import PerDistrictFileSnapshotStore


def whole(document: Document) -> list[dict[str, str]]:
    """Return the rows of a file; half a file is refused."""
    if not document.text.endswith("\n"):
        raise PermanentSourceError("the last line has no end", kind="cut")
    return list(csv.DictReader(document.text.splitlines()))


@function_source("old-csv")
def old_files(day: date, district: str, fetch: Fetch) -> dict[str, float]:
    """Return the figures of one old file."""
    rows = cast("list[dict[str, str]]", fetch(f"old:/{day}_{district}.csv", check=whole).parsed)
    return {name: float(value) for name, value in rows[0].items()}


def main() -> None:
    """Make a folder as the old script would have left it, and take it over."""
    with tempfile.TemporaryDirectory() as place:
        folder, root = Path(place, "old"), Path(place, "history")
        leave_old_files(folder)
        names = [path.stem.split("_") for path in folder.glob("*.csv")]
        districts = sorted({district for _day, district in names})
        first, last = min(day for day, _ in names), max(day for day, _ in names)
        print(f"found: {len(districts)} districts, {first} to {last}")

        def read(request: DocumentRequest) -> bytes:
            try:
                return (folder / urlsplit(request.url).path.lstrip("/")).read_bytes()
            except FileNotFoundError:
                raise DataUnavailable("never written") from None

        store = PerDistrictFileSnapshotStore(root / "snapshots")
        fetch = PoliteFetcher(transports={"old:": read}, archive=RawArchive(root / "raw"))  # the old files stay, byte for byte
        with closing(fetch), BackfillService(old_files, store, fetch=fetch) as service:
            job = service.initiate_backfill(BackfillRequest(first, last, districts))
            report = job.wait()
            done = report.progress
            print(f"{report.status}: {done.completed} taken over, {done.unavailable} never written, {done.failed} failed")
            for error in report.errors:
                print(f"{error.day} {error.district_id}: {error.kind} ({error.message})")
            taken = store.read(date(2023, 11, 4)).district("north").data
            print(f"the same figures: {taken == {'clubs': 4.0, 'members': 44.0}}")
            (folder / "2023-11-03_south.csv").write_text("clubs,members\n3,33\n", encoding="utf-8")
            again = service.retry_failed(job.backfill_id).wait()
            print(f"after the file is mended: {again.status}, {again.progress.completed} taken over")


def leave_old_files(folder: Path) -> None:
    """Write what the old script left."""
    folder.mkdir()
    for day in range(1, 5):
        for district in ("north", "south"):
            (folder / f"2023-11-0{day}_{district}.csv").write_text(f"clubs,members\n{day},{day}{day}\n", encoding="utf-8")
    (folder / "2023-11-02_north.csv").unlink()
    (folder / "2023-11-03_south.csv").write_text("clubs,members\n3,3", encoding="utf-8")


if __name__ == "__main__":
    main()
