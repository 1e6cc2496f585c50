"""How a service plans, says what is missing, and starts jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from attrs import evolve

from backfill.engine.coverage import filling, missing_units, survey
from backfill.engine.listing import resolve_lists
from backfill.engine.scoping import naming_of
from backfill.errors import BackfillError, InvalidRequest, PlanOutdated
from backfill.historian import Historian
from backfill.job import Job
from backfill.model import (
    REBUILD,
    RERANK,
    BackfillPlan,
    BackfillReport,
    BackfillRequest,
    Coverage,
    Frequency,
    refuse_collisions,
)
from backfill.model.checks import Refusals, as_texts
from backfill.servicebase import Admit, as_asked, as_identifier


class Starter(Historian):
    """The part of a `BackfillService` that plans and starts jobs. Any thread."""

    def plan(self, request: BackfillRequest, *, resolve: bool = False) -> BackfillPlan:
        """Return exactly what *request* would do, without a request to the publisher.

        Args:
            request: What is asked for.
            resolve: List the districts of each day first, where they are not known. This does ask the publisher.

        Raises:
            InvalidRequest: It cannot be done; the error says what to ask for instead.
            SourceError: The districts of a day cannot be had (only with *resolve*).
        """
        self._check_usable()
        plan = self._planner.plan(_request(request), rate=self._rate())
        if not resolve:
            return plan
        lists = resolve_lists(plan, self._source, self._door(), self._clock)
        return self._planner.plan(request, rate=self._rate(), lists=lists)

    def initiate_backfill(
        self,
        request_or_plan: BackfillRequest | BackfillPlan,
        *,
        idempotency_key: str | None = None,
        plan_fingerprint: str | None = None,
        admit: Admit | None = None,
    ) -> Job:
        """Accept a job and return at once.

        A call that repeats an earlier one, as its key says, returns that one's job before anything else is looked at: whether the request
        could still be planned, and whether *admit* would let it pass, no longer matters.

        Args:
            request_or_plan: What to do: a request, or a plan made earlier, which is then carried out exactly.
            idempotency_key: A second call with the same key returns the job of the first.
            plan_fingerprint: Beside a request: accept it only if its plan has this fingerprint.
            admit: Called with the plan of a new job before it is accepted; what it raises keeps it from being so, and is raised.

        Raises:
            InvalidRequest: It cannot be done, or the key was used for something else, be it another plan of the same request.
            PlanOutdated: The plan no longer describes what would happen.
            StoreUnavailable: The store says that it cannot be written.
            ServiceUnusable: The service was closed, or no thread can be had for the job.
        """
        self._check_usable()
        plan = request_or_plan if isinstance(request_or_plan, BackfillPlan) else None
        request = _request(request_or_plan) if plan is None else plan.request
        if plan is not None and plan_fingerprint is not None:
            rule = "a plan has a fingerprint of its own"
            raise InvalidRequest("plan_fingerprint", plan_fingerprint, rule, "leave it out, or pass the request")
        bound = plan_fingerprint if plan is None else plan.fingerprint
        known = self._accepted_before(idempotency_key, request, bound)
        if known is not None:
            return self._job(known)
        outdated: BackfillError | None = None
        if plan is None:
            plan = self._planner.plan(request, rate=self._rate())
            if bound is not None and plan.fingerprint != bound:
                outdated = PlanOutdated(("its fingerprint is another by now",))
        else:
            try:
                self._planner.confirm(plan)
            except BackfillError as error:
                outdated = error
        accepted = self._accept(plan, idempotency_key=idempotency_key, fingerprint=bound, unless=outdated, admit=admit)
        return self._job(accepted)

    def run_backfill(
        self, request: BackfillRequest | BackfillPlan, *, progress: Callable[[BackfillReport], None] | bool | None = None
    ) -> BackfillReport:
        """Carry out a job and return its final report. Interrupted by Ctrl-C, it cancels the job, loses nothing, and raises.

        Args:
            request: What to do.
            progress: Called with the report about twice a second; ``True`` = a line on standard error; ``None`` = that line
                if standard error is a terminal; ``False`` = nothing. In a notebook a picture in the cell takes the place of the line. What the function raises cancels the job, and is raised.

        Raises:
            InvalidRequest: It cannot be done.
            PlanOutdated: The plan no longer describes what would happen.
            StoreUnavailable: The store says that it cannot be written.
            ServiceUnusable: The service was closed, or no thread can be started for the job.
            KeyboardInterrupt: The caller was interrupted; the job is cancelled and its units in flight have ended.
        """
        from backfill.progressline import display, watch  # noqa: PLC0415 - only who waits here pays for it

        show = display(progress)
        job = self.initiate_backfill(request)
        try:
            watch(job.future, job.report, show)
        except BaseException:
            job.cancel()
            watch(job.future, job.report, None)
            raise
        return job.wait()

    def retry_failed(self, backfill_id: str, *, idempotency_key: str | None = None, admit: Admit | None = None) -> Job:
        """Accept a new job with only what failed in an ended one; it completes the partial snapshots.

        Args:
            backfill_id: The ended job.
            idempotency_key: A second call with the same key returns the job of the first.
            admit: Called with the plan of a new job before it is accepted; what it raises keeps it from being so, and is raised.

        Raises:
            JobNotFound: There is no such job.
            InvalidRequest: It has not ended, nothing failed, or nothing of it is in scope any more; or the key was used for something else.
        """
        self._check_usable()
        asked = as_asked("retry", as_identifier(backfill_id))
        known = self._accepted_before(idempotency_key, asked)
        if known is not None:
            return self._job(known)
        state = self._load(backfill_id)
        if not state.status.is_final:
            raise InvalidRequest("backfill_id", backfill_id, f"the job is {state.status}", "wait for its end, or cancel it first")
        failed = state.failed_units()
        if not failed:
            raise InvalidRequest("backfill_id", backfill_id, "nothing failed in this job", "nothing is left to retry")
        operation: str | None
        if state.spec.operation == RERANK:
            again = tuple(planned for planned in state.spec.plan.days if planned.day in failed)
            retry, operation = evolve(state.spec.plan, days=again), RERANK
        else:
            retry = self._planner.narrow(state.spec.plan, failed, rate=self._rate())
            operation = REBUILD if state.spec.operation == REBUILD else None  # its documents are in the archive, or nowhere
        accepted = self._accept(
            retry, idempotency_key=idempotency_key, asked=asked, retry_of=backfill_id, operation=operation, admit=admit
        )
        return self._job(accepted)

    def fill_gaps(
        self,
        coverage: Coverage | date | str,
        end: date | str | None = None,
        *,
        districts: Sequence[str] | None = None,
        frequency: Frequency | str = "daily",
        idempotency_key: str | None = None,
        admit: Admit | None = None,
    ) -> Job:
        """Accept a job that collects exactly what is missing (`Coverage.missing`): what failed, was never tried, or is partial.

        It collects them in the detail in which the rest is stored: in full if all of it is. What is whole stays as it is, a summary too:
        ask for ``detail="full"`` in a request to have more. What is known not to have been published is not asked for again, and a
        damaged day is left alone, as nothing is stored over it. Where no district is known, as in an empty store, the days are collected
        as a whole. Records in full that are partial need calls of their own: of a day that is otherwise filled by one summary they are
        filled by the next such job, once nothing else is missing.

        Args:
            coverage: What `coverage` returned, alone; or the first day of the range to look at.
            end: The last day, inclusive, where the first is given.
            districts: Where days are given: as for `coverage`.
            frequency: Where days are given: as for `coverage`.
            idempotency_key: A second call with the same key returns the job of the first.
            admit: Called with the plan of a new job before it is accepted; what it raises keeps it from being so, and is raised.

        Raises:
            InvalidRequest: Nothing is missing, a value cannot be what it is said to be, or the key was used for something else.
            StoreUnavailable: The store says that it cannot be written.
            ServiceUnusable: The service was closed, or no thread can be had for the job.
        """
        self._check_usable()
        named: tuple[str, ...] | None
        if isinstance(coverage, Coverage):
            if end is not None or districts is not None or frequency != Frequency.DAILY:
                rule = "a coverage has its days, districts and frequency already"
                raise InvalidRequest("coverage", coverage, rule, "give the coverage alone, or the first day in its place")
            first, last, frequency, named = coverage.start, coverage.end, coverage.frequency, coverage.districts
        else:
            request, named = self._looked_at(coverage, end, districts, frequency)
            first, last, frequency = request.start_date, request.end_date, request.frequency
        asked = as_asked("gaps", first, last, frequency, None if named is None else sorted(named))
        known = self._accepted_before(idempotency_key, asked)
        if known is not None:
            return self._job(known)
        if not isinstance(coverage, Coverage):
            coverage = self.coverage(first, last, districts=named, frequency=frequency)
        plan = self._planner.plan(filling(coverage, self._scope.resolve(None).districts))
        missing, by_district = missing_units(coverage, plan.strategy.method)
        narrowed = self._planner.narrow(plan, missing, rate=self._rate(), by_district=by_district)
        return self._job(self._accept(narrowed, idempotency_key=idempotency_key, asked=asked, admit=admit))

    def coverage(
        self,
        start: date | str,
        end: date | str,
        *,
        districts: Sequence[str] | None = None,
        frequency: Frequency | str = "daily",
    ) -> Coverage:
        """Return which (day, district) are stored and what became of the others, without a request.

        Args:
            start: First day.
            end: Last day, inclusive.
            districts: Which districts; ``None`` = the configured ones, else all that are stored or were tried.
            frequency: Which days of the range to look at.

        Raises:
            InvalidRequest: A value cannot be what it is said to be.
        """
        self._check_process()
        request, named = self._looked_at(start, end, districts, frequency)
        names = self._scope.resolve(None).districts if named is None else named
        return survey(
            request.start_date,
            request.end_date,
            request.frequency,
            None if names is None else tuple(sorted(set(names))),
            source=self._source,
            store=self._store,
            jobs=self._jobs,
            clock=self._clock,
        )

    def _looked_at(
        self, start: date | str, end: date | str | None, districts: Sequence[str] | None, frequency: Frequency | str
    ) -> tuple[BackfillRequest, tuple[str, ...] | None]:
        """Return the range to look at, and the normal forms of the districts; ``None`` = none are named.

        Raises:
            InvalidRequest: One of them cannot be; what is wrong with the others is told as well.
        """
        refusals = Refusals()
        request: BackfillRequest | None = None
        with refusals.noting():
            request = BackfillRequest(start, end, frequency=frequency)
        normalize = naming_of(self._source)
        names: list[str] = []
        for text in () if districts is None else as_texts("districts", districts):
            with refusals.noting():
                names.append(normalize(text))
        with refusals.noting():
            refuse_collisions(names)
        refusals.check()
        assert request is not None  # noqa: S101 - for the type checker: else something was noted
        return request, None if districts is None else tuple(names)


def _request(value: object) -> BackfillRequest:
    if not isinstance(value, BackfillRequest):
        raise InvalidRequest("request", value, "not a BackfillRequest", "write BackfillRequest('2023-01-01', '2023-01-31')")
    return value
