"""The refresh service as a data source: each strategy of a backfill is one of its methods, called for the days of the plan (R3, P3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Protocol, TypeVar, runtime_checkable

from backfill.errors import InvalidRequest
from backfill.model import Collected, DatedDocument, DocumentRequest, Edition, Frequency
from backfill.protocols import Fetch
from backfill.toastmasters.dashboard import date_document
from backfill.toastmasters.identifiers import normalize_district
from backfill.toastmasters.versions import CALCULATION_VERSION
from backfill.toastmasters.years import program_year

RANKINGS = "all-districts-rankings"


@runtime_checkable
class Refreshing(Protocol):
    """What a refresh service must have to be backfilled from. Called from several threads at once."""

    def get_all_districts(self, day: date, /) -> Mapping[str, object]:
        """Return a value for each district of the day."""
        ...

    def get_district_performance(self, day: date, district: str, /) -> object:
        """Return the district's figures."""
        ...

    def get_multiple_districts(self, day: date, districts: Sequence[str], /) -> Mapping[str, object]:
        """Return a value, or a `SourceError`, for each of *districts*."""
        ...


@runtime_checkable
class Cataloguing(Refreshing, Protocol):
    """A refresh service that also knows the dashboard's calendar, its documents and its rankings, as `RefreshService` does."""

    def list_districts(self, day: date, /) -> Sequence[str]:
        """Return the districts of the day."""
        ...

    def get_rankings(self, day: date, /) -> Collected:
        """Return the ranking of the day's districts."""
        ...

    def editions(self, start: date, end: date, frequency: Frequency, /) -> Iterable[Edition]:
        """Return the editions of a range. Pure."""
        ...

    def requests_for(self, edition: Edition, district: str | None, /) -> Sequence[DocumentRequest]:
        """Return the documents of an edition. Pure."""
        ...


ServiceT = TypeVar("ServiceT", bound=Refreshing)


class RefreshServiceSource:
    """A `DataSource` made of a refresh service. Keeps no state; any thread.

    System-wide days call ``get_all_districts``, per-district ones ``get_district_performance``, targeted ones
    ``get_multiple_districts``. With a `RefreshService` it also lists districts, plans exactly and ranks the districts of each day; any
    other object with the three methods fits as well.

    Args:
        refresh_service: The service. If it has ``using(fetch)``, which returns a copy that asks through that door, it is bound to
            each unit's; without it its records have no provenance.

    Raises:
        InvalidRequest: It lacks one of the three methods.
    """

    name = "toastmasters"
    calculation_version = CALCULATION_VERSION

    def __new__(cls, refresh_service: Refreshing) -> RefreshServiceSource:  # noqa: PYI034 - a subclass, by what the service can do
        """Return a source with as many abilities as the service has: an ability is found by its methods, which must not lie."""
        if isinstance(refresh_service, type) or not isinstance(refresh_service, Refreshing):
            rule = "needs get_all_districts, get_district_performance and get_multiple_districts"
            raise InvalidRequest("refresh_service", refresh_service, rule, "pass a RefreshService(), or an object that has them")
        if cls is RefreshServiceSource and isinstance(refresh_service, Cataloguing):
            return super().__new__(_CatalogSource)
        return super().__new__(cls)

    def __init__(self, refresh_service: Refreshing) -> None:
        self._service = refresh_service

    def __getnewargs__(self) -> tuple[Refreshing]:
        """Return what pickle passes to ``__new__``."""
        return (self._service,)

    def __repr__(self) -> str:
        return f"RefreshServiceSource({self._service!r})"

    def normalize_district(self, text: str, /) -> str:
        """Return the published form: ``01``, ``117``, ``F``."""
        return normalize_district(text)

    def cumulative_fields(self) -> Sequence[str]:
        """Return what a program year adds up: its payments. Members come and go."""
        return ("totals.totalPayments",)

    def period_of(self, day: date, /) -> str:
        """Return the program year."""
        return str(program_year(day))

    def collect_all(self, day: date, fetch: Fetch, /) -> Mapping[str, object]:
        """Return what ``get_all_districts`` returns."""
        return bound(self._service, fetch).get_all_districts(day)

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return what ``get_district_performance`` returns."""
        return bound(self._service, fetch).get_district_performance(day, district)

    def collect_many(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
        """Return what ``get_multiple_districts`` returns."""
        return bound(self._service, fetch).get_multiple_districts(day, districts)


class _CatalogSource(RefreshServiceSource):
    """The same of a service that knows the dashboard's calendar, documents and rankings."""

    _service: Cataloguing

    def list_districts(self, day: date, fetch: Fetch, /) -> Sequence[str]:
        """Return the districts of the day's own summary."""
        return bound(self._service, fetch).list_districts(day)

    def summarize_day(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, Collected]:  # noqa: ARG002 - all districts are ranked, whichever are stored
        """Return the ranking of all districts of the day, those that are not collected included."""
        return {RANKINGS: bound(self._service, fetch).get_rankings(day)}

    def editions(self, start: date, end: date, frequency: Frequency, /) -> Iterable[Edition]:
        """Return the editions of a range."""
        return self._service.editions(start, end, frequency)

    def date_document(self, name: str, /) -> DatedDocument | None:
        """Return what the document of this identity is about; ``None`` = it is none of the dashboard's."""
        return date_document(name)

    def replaying(self, edition: Edition, /) -> RefreshServiceSource:
        """Return a copy for which *edition* is what was published of its day; see `RefreshService.replaying`."""
        replay: Callable[[Edition], Cataloguing] | None = getattr(self._service, "replaying", None)
        return self if replay is None else RefreshServiceSource(replay(edition))

    def requests_for(self, edition: Edition, district: str | None, /) -> Sequence[DocumentRequest]:
        """Return the documents of an edition."""
        return self._service.requests_for(edition, district)


def bound(service: ServiceT, fetch: Fetch) -> ServiceT:
    """Return *service*, bound to *fetch* if it can be."""
    using: Callable[[Fetch], ServiceT] | None = getattr(service, "using", None)
    return service if using is None else using(fetch)
