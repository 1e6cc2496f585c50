"""Says what will be done, without a request: days and gaps, districts, what exists, how many documents, how long (B1)."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from attrs import evolve

from backfill.engine.calendar import check_range, list_editions
from backfill.engine.scoping import resolve_scope
from backfill.engine.selector import DataSourceSelector
from backfill.errors import DamagedFile, InvalidRequest, PlanOutdated, SnapshotNotFound
from backfill.jsonvalues import dumps
from backfill.model import (
    BackfillPlan,
    BackfillRequest,
    BackfillScope,
    CollectionStrategy,
    DocumentRequest,
    Edition,
    Gap,
    Method,
    Order,
    PlannedDay,
    RecordHeader,
)
from backfill.model.checks import Refusals
from backfill.protocols import Clock, DataSource, DaySummarizer, DistrictCatalog, RequestPlanner, ScopeResolver, SnapshotStore

EXACT_UNITS = 20_000
"""Up to so many units each is asked for its documents; beyond, the first district of a day stands for the others."""

logger = logging.getLogger("backfill.engine")

Lists = Mapping[date, tuple[str, ...]]
Failed = Mapping[date, tuple[str, ...] | None]


class Planner:
    """Makes plans. Pure but for reading the store; any thread."""

    def __init__(self, source: DataSource, store: SnapshotStore, scope: ScopeResolver, clock: Clock) -> None:
        self._source = source
        self._store = store
        self._scope = scope
        self._clock = clock
        self._selector = DataSourceSelector(source)

    def plan(self, request: BackfillRequest, *, rate: float | None = None, lists: Lists | None = None) -> BackfillPlan:
        """Return the plan of *request*.

        Args:
            request: What is asked for.
            rate: Requests a second that the door allows, for the time needed.
            lists: Districts of days that were listed already.

        Raises:
            InvalidRequest: It cannot be done; the error says what to ask for instead, of everything that is wrong.
        """
        editions, scope, strategy = self._judge(request)
        stored = frozenset(self._store.days(request.start_date, request.end_date))
        days = [
            self._plan_day(
                edition, scope.districts, strategy, lists or {}, stored=edition.day in stored, skip=request.skip_existing
            )
            for edition in editions
        ]
        if request.order is Order.NEWEST_FIRST:
            days.reverse()
        draft = BackfillPlan(
            request=request, scope=scope, strategy=strategy, source=self._source.name, days=tuple(days), requests={},
            seconds_at_rate=None, exact=False, fingerprint="",
        )  # fmt: skip
        return self.complete(draft, rate=rate)

    def _judge(self, request: BackfillRequest) -> tuple[tuple[Edition, ...], BackfillScope, CollectionStrategy]:
        """Return the days, districts and strategy of *request*.

        Raises:
            InvalidRequest: One of them cannot be; what is wrong with the others is told as well.
        """
        refusals = Refusals()
        editions: tuple[Edition, ...] = ()
        with refusals.noting():
            check_range(request.start_date, request.end_date, self._source, self._clock)
            editions = list_editions(request.start_date, request.end_date, request.frequency, self._source)
        scope: BackfillScope | None = None
        with refusals.noting():
            scope = resolve_scope(request.target_districts, self._source, self._scope, self._store)
        strategy: CollectionStrategy | None = None
        with refusals.noting():
            self._selector.check(request)
            strategy = None if scope is None else self._selector.select(request, scope)
        refusals.check()
        assert scope is not None  # noqa: S101 - for the type checker: else something was noted
        assert strategy is not None  # noqa: S101 - as above
        return editions, scope, strategy

    def complete(self, plan: BackfillPlan, *, rate: float | None) -> BackfillPlan:
        """Return *plan* with what follows from its days: requests, time, exactness and fingerprint."""
        requests, known = self._count_requests(plan)
        total = sum(count for count in requests.values() if count is not None)
        pause = max(1 / rate if rate else 0.0, plan.request.min_interval or 0.0)  # seconds from one request to the next
        return evolve(
            plan,
            requests=requests,
            seconds_at_rate=total * pause if pause and (total or known) else None,
            exact=known and all(_is_certain(planned) for planned in plan.days),
            fingerprint=_fingerprint(plan),
        )

    def confirm(self, plan: BackfillPlan) -> BackfillPlan:
        """Return *plan*, if the same request would still be planned in the same way.

        Raises:
            PlanOutdated: It would not.
            InvalidRequest: It could not be planned at all any more.
        """
        lists = {planned.day: planned.districts or () for planned in plan.days if planned.listed}
        fresh = self.plan(plan.request, lists=lists)
        if (
            not fresh.fingerprint == plan.fingerprint == _fingerprint(plan)
        ):  # a copy with other days or options carries the old one
            raise PlanOutdated(_differences(plan, fresh))
        return plan

    def narrow(
        self, plan: BackfillPlan, failed: Failed, *, rate: float | None = None, by_district: Collection[date] = ()
    ) -> BackfillPlan:
        """Return a plan of only the *failed* districts of the days of *plan* (``None`` = a day that could not be listed).

        The scope is resolved anew: what has left the configuration since is not fetched again (P7). So is what exists: what
        another job has stored since, or was skipped in a day that could not be listed, is skipped.

        Args:
            plan: Of all.
            failed: Which of it remain.
            rate: Requests a second that the door allows, for the time needed.
            by_district: Of its days those that are collected by a call for each district, or for several, whatever the plan's strategy is.

        Raises:
            InvalidRequest: Nothing of it is in scope any more, or the plan is of another source.
        """
        if plan.source != self._source.name:
            raise InvalidRequest(
                "source", self._source.name, f"the job collected from {plan.source!r}", "retry it with a service of that source"
            )
        scope = resolve_scope(plan.request.target_districts, self._source, self._scope, self._store)
        days: list[PlannedDay] = []
        for planned in plan.days:
            if planned.day in failed:
                names = failed[planned.day]
                if names is None:
                    names = scope.districts
                elif scope.districts is not None:
                    names = tuple(name for name in names if name in scope.districts)
                if names != ():
                    entries = self._entries(planned.day) if plan.request.skip_existing else {}
                    existing = _satisfying(entries, names, plan.strategy.detail)
                    whole = planned.listed and names == planned.districts  # else `names` is not the day's own list any more
                    method = planned.strategy if planned.day not in by_district else _fuller(names)
                    days.append(evolve(planned, districts=names, existing=existing, listed=whole, strategy=method))
        if not days:
            gone = sorted({name for names in failed.values() for name in names or ()})
            raise InvalidRequest(
                "target_districts", gone, "what failed in this job is no longer in scope", "configure its districts again first"
            )
        return self.complete(evolve(plan, scope=scope, days=tuple(days)), rate=rate)

    def _plan_day(
        self,
        edition: Edition,
        districts: tuple[str, ...] | None,
        strategy: CollectionStrategy,
        lists: Lists,
        *,
        stored: bool,
        skip: bool,
    ) -> PlannedDay:
        entries = self._entries(edition.day) if stored and skip and edition.gap is None else {}
        gap = edition.gap
        listed = False
        if districts is None and gap is None:
            districts = lists.get(edition.day)
            if districts is None and entries and all(header.settled for header in entries.values()):
                districts = self._stored_list(edition.day)
            listed = districts is not None
            if districts == ():  # the publisher lists none: counted unavailable, as by a job that lists the day itself
                districts, gap, entries = None, Gap.UNKNOWN, {}
        existing = _satisfying(entries, districts, strategy.detail)
        return PlannedDay(edition.day, edition.as_of, gap, edition.settled_on, strategy.method, districts, existing, listed)

    def _entries(self, day: date) -> Mapping[str, RecordHeader]:
        """Return what is stored of *day*; nothing where it is damaged, which keeps no other day from being planned."""
        try:
            return self._store.entries(day)
        except DamagedFile as error:
            logger.warning("%s is planned as if nothing were stored, and cannot be stored over: %s", day, error)
            return {}

    def _stored_list(self, day: date) -> tuple[str, ...] | None:
        """Return the districts that a listing of *day* gave when it was stored; ``None`` = it never was listed."""
        try:
            return self._store.read(day).metadata.own_list
        except (DamagedFile, SnapshotNotFound):  # told when the day is stored; the publisher lists it again
            return None

    def _count_requests(self, plan: BackfillPlan) -> tuple[dict[str, int | None], bool]:
        """Return how many documents of each report will be asked for, and whether that is known of all."""
        source = self._source
        work = [planned for planned in plan.days if planned.gap is None and has_work(planned)]
        if not work:
            return {}, True
        if not isinstance(source, RequestPlanner):
            return {"documents": None}, False
        each = plan.total_units <= EXACT_UNITS
        documents: dict[str, str] = {}  # of all days: one that serves several of them is fetched once
        others: Counter[str] = Counter()
        for planned in work:
            documents.update(_counted(_whole_day(planned, source)))
            if planned.strategy is not Method.SYSTEM_WIDE:
                todo = to_collect(planned)
                for district in todo if each else todo[:1]:
                    own = _counted(source.requests_for(planned.edition, district))
                    if not each:
                        for identity in own.keys() - documents.keys():
                            others[own[identity]] += len(todo) - 1
                    documents.update(own)
        counts = others + Counter(documents.values())
        result: dict[str, int | None] = dict(sorted(counts.items()))
        unknown = any(planned.districts is None and planned.strategy is not Method.SYSTEM_WIDE for planned in work)
        if unknown:
            result["districts"] = None
        return result, not unknown and each


def _fuller(districts: Sequence[str] | None) -> Method:
    return Method.TARGETED if districts is not None and len(districts) > 1 else Method.PER_DISTRICT


def _satisfying(entries: Mapping[str, RecordHeader], districts: tuple[str, ...] | None, detail: str) -> tuple[str, ...]:
    """Return those of *districts* (``None`` = all stored) that are stored so well that they will be skipped."""
    if not entries:
        return ()
    wanted = entries if districts is None else districts
    return tuple(name for name in wanted if name in entries and entries[name].satisfies(detail))


def to_collect(planned: PlannedDay) -> tuple[str, ...]:
    """Return the districts of *planned* that are known and not skipped."""
    districts = planned.districts or ()
    if not planned.existing:  # of most days of a large plan: nothing is copied
        return districts
    existing = frozenset(planned.existing)
    return tuple(district for district in districts if district not in existing)


def documents_of(planned: PlannedDay, source: DataSource, district: str | None) -> Mapping[str, str] | None:
    """Return the documents that one call on the day may ask for, each identity with its report; ``None`` = nobody knows.

    They are those that the plan counts, the conditional ones beside them, and no others (P12): for a call that serves one
    *district* its own, for a call that serves several (``None``) those of each that it may serve; and those of the day as a whole
    where the plan has them.
    """
    if not isinstance(source, RequestPlanner):
        return None
    documents = _allowed(_whole_day(planned, source))
    if planned.strategy is not Method.SYSTEM_WIDE:
        for name in to_collect(planned) if district is None else (district,):
            documents.update(_allowed(source.requests_for(planned.edition, name)))
    return documents


def has_work(planned: PlannedDay) -> bool:
    """Return whether anything will be asked for on the day."""
    return planned.districts is None or bool(to_collect(planned))


def needs_listing(planned: PlannedDay, source: object) -> bool:
    """Return whether the day's districts are listed before it is collected.

    Not when they were listed already, nor when one call serves the day anyway: a district that its answer lacks is
    unavailable all the same.
    """
    if planned.listed or not isinstance(source, DistrictCatalog):
        return False
    return planned.districts is None or planned.strategy is not Method.SYSTEM_WIDE


def _whole_day(planned: PlannedDay, source: RequestPlanner) -> Sequence[DocumentRequest]:
    """Return the documents of the day as a whole, if any call asks for them."""
    needed = planned.strategy is Method.SYSTEM_WIDE or needs_listing(planned, source) or isinstance(source, DaySummarizer)
    return source.requests_for(planned.edition, None) if needed else ()


def _allowed(requests: Sequence[DocumentRequest]) -> dict[str, str]:
    """Return each identity that may be asked for, with its report."""
    return {request.identity: request.report for request in requests}


def _counted(requests: Sequence[DocumentRequest]) -> dict[str, str]:
    """Return each identity that will be asked for unless something is missing, with its report."""
    return {request.identity: request.report for request in requests if not request.conditional}


def _is_certain(planned: PlannedDay) -> bool:
    """Return whether it is known what a day asks for: its districts, and which edition it has, which may have to be searched for."""
    return planned.gap is not None or (planned.districts is not None and planned.as_of is not None)


def _fingerprint(plan: BackfillPlan) -> str:
    """Return a digest of what the plan does: of the request, only what does not stand in the days already."""
    request = plan.request
    digest = hashlib.sha256(
        dumps(
            [
                plan.source, plan.strategy.method, plan.strategy.detail, request.concurrency, request.retry_failures,
                request.enable_caching, request.min_interval, request.max_failures, plan.scope.kind,
            ]
        )
    )  # fmt: skip
    digests: dict[tuple[str, ...] | None, bytes] = {}

    def of(names: tuple[str, ...] | None) -> bytes:
        if names not in digests:
            digests[names] = hashlib.sha256(dumps(names)).digest()
        return digests[names]

    for planned in plan.days:
        digest.update(
            f"{planned.day}|{planned.as_of}|{planned.gap}|{planned.settled_on}|{planned.strategy}|{planned.listed}|".encode()
        )
        digest.update(of(planned.districts) + of(planned.existing))
    return digest.hexdigest()


def _differences(old: BackfillPlan, new: BackfillPlan) -> tuple[str, ...]:
    """Return how *new* differs from *old*, a sentence each, the first five days at most."""
    changes: list[str] = []
    if old.source != new.source:
        changes.append(f"the source was {old.source!r} and is {new.source!r}")
    if old.strategy.method != new.strategy.method:
        changes.append(f"the days were to be collected {old.strategy.method}, and would be {new.strategy.method}")
    if old.scope.districts != new.scope.districts:
        changes.append("the scope has changed")
    before: Mapping[date, PlannedDay] = {planned.day: planned for planned in old.days}
    changed: Sequence[date] = [planned.day for planned in new.days if before.get(planned.day) != planned]
    changed = changed or sorted(before.keys() - {planned.day for planned in new.days})
    if changed:
        shown = ", ".join(day.isoformat() for day in sorted(changed)[:5])
        changes.append(f"{len(changed)} days would be collected differently, for instance {shown}")
    return tuple(changes) or ("the request's options differ",)
