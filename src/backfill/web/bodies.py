"""Bodies that are no class of the model: pages, views, problems, and what only HTTP asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from attrs import frozen

from backfill.model import BackfillReport, DistrictError, DocumentRef, Frequency, RecordHeader, SnapshotMetadata, UnitState
from backfill.scopes import ConfigurationChange


@frozen
class StartOptions:
    """What may stand beside a request when a job is started.

    Attributes:
        plan_fingerprint: Start only if the request would still be planned as in the plan of this fingerprint.
    """

    plan_fingerprint: str | None = None


@frozen
class GapRequest:
    """Which gaps of the coverage to fill.

    Attributes:
        start: First day.
        end: Last day, inclusive.
        districts: Which districts; left out = the configured ones, else all that are stored or were tried.
        frequency: Which days of the range.
    """

    start: date
    end: date
    districts: tuple[str, ...] | None = None
    frequency: Frequency = Frequency.DAILY


@frozen
class RebuildRequest:
    """Which days to rebuild from the archive.

    Attributes:
        start: First day.
        end: Last day, inclusive.
        districts: Which districts; left out = all.
    """

    start: date
    end: date
    districts: tuple[str, ...] | None = None


@frozen
class Configuring:
    """The districts to configure.

    Attributes:
        districts: Exactly these; ``null`` = none, so that every district is in scope.
        by: Who changes it, for the history.
        note: Why, for the history.
    """

    districts: tuple[str, ...] | None
    by: str | None = None
    note: str | None = None


@frozen
class Configuration:
    """The districts that may be collected.

    Attributes:
        districts: They; ``null`` = nothing is configured, every district is in scope.
        history: The newest hundred changes, newest first.
    """

    districts: tuple[str, ...] | None
    history: tuple[ConfigurationChange, ...]


@frozen
class JobPage:
    """Jobs, newest first.

    Attributes:
        items: Their reports, without errors, findings and progress per district.
        next: The address of the next page, or ``null``.
    """

    items: tuple[BackfillReport, ...]
    next: str | None


@frozen
class ErrorPage:
    """Failures of a job, oldest first.

    Attributes:
        items: They.
        next: The address of the next page, or ``null``.
    """

    items: tuple[DistrictError, ...]
    next: str | None


@frozen
class UnitRow:
    """One day of a job.

    Attributes:
        day: The day.
        whole: The position in `states` of the state of the day as a whole, while it is not listed; else ``null``.
        cells: For each district, in the order of `districts`, the position of its state in `states`; -1 = no unit of this job.
    """

    day: date
    whole: int | None
    cells: tuple[int, ...]


@frozen
class UnitsView:
    """Every unit of a job, as a table of days by districts.

    Attributes:
        districts: The districts of any of the days, in text order.
        states: What can become of a unit; `cells` and `whole` count from 0 in this list.
        rows: A row for each day, ascending.
    """

    districts: tuple[str, ...]
    states: tuple[UnitState, ...]
    rows: tuple[UnitRow, ...]


@frozen
class SnapshotItem:
    """One stored day in a list.

    Attributes:
        day: The day.
        district_count: How many districts it has; ``null`` = its manifest cannot be read.
    """

    day: date
    district_count: int | None


@frozen
class SnapshotPage:
    """Stored days, ascending.

    Attributes:
        items: They.
        next: The address of the next page, or ``null``.
    """

    items: tuple[SnapshotItem, ...]
    next: str | None


@frozen
class SnapshotView:
    """One stored day.

    Attributes:
        metadata: What is said of the day as a whole.
        entries: What its manifest says of each district.
    """

    metadata: SnapshotMetadata
    entries: Mapping[str, RecordHeader]


@frozen
class StoredDistrict:
    """One district's record, byte for byte as the file store keeps it.

    Attributes:
        schema_version: Version of this form.
        district_id: The district.
        district_name: It, for people.
        snapshot_date: The day that the figures describe.
        as_of_date: The day on which the publisher gave them out.
        collected_at: When the latest of its documents was fetched.
        status: ``success``.
        detail: ``full`` or ``summary``.
        calculation_version: Version of the rules that made it.
        provenance: The raw documents that it was made from.
        data: The figures, as the source returned them.
    """

    schema_version: str
    district_id: str
    district_name: str
    snapshot_date: date
    as_of_date: date
    collected_at: datetime
    status: str
    detail: str
    calculation_version: str
    provenance: tuple[DocumentRef, ...]
    data: object


@frozen
class Health:
    """Whether the service can take jobs.

    Attributes:
        status: ``ok``.
        operation: What metadata and logs call its jobs.
        version: Of this library.
    """

    status: str
    operation: str
    version: str


@frozen
class WrongValue:
    """One value that cannot be accepted.

    Attributes:
        place: Where it stands: ``body``, ``query``, ``path`` or ``header``.
        pointer: JSON Pointer to it within that place, as a URI fragment.
        detail: The rule that it breaks.
        remedy: What to write instead.
    """

    place: str
    pointer: str
    detail: str
    remedy: str


@frozen
class Problem:
    """Why a request was not carried out (RFC 9457).

    Attributes:
        type: Where this kind of problem is described.
        title: The kind of problem, for people.
        status: The HTTP status.
        detail: What happened this time.
        code: The kind of problem, for programs.
        remedy: What to do about it.
        request_id: The request, as the server's log names it.
        errors: The values that cannot be accepted, all of them.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    remedy: str
    request_id: str
    errors: tuple[WrongValue, ...]
