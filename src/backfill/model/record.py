"""What is collected and stored: one district's figures for one day, and what one operation contributes to a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import TypeVar

from attrs import field, frozen

from backfill.jsonvalues import JsonValue, structure
from backfill.model.checks import shortened, sized
from backfill.model.document import DocumentRef
from backfill.model.outcome import DistrictError, Finding

T = TypeVar("T")

DETAILS = ("summary", "full")


def _findings(value: Iterable[Finding]) -> tuple[Finding, ...]:  # plain `tuple` as a converter would refuse a typed list
    return tuple(value)


@frozen
class Collected:
    """What a source returns for a district when a bare payload does not say enough.

    Attributes:
        data: The figures: anything the converter turns into JSON; or an `EncodedRecord`, made elsewhere, whose bytes are final.
        as_of: The day on which the publisher gave them out; ``None`` = the day itself.
        detail: ``"full"`` or ``"summary"``.
        findings: What a reader should know of them.
        settled: ``False`` = incomplete, a later run should collect it again; ``None`` = as the edition says.
        documents: The raw documents it was made from, where the source was handed others besides: only these are named in what is
            stored. Empty = all that it was handed for it.
    """

    data: object = field(repr=shortened)
    as_of: date | None = None
    detail: str = "full"
    findings: tuple[Finding, ...] = field(default=(), converter=_findings)
    settled: bool | None = None
    documents: tuple[DocumentRef, ...] = ()


@frozen(eq=False)
class DistrictRecord:
    """One district's figures for one day, as stored.

    Attributes:
        district_id: The district.
        day: The day that the figures describe.
        as_of: The day on which the publisher gave them out.
        detail: ``"full"`` or ``"summary"``.
        data: The figures, as JSON values.
        collected_at: When the latest of its documents was fetched (aware, UTC).
        settled: Whether the publisher no longer changes it, so that it need not be collected again.
        provenance: The raw documents it was made from (B3).
        calculation_version: Version of the rules that made it.
        encoded: Its data and what they are as JSON, where that is known already; of no account once it has other data.
    """

    district_id: str
    day: date
    as_of: date
    detail: str
    data: JsonValue = field(repr=shortened)
    collected_at: datetime
    settled: bool = True
    provenance: tuple[DocumentRef, ...] = field(default=(), repr=sized("documents"))
    calculation_version: str = "1.0.0"
    encoded: tuple[JsonValue, bytes] | None = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        """Compare what is stored."""
        if not isinstance(other, DistrictRecord):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in _RECORD_FIELDS)

    __hash__ = None  # type: ignore[assignment] # its data are mutable JSON values

    def structure(self, cls: type[T]) -> T:
        """Return the data as an instance of *cls*, for instance an attrs class.

        Raises:
            InvalidRequest: The data do not fit the class.
        """
        return structure(self.data, cls)

    def _repr_html_(self) -> str:
        from backfill.display.stored import record_html  # noqa: PLC0415 - only a notebook pays for it

        return record_html(self)


_RECORD_FIELDS = (
    "district_id", "day", "as_of", "detail", "data", "collected_at", "settled", "provenance", "calculation_version",
)  # fmt: skip


@frozen
class RecordHeader:
    """What a manifest says of one stored record, so that the record itself need not be opened.

    Attributes:
        detail: ``"full"`` or ``"summary"``.
        as_of: The day on which the publisher gave the figures out.
        settled: Whether it need not be collected again.
        content_digest: SHA-256 of what the record says (not of when or from where it came).
        sha256: SHA-256 of the encoded record.
        size: Bytes of the encoded record.
        job_id: The job that stored it.
        method: The strategy by which it was collected.
        stale_detail: Whether a newer summary was seen since, which a full record is never replaced by.
    """

    detail: str
    as_of: date
    settled: bool
    content_digest: str
    sha256: str
    size: int
    job_id: str
    method: str = ""
    stale_detail: bool = False

    def satisfies(self, detail: str) -> bool:
        """Whether this record is settled, and full enough for *detail*, so that it need not be collected again."""
        return self.settled and not self.stale_detail and (detail == "summary" or self.detail == "full")


@frozen
class EncodedRecord:
    """A record in its stored form, with the header it will have. Made once, written as it is.

    Attributes:
        district_id: The district.
        day: The day.
        header: Everything a manifest says of it.
        content: The bytes of the file.
        grown: The figures of it that add up over a period, by path, where the source has said so: for comparing, not stored.
    """

    district_id: str
    day: date
    header: RecordHeader
    content: bytes = field(repr=sized("bytes"))
    grown: Mapping[str, float] = field(factory=dict, repr=False)


@frozen
class SummaryHeader:
    """What a manifest says of a summary of the day as a whole."""

    as_of: date
    sha256: str
    size: int
    job_id: str


@frozen
class Contribution:
    """What one operation brings to a day: not the records, which are staged, but what is to be said of them.

    Attributes:
        day: The day.
        job_id: The job, or the refresh, that made it.
        method: How the day was collected.
        scope_kind: All of the scope, several districts, or one.
        source: The name of the source.
        at: When (aware, UTC).
        expected: The districts that the operation set out to collect on this day.
        unavailable: Of them, those of which nothing was published.
        errors: Of them, those that failed, and why.
        findings: What a reader should know.
        operation: ``"backfill"`` or ``"refresh"`` (R11.4).
        seconds: How long the day took.
        listed: Whether `expected` holds every district that existed on the day.
    """

    day: date
    job_id: str
    method: str
    scope_kind: str
    source: str
    at: datetime
    expected: tuple[str, ...]
    unavailable: tuple[str, ...] = ()
    errors: tuple[DistrictError, ...] = ()
    findings: tuple[Finding, ...] = ()
    operation: str = "backfill"
    seconds: float = 0.0
    listed: bool = False


class SnapshotStatus(StrEnum):
    """The state of a stored day."""

    SUCCESS = "success"
    PARTIAL = "partial"


@frozen
class SnapshotInfo:
    """What a commit did.

    Attributes:
        day: The day.
        status: ``success``, or ``partial`` when districts of the day are missing because they failed.
        stored: Districts whose record was added or replaced.
        kept: Districts put, but kept as they were: the stored record is the same, newer, or fuller.
        districts: All districts that the day now has.
        missing: Districts that failed and are not stored.
    """

    day: date
    status: SnapshotStatus
    stored: tuple[str, ...]
    kept: tuple[str, ...]
    districts: tuple[str, ...]
    missing: tuple[str, ...] = ()

    @property
    def snapshot_id(self) -> str:
        """The day in ISO form."""
        return self.day.isoformat()


@frozen
class SnapshotMetadata:
    """What is said of a stored day as a whole (R5.5).

    Attributes:
        day: The day.
        status: ``success`` or ``partial``.
        created_at: When the day was first stored (aware, UTC).
        updated_at: When it was last changed.
        as_of: The newest as-of date of its records.
        source: The name of the source that last contributed.
        expected: The districts that operations set out to collect on this day.
        districts: The districts stored.
        unavailable: Expected districts of which nothing was published.
        failed: Expected districts that failed and are not stored.
        errors: Why they failed.
        findings: What a reader should know.
        operations: The last twenty operations that contributed, oldest first.
        processing_seconds: How long the last of them took.
        listed: Whether `expected` holds every district that existed on the day.
    """

    day: date
    status: SnapshotStatus
    created_at: datetime
    updated_at: datetime
    as_of: date
    source: str
    expected: tuple[str, ...]
    districts: tuple[str, ...]
    unavailable: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    errors: tuple[DistrictError, ...] = ()
    findings: tuple[Finding, ...] = ()
    operations: tuple[Mapping[str, str], ...] = ()
    processing_seconds: float = 0.0
    listed: bool = False

    @property
    def own_list(self) -> tuple[str, ...] | None:
        """Every district that there was on the day, as its own list says; ``None`` = it was never listed."""
        gone = frozenset(self.unavailable)
        return tuple(district for district in self.expected if district not in gone) if self.listed else None
