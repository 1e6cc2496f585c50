"""One stored day, read from files as it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from backfill.errors import DamagedFile
from backfill.jsonvalues import JsonValue, loads
from backfill.model import DistrictRecord, SnapshotMetadata, SummaryHeader
from backfill.serialization import decode_record
from backfill.stores._layout import checked_district, checked_summary, district_file, summary_file
from backfill.stores._manifest import REMEDY, FileFacts, Manifest
from backfill.stores._missing import no_district, no_summary

FetchFile = Callable[[Manifest, str, FileFacts], bytes]
"""Returns the file of this name, of the state that the manifest describes.

Raises:
    DamagedFile: It is missing, or has another content.
    SnapshotNotFound: The state was replaced so long ago that it is gone.
"""


class FileSnapshot:
    """One state of a day that is kept in files, whatever becomes of the day meanwhile. Any thread.

    Args:
        fetch: Returns the content of a file of this state.
        manifest: Of the state.
        metadata: Of the state.
    """

    def __init__(self, fetch: FetchFile, manifest: Manifest, metadata: SnapshotMetadata) -> None:
        self._fetch = fetch
        self._manifest = manifest
        self._metadata = metadata

    def __repr__(self) -> str:
        return f"<Snapshot {self.day}: {len(self.districts)} districts, {self._metadata.status}>"

    def _repr_html_(self) -> str:
        from backfill.display.stored import snapshot_html  # noqa: PLC0415 - only a notebook pays for it

        return snapshot_html(self.metadata, self.districts, self.summaries)

    @property
    def day(self) -> date:
        """The day."""
        return self._manifest.day

    @property
    def metadata(self) -> SnapshotMetadata:
        """What is said of the day as a whole."""
        return self._metadata

    @property
    def districts(self) -> tuple[str, ...]:
        """The districts stored, in text order."""
        return tuple(self._manifest.entries)

    @property
    def summaries(self) -> Mapping[str, SummaryHeader]:
        """What is said of each summary of the day, by name, in text order."""
        return self._manifest.summaries

    def district(self, district: str, /) -> DistrictRecord:
        """Return one district's record.

        Raises:
            SnapshotNotFound: The snapshot does not hold it; or the day was stored anew more than a minute ago, and the record
                as it was is gone.
            DamagedFile: The file does not hold what the manifest says.
        """
        header = self._manifest.entries.get(checked_district(district))
        if header is None:
            raise no_district(self.day, district, self.districts)
        name = district_file(district)
        content = self._fetch(self._manifest, name, FileFacts(header.size, header.sha256))
        record = decode_record(content, settled=header.settled, path=name)
        if (record.day, record.district_id) != (self.day, district):
            raise DamagedFile(
                name, f"holds district {record.district_id} of {record.day} instead of {district} of {self.day}", REMEDY
            )
        return record

    def summary(self, name: str, /) -> JsonValue:
        """Return a summary of the day.

        Raises:
            SnapshotNotFound: There is none of this name; or the day was stored anew more than a minute ago, and the summary as
                it was is gone.
            DamagedFile: The file does not hold what the manifest says.
        """
        header = self._manifest.summaries.get(checked_summary(name))
        if header is None:
            raise no_summary(self.day, name, self._manifest.summaries)
        return loads(self._fetch(self._manifest, summary_file(name), FileFacts(header.size, header.sha256)))
