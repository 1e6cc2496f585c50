"""What becomes of a published day: a summary of each district, a district in full, a ranking of all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from backfill.errors import DataUnavailable, InvalidRequest
from backfill.model import Collected, Finding
from backfill.toastmasters.answers import NoRows
from backfill.toastmasters.asking import Answer, Reader
from backfill.toastmasters.dashboard import DashboardDocument
from backfill.toastmasters.identifiers import normalize_district
from backfill.toastmasters.kinds import ReportKind
from backfill.toastmasters.published import Published
from backfill.toastmasters.ranking import rankings
from backfill.toastmasters.reports import Report, located
from backfill.toastmasters.rows import ClubRow, DistrictRow, DivisionRow, RowT, SummaryRow
from backfill.toastmasters.statistics import district_data, summary_data


def collectable(published: Published) -> dict[str, SummaryRow]:
    """Return the summary's rows by district, without those whose district no request, and no file, can be called after."""
    return {district: row for district, row in published.rows.items() if _is_name(district)}


def collect_summaries(published: Published) -> dict[str, Collected]:
    """Return what the summary says of each district."""
    settled = False if published.is_doubted else None
    return {
        district: Collected(
            summary_data(published.day, district, row),
            published.as_of,
            "summary",
            settled=settled,
            documents=published.documents,
        )
        for district, row in collectable(published).items()
    }


def collect_rankings(published: Published) -> Collected:
    """Return the ranking of all districts of the summary, those included that cannot be collected: a finding names these."""
    findings = located((*published.summary.findings, *_uncollectable(published)), published.day)
    fetched_at = max((ref.fetched_at for ref in published.documents), default=None)
    ranked = rankings(published.day, published.as_of, published.summary, fetched_at=fetched_at)
    return Collected(ranked, published.as_of, "summary", findings=findings, documents=published.documents)


def collect_in_full(reader: Reader, published: Published, district: str) -> Collected:
    """Return a district's figures from its three reports; see `RefreshService.get_district_performance`.

    Raises:
        DataUnavailable: Nothing was published of it.
        SourceError: A report cannot be had, or believed.
    """
    row = published.rows.get(district)
    if row is None and published.documents:
        message = f"the summary of {published.day} does not have district {district}"
        raise DataUnavailable(message, kind="no_such_district")
    clubs = _clubs(reader, published, district, row)
    payments = _optional(reader, ReportKind.DISTRICT, DistrictRow, published, district, clubs.as_of)
    visits = _optional(reader, ReportKind.DIVISIONS, DivisionRow, published, district, clubs.as_of)
    made = district_data(published.day, district, clubs.report, _report(payments), _report(visits), row)
    is_missed = clubs.as_of != published.as_of and not published.is_by_label
    is_whole = made.settled and not is_missed and not published.is_doubted
    others = (answer.document.ref for answer in (payments, visits) if answer is not None)
    used = (*published.documents, clubs.document.ref, *others)
    return Collected(made.data, clubs.as_of, "full", findings=made.findings, settled=None if is_whole else False, documents=used)


def _clubs(reader: Reader, published: Published, district: str, row: SummaryRow | None) -> Answer[ClubRow]:
    wanted = DashboardDocument(ReportKind.CLUBS, district, published.month, published.as_of)
    try:
        return reader.read_first(wanted, published.step_backs, ClubRow, day=published.day)
    except NoRows as error:
        if row is None or (not row.paid_clubs and not row.active_clubs):
            message = f"nothing was published of district {district} for {published.day}"
            raise DataUnavailable(message, kind="no_rows", attempts=error.attempts) from error
        raise


def _optional(
    reader: Reader, kind: ReportKind, row: type[RowT], published: Published, district: str, as_of: date
) -> Answer[RowT] | None:
    """Return a report that a district's figures can do without; ``None`` = it has no rows, or does not exist."""
    wanted = DashboardDocument(kind, district, published.month, as_of)
    try:
        return reader.read(wanted, row, day=published.day)
    except (NoRows, DataUnavailable):  # noted as a missing report by who collects the district
        return None


def _report(answer: Answer[RowT] | None) -> Report[RowT] | None:
    return None if answer is None else answer.report


def _uncollectable(published: Published) -> Iterator[Finding]:
    for district in published.rows.keys() - collectable(published).keys():
        message = f"the summary has a row of {district!r}, which names no district; it is ranked, and cannot be collected"
        yield Finding("invalid_district", message)


def _is_name(district: str) -> bool:
    try:
        return normalize_district(district) == district
    except InvalidRequest:
        return False
