"""Chooses the cheapest way to collect that satisfies scope and detail, and says why (R3.3)."""

from __future__ import annotations

from backfill.errors import InvalidRequest
from backfill.model import BackfillRequest, BackfillScope, CollectionStrategy, CollectionType, Detail, Method
from backfill.protocols import BatchSource, DataSource, DistrictCatalog, SystemWideSource


class DataSourceSelector:
    """Chooses the strategy of a job from what its source can do. Pure; any thread."""

    def __init__(self, source: DataSource) -> None:
        self._source = source
        self._system_wide = isinstance(source, SystemWideSource)
        self._batch = isinstance(source, BatchSource)
        self._lists = isinstance(source, DistrictCatalog)

    def select(self, request: BackfillRequest, scope: BackfillScope) -> CollectionStrategy:
        """Return the strategy for *request* within *scope*, with its rationale.

        Raises:
            InvalidRequest: The source cannot collect in the way asked for, or nothing says which districts there are.
        """
        self.check(request)
        named = request.target_districts is not None
        detail = str(request.detail)
        if request.detail is Detail.AUTO:  # a system-wide report holds summaries, also of those that are named
            detail = "full" if named and request.collection_type is not CollectionType.SYSTEM_WIDE else "summary"
        method, why = self._method(request, scope, detail)
        if scope.districts is None and method is not Method.SYSTEM_WIDE and not self._lists:
            raise InvalidRequest(
                "target_districts",
                None,
                f"source {self._source.name!r} cannot say which districts a day has, and no scope is configured",
                "name target_districts, configure a scope, or give the source list_districts() or collect_all()",
            )
        return CollectionStrategy(method, detail, why)

    def check(self, request: BackfillRequest) -> None:
        """Refuse a way of collecting that the source does not have, whatever the scope.

        Raises:
            InvalidRequest: It does not.
        """
        if request.collection_type is CollectionType.SYSTEM_WIDE and not self._system_wide:
            raise InvalidRequest(
                "collection_type",
                "system-wide",
                f"source {self._source.name!r} has no call that serves every district of a day",
                "use 'auto' or 'per-district', or give the source collect_all()",
            )

    def _method(self, request: BackfillRequest, scope: BackfillScope, detail: str) -> tuple[Method, str]:
        if request.collection_type is not CollectionType.AUTO:
            return _forced(request.collection_type)
        if self._system_wide and detail == "summary":
            return Method.SYSTEM_WIDE, "a summary is enough, and one call a day serves every district"
        if request.target_districts is None:
            if self._system_wide:
                return Method.PER_DISTRICT, "every district in full detail, which only a call for each gives"
            return Method.PER_DISTRICT, f"every district, and source {self._source.name!r} has no call that serves them all"
        count = len(scope.districts or ())
        if count == 1:
            return Method.PER_DISTRICT, "one district, one call a day"
        return Method.TARGETED, f"{count} districts, " + (
            "which one call a day serves" if self._batch else "one call for each and day"
        )


def _forced(collection_type: CollectionType) -> tuple[Method, str]:
    if collection_type is CollectionType.PER_DISTRICT:
        return Method.PER_DISTRICT, "asked for: per-district, one call a district and day"
    return Method.SYSTEM_WIDE, "asked for: system-wide, one call a day"
