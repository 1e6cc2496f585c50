"""A source over a folder of files, one for each day, as somebody drops them there.

The files are read through `fetch`, by a transport for addresses that begin with ``drop:``: so each is archived, named in what is stored with
its SHA-256, and everything can be made anew when the folder is long gone.

    python examples/source_folder.py

It prints:

    complete: 4 stored, 2 unavailable
    2024-05-02 east: {'sold': 12}
    made from drop:/2024-05-02.csv
    the folder is gone; made anew from the archive: complete, proved: True
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from contextlib import closing
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from backfill import BackfillRequest, BackfillService, DataUnavailable, DocumentRequest, Edition, Fetch
from backfill.fetching import PoliteFetcher, RawArchive
from backfill.stores import PerDistrictFileSnapshotStore


class Drops:
    """Sales by region: a file a day holds all of them."""

    name = "drops"

    def requests_for(self, edition: Edition, _district: str | None, /) -> list[DocumentRequest]:
        """Name the file of a day, so that plan and rebuild know it beforehand."""
        return [DocumentRequest(f"drop:/{edition.day}.csv", report="sales")]

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> dict[str, int]:
        """Return what a region sold on a day."""
        lines = fetch(f"drop:/{day}.csv").text.splitlines()
        for row in csv.DictReader(lines):
            if row["region"] == district:
                return {"sold": int(row["sold"])}
        raise DataUnavailable(f"no line for {district}")


def main() -> None:
    """Fill a folder, collect it, lose it, and make everything anew."""
    with tempfile.TemporaryDirectory() as place:
        folder, root = Path(place, "drops"), Path(place, "sales")
        folder.mkdir()
        for day in ("2024-05-01", "2024-05-02"):
            (folder / f"{day}.csv").write_text("region,sold\neast,12\nwest,7\n", encoding="utf-8")

        def read(request: DocumentRequest) -> bytes:
            try:
                return (folder / urlsplit(request.url).path.lstrip("/")).read_bytes()
            except FileNotFoundError:
                raise DataUnavailable("nobody dropped a file for this day") from None

        store = PerDistrictFileSnapshotStore(root / "snapshots")
        fetch = PoliteFetcher(transports={"drop:": read}, archive=RawArchive(root / "raw"))
        with closing(fetch), BackfillService(Drops(), store, fetch=fetch) as service:
            request = BackfillRequest("2024-05-01", "2024-05-03", ["east", "west"])
            report = service.run_backfill(request, progress=False)
            print(f"{report.status}: {report.progress.completed} stored, {report.progress.unavailable} unavailable")
            record = store.read(date(2024, 5, 2)).district("east")
            print(f"2024-05-02 east: {record.data}")
            print(f"made from {record.provenance[0].url}")
            shutil.rmtree(folder)
            rebuilt = service.rebuild("2024-05-01", "2024-05-02").wait()
            proved = service.verify("2024-05-01", "2024-05-02").is_proved
            print(f"the folder is gone; made anew from the archive: {rebuilt.status}, proved: {proved}")


if __name__ == "__main__":
    main()
