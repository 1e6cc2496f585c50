"""The state machine of one day: by tables, by visiting every situation that it can be in, and by driving it at random."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from backfill.engine.day import DayState, DayWork
from backfill.engine.daysteps import Collect, ListDistricts, Outcome, Publish, Step, Summarize
from backfill.errors import Cancelled, DataUnavailable, PermanentSourceError, SourceError, TransientSourceError
from backfill.model import (
    DayListed,
    DayPublished,
    Found,
    Gap,
    Method,
    PlannedDay,
    RecordHeader,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from day_driver import BROKEN, GONE, HEADER, NOTE, TEMPLATE, Driver, Result
from engine_doubles import DAY, NOW, bounded, district_sets, planned

LATER = TransientSourceError("no answer", kind="http_503", attempts=4)
STOPPED = Cancelled("the job was cancelled")
COMPLETED, FAILED, PENDING = UnitState.COMPLETED, UnitState.FAILED, UnitState.PENDING
SKIPPED, UNAVAILABLE = UnitState.SKIPPED, UnitState.UNAVAILABLE


def settled(state: UnitState, *names: str | None) -> UnitsSettled:
    """Return the change that settles these units."""
    return UnitsSettled(DAY, dict.fromkeys(names, state))


# --- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "units"),
    [
        (planned(gap=Gap.CLOSING), {None: UNAVAILABLE}),
        (planned("1", "2", gap=Gap.NEVER_EXISTED), {"1": UNAVAILABLE, "2": UNAVAILABLE}),
        (planned("1", "2", gap=Gap.UNKNOWN, existing=("1",)), {"1": UNAVAILABLE, "2": UNAVAILABLE}),
        (planned("1", "2", existing=("2", "1")), {"1": SKIPPED, "2": SKIPPED}),
        (planned(districts=(), listed=True), {}),
    ],
)
@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("lists", [True, False])
def test_a_day_without_work_is_over_at_once(
    day: PlannedDay, units: dict[str | None, UnitState], method: Method, *, lists: bool
) -> None:
    """A known gap, a day that is stored already and an empty one are settled without any call. [R9.3, P6]"""
    driver = Driver(planned(*(day.districts or ()), gap=day.gap, existing=day.existing, districts=day.districts, strategy=method), lists=lists)  # fmt: skip
    assert driver.begin() is None
    assert driver.units == units
    driver.check_end()


@pytest.mark.parametrize(
    ("method", "batch", "calls"),
    [
        (Method.PER_DISTRICT, False, [Collect("one", ("1",)), Collect("one", ("3",))]),
        (Method.PER_DISTRICT, True, [Collect("one", ("1",)), Collect("one", ("3",))]),
        (Method.TARGETED, False, [Collect("one", ("1",)), Collect("one", ("3",))]),
        (Method.TARGETED, True, [Collect("many", ("1", "3"))]),
        (Method.SYSTEM_WIDE, False, [Collect("all", ("1", "3"))]),
        (Method.SYSTEM_WIDE, True, [Collect("all", ("1", "3"))]),
    ],
)
def test_each_strategy_makes_its_calls(method: Method, batch: bool, calls: list[Step]) -> None:
    """One call a district, one for several, or one for all; in the plan's order, and never for what is stored. [R3.2, R9.3]"""
    driver = Driver(planned("1", "2", "3", existing=("2",), strategy=method), batch=batch)
    driver.begin_all()
    assert driver.steps == calls
    assert driver.units == {"1": PENDING, "2": SKIPPED, "3": PENDING}


def test_a_day_goes_through_all_of_its_states() -> None:
    """Listed, collected, summarized, published: each once, and nothing is begun before what it needs has come back. [R4.3]"""
    work = DayWork(planned(), lists=True, batch=False, summarizes=True)
    assert work.open() == []
    assert (work.state, work.is_over) == (DayState.WAITING, False)
    assert work.next_step() == ListDistricts()
    assert (work.next_step(), work.state) == (None, DayState.LISTING)
    assert work.listed(("2", "1")) == [DayListed(DAY, ("2", "1"))]
    assert work.next_step() == Collect("one", ("2",))
    assert work.collected({"2": HEADER}, NOW) == []
    assert work.state is DayState.COLLECTING
    assert work.next_step() == Collect("one", ("1",))
    assert (work.next_step(), work.in_flight) == (None, 1)
    assert work.collected({"1": HEADER}, NOW, findings=(NOTE,)) == [Found(NOTE)]
    assert work.next_step() == Summarize(("1", "2"))
    assert (work.next_step(), work.state) == (None, DayState.SUMMARIZING)
    assert work.summarized() == []
    assert work.wants_to_publish
    assert work.next_step() == Publish()
    assert (work.next_step(), work.wants_to_publish) == (None, False)
    said = work.contribution(TEMPLATE)
    assert (said.expected, said.listed, said.findings, said.errors, said.unavailable) == (("2", "1"), True, (NOTE,), (), ())
    assert said.seconds == TEMPLATE.seconds
    assert work.published(None, NOW) == [settled(COMPLETED, "2", "1")]
    assert (work.is_over, work.next_step(), work.in_flight) == (True, None, 0)


@pytest.mark.parametrize(("outcome", "state"), [(HEADER, COMPLETED), (GONE, UNAVAILABLE), (BROKEN, FAILED), (LATER, FAILED)])
def test_a_unit_becomes_what_its_call_gave(outcome: Outcome, state: UnitState) -> None:
    """A record is stored, nothing published is unavailable, an error is a failure; the other district goes on. [R6.1, R6.2, R6.3]"""
    driver = Driver(planned("1", "2"))
    driver.begin_all()
    driver.finish(driver.steps[0], Result({"1": outcome}))
    driver.finish(driver.steps[1], Result({"2": HEADER}))
    step = driver.begin()
    assert step == Publish()
    changes = driver.finish(step, Result())
    assert driver.units == {"1": state, "2": COMPLETED}
    assert changes[-1] == DayPublished(DAY, isinstance(outcome, SourceError) and outcome is not GONE, NOW)
    driver.check_end()


def test_a_failure_is_recorded_with_all_that_is_known_of_it() -> None:
    """District, day, stage, kind, attempts, cause and whether a retry can help stand in the change and in the snapshot. [R6.2, R5.5]"""
    driver = Driver(planned("1", "2"))
    driver.begin_all()
    driver.finish(driver.steps[0], Result({"1": LATER}))
    driver.finish(driver.steps[1], Result({"2": HEADER}))
    (failure,) = driver.failures
    error = failure.error
    assert (error.district_id, error.day, error.stage, error.kind) == ("1", DAY, "fetch", "http_503")
    assert (error.attempts, error.is_retryable, error.message, error.timestamp) == (4, True, "no answer", NOW)
    driver.begin_all()
    driver.finish(Publish(), Result())
    assert driver.contributed[0].errors == (error,)


def test_a_day_of_which_nothing_came_is_not_published() -> None:
    """Where all failed or nothing was published there is nothing to commit. [R6.3]"""
    driver = Driver(planned("1", "2"), summarizes=True)
    driver.begin_all()
    driver.finish(driver.steps[0], Result({"1": GONE}))
    driver.finish(driver.steps[1], Result({"2": BROKEN}))
    assert driver.begin() is None
    driver.check_end()


@pytest.mark.parametrize(
    ("day", "error", "units"),
    [
        (planned(), BROKEN, {None: FAILED}),
        (planned(), GONE, {None: UNAVAILABLE}),
        (planned(existing=("1",)), BROKEN, {None: FAILED}),
        (planned("1", "2"), BROKEN, {"1": FAILED, "2": FAILED}),
        (planned("1", "2"), GONE, {"1": UNAVAILABLE, "2": UNAVAILABLE}),
        (planned("1", "2", existing=("2",)), LATER, {"1": FAILED, "2": SKIPPED}),
        (planned("1", "2", existing=("2",)), GONE, {"1": UNAVAILABLE, "2": SKIPPED}),
    ],
)
def test_a_day_that_cannot_be_listed(day: PlannedDay, error: SourceError, units: dict[str | None, UnitState]) -> None:
    """Every target of the day fails at stage list, or the day as one unit where none is known; what exists stays. [R6.2]"""
    driver = Driver(day, lists=True)
    step = driver.begin()
    assert step == ListDistricts()
    driver.finish(step, Result(error=error))
    assert driver.units == units
    assert {failure.error.stage for failure in driver.failures} <= {"list"}
    assert {failure.error.district_id for failure in driver.failures} == {name for name in units if units[name] is FAILED}
    driver.check_end()


@pytest.mark.parametrize(
    ("day", "names", "units", "todo"),
    [
        (planned(), ("2", "1"), {"2": PENDING, "1": PENDING}, ["2", "1"]),
        (planned(), (), {None: UNAVAILABLE}, []),
        (planned(existing=("1",)), ("1", "2"), {"1": SKIPPED, "2": PENDING}, ["2"]),
        (planned(existing=("1", "9")), ("1",), {"1": SKIPPED}, []),
        (planned("1", "2", "3"), ("3", "1", "7"), {"1": PENDING, "2": UNAVAILABLE, "3": PENDING}, ["1", "3"]),
        (planned("1", "2"), (), {"1": UNAVAILABLE, "2": UNAVAILABLE}, []),
        (planned("1", "2", existing=("2",)), ("1",), {"1": PENDING, "2": SKIPPED}, ["1"]),
    ],
)
def test_what_a_list_means(day: PlannedDay, names: tuple[str, ...], units: dict[str | None, UnitState], todo: list[str]) -> None:
    """An open day has exactly the districts listed; of named ones, those that the list lacks are unavailable. [R7.2, P5, P7]"""
    driver = Driver(day, lists=True)
    step = driver.begin()
    assert step is not None
    driver.finish(step, Result(names=names))
    assert driver.units == units
    driver.begin_all()
    assert driver.called == todo
    assert driver.work.is_over == (not todo)


@pytest.mark.parametrize(
    ("names", "existing", "units"),
    [
        (("1", "2"), (), {"1": COMPLETED, "2": COMPLETED}),
        ((), (), {None: UNAVAILABLE}),
        (("1", "2"), ("2",), {"1": COMPLETED, "2": SKIPPED}),
        (("2",), ("2",), {"2": SKIPPED}),
    ],
)
def test_one_answer_for_an_open_day(
    names: tuple[str, ...], existing: tuple[str, ...], units: dict[str | None, UnitState]
) -> None:
    """The districts of an open system-wide day are those that its one answer has; what is stored is not stored again. [R7.2, P5]"""
    driver = Driver(planned(existing=existing, strategy=Method.SYSTEM_WIDE))
    step = driver.begin()
    assert step == Collect("all", None)
    assert driver.begin() is None
    driver.finish(step, Result(dict.fromkeys(names, HEADER), names=names))
    publish = driver.begin()
    if publish is not None:
        driver.finish(publish, Result())
    assert driver.units == units
    driver.check_end()


@pytest.mark.parametrize("day", [planned(strategy=Method.SYSTEM_WIDE), planned("1", "2", strategy=Method.SYSTEM_WIDE)])
@pytest.mark.parametrize(("error", "state"), [(BROKEN, FAILED), (GONE, UNAVAILABLE)])
def test_one_answer_that_does_not_come(day: PlannedDay, error: SourceError, state: UnitState) -> None:
    """When the one call for a day fails, that is what becomes of each of its units, at stage fetch. [R6.2]"""
    driver = Driver(day)
    step = driver.begin()
    assert step is not None
    driver.finish(step, Result(error=error))
    assert set(driver.units.values()) == {state}
    assert {failure.error.stage for failure in driver.failures} <= {"fetch"}
    driver.check_end()


def test_a_failure_of_the_whole_day_leaves_out_what_is_settled() -> None:
    """A district that the day's list lacked is unavailable, and stays so when the one call for the others fails. [P6]"""
    driver = Driver(planned("1", "2", "3", existing=("3",), strategy=Method.SYSTEM_WIDE), lists=True)
    driver.begin_all()
    driver.finish(ListDistricts(), Result(names=("1", "3")))
    step = driver.begin()
    assert step == Collect("all", ("1",))
    driver.finish(step, Result(error=BROKEN))
    assert driver.units == {"1": FAILED, "2": UNAVAILABLE, "3": SKIPPED}
    driver.check_end()


def test_a_day_that_cannot_be_stored() -> None:
    """When the commit fails, every staged district fails at stage store, and nothing is said to be published. [R6.2, B2]"""
    driver = Driver(planned("1", "2", "3"))
    driver.begin_all()
    outcomes: dict[str, Outcome] = {"1": HEADER, "2": GONE, "3": HEADER}
    for name, step in zip(outcomes, tuple(driver.steps), strict=True):
        driver.finish(step, Result({name: outcomes[name]}))
    driver.begin_all()
    driver.finish(Publish(), Result(error=LATER))
    assert driver.units == {"1": FAILED, "2": UNAVAILABLE, "3": FAILED}
    assert {failure.error.stage for failure in driver.failures} == {"store"}
    assert not driver.state.published
    driver.check_end()


def test_summaries_that_fail_are_a_finding() -> None:
    """The districts are stored without the day's summaries, and the snapshot says so. [R6.1, R6.3]"""
    driver = Driver(planned("1", "2", existing=("2",)), summarizes=True)
    driver.begin_all()
    driver.finish(driver.steps[0], Result({"1": HEADER}))
    step = driver.begin()
    assert step == Summarize(("1", "2"))
    assert driver.finish(step, Result(error=BROKEN)) == [Found(NOTE)]
    assert driver.begin() == Publish()
    driver.finish(Publish(), Result())
    assert driver.contributed[0].findings == (NOTE, NOTE)
    driver.check_end()


def test_a_cancelled_day_starts_nothing_new_and_loses_nothing() -> None:
    """What is in flight comes back, what is staged is published, the rest stays pending. [R4.4]"""
    driver = Driver(planned("1", "2", "3"), summarizes=True)
    first, second = driver.begin(), driver.begin()
    assert first is not None
    assert second is not None
    driver.finish(first, Result({"1": HEADER}))
    driver.cancel()
    assert driver.begin() is None
    driver.finish(second, Result({"2": STOPPED}))
    assert driver.begin() == Publish()
    driver.finish(Publish(), Result())
    assert driver.units == {"1": COMPLETED, "2": PENDING, "3": PENDING}
    driver.check_end()


@pytest.mark.parametrize("lists", [True, False])
def test_a_day_cancelled_before_it_began_is_over(lists: bool) -> None:
    """Nothing was staged, so nothing is left to do. [R4.4]"""
    driver = Driver(planned("1", "2"), lists=lists)
    driver.cancel()
    assert driver.begin() is None
    assert set(driver.units.values()) == {PENDING}
    driver.check_end()


@pytest.mark.parametrize("result", [Result(error=STOPPED), Result(names=("1",)), Result(names=())])
def test_a_day_cancelled_while_it_was_listed(result: Result) -> None:
    """The list that still comes is noted, and nothing of it is collected. [R4.4]"""
    driver = Driver(planned(), lists=True)
    step = driver.begin()
    assert step is not None
    driver.cancel()
    driver.finish(step, result)
    assert driver.begin() is None
    assert set(driver.units.values()) == ({UNAVAILABLE} if result.names == () else {PENDING})
    driver.check_end()


def test_a_day_cancelled_while_it_was_published_is_published() -> None:
    """A commit under way is waited for, and noted. [R4.4, B2]"""
    driver = Driver(planned("1", "2"))
    driver.begin_all()
    for step in tuple(driver.steps):
        assert isinstance(step, Collect)
        driver.finish(step, Result(dict.fromkeys(step.districts or (), HEADER)))
    driver.begin()
    driver.cancel()
    driver.finish(Publish(), Result())
    assert set(driver.units.values()) == {COMPLETED}
    driver.check_end()


def test_a_job_that_cannot_go_on_leaves_its_units_pending() -> None:
    """When the disk is full nothing is published and no unit fails for it: they can be collected another time. [R6.2, B2]"""
    driver = Driver(planned("1", "2", "3"))
    driver.begin_all()
    driver.finish(driver.steps[0], Result({"1": HEADER}))
    driver.finish(driver.steps[1], Result(interrupted=True))
    assert driver.begin() is None
    driver.finish(driver.steps[2], Result({"3": BROKEN}))
    assert driver.begin() is None
    assert driver.units == {"1": PENDING, "2": PENDING, "3": FAILED}
    driver.check_end()


# --- every situation --------------------------------------------------------------------------------------------------

ALL_OUTCOMES: tuple[Outcome, ...] = (HEADER, GONE, BROKEN)
NAMES: tuple[tuple[str, ...], ...] = ((), ("1",), ("1", "2"), ("2", "3"))


def results_of(step: Step, driver: Driver) -> Iterator[Result]:
    """Iterate over everything that may come back of a step."""
    yield Result(interrupted=True)
    errors = (GONE, BROKEN, STOPPED) if driver.cancelled else (GONE, BROKEN)
    outcomes = (*ALL_OUTCOMES, STOPPED) if driver.cancelled else ALL_OUTCOMES
    if isinstance(step, ListDistricts):
        yield from (Result(error=error) for error in errors)
        yield from (Result(names=names) for names in NAMES)
    elif isinstance(step, Collect):
        if step.call == "all":
            yield from (Result(error=error) for error in errors)
        for names in NAMES if step.districts is None else (step.districts,):
            for chosen in product(outcomes, repeat=len(names)):
                yield Result(dict(zip(names, chosen, strict=True)), names=names)
    else:
        yield Result()
        yield Result(error=BROKEN)


def explore(start: Driver) -> int:
    """Visit every situation that can be reached from *start*, in any order of steps, results and a cancel; return how many."""
    seen = {start.signature}
    waiting = [start]
    while waiting:
        driver = waiting.pop()
        followers = []
        further = driver.copy()
        step = further.begin()
        if step is not None:
            followers.append(further)
        for step in dict.fromkeys(driver.out):
            for result in results_of(step, driver):
                further = driver.copy()
                further.finish(step, result)
                followers.append(further)
        if not followers:
            driver.check_end()  # a day from which nothing follows is over: it never waits for what will not come
        if not driver.cancelled:
            further = driver.copy()
            further.cancel()
            followers.append(further)
        for further in followers:
            signature = further.signature
            if signature not in seen:
                seen.add(signature)
                waiting.append(further)
    return len(seen)


DAYS: Mapping[str, PlannedDay] = {
    "open": planned(),
    "open, some stored": planned(existing=("1",)),
    "two": planned("1", "2"),
    "two, one stored": planned("1", "2", existing=("2",)),
}


@pytest.mark.parametrize("day", DAYS.values(), ids=DAYS)
@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("options", [{}, {"lists": True}, {"batch": True}, {"lists": True, "summarizes": True}], ids=repr)
def test_p6_every_situation_of_a_day_leads_to_its_end(day: PlannedDay, method: Method, options: dict[str, bool]) -> None:
    """In every order of results, failures and a cancel: each change is legal, counts add up, and each unit ends once. [P6, R4.4, R6.1]"""
    if day.districts is None and not options.get("lists") and method is not Method.SYSTEM_WIDE:
        return  # a plan has no such day: nothing would say which districts it has
    start = Driver(planned(existing=day.existing, districts=day.districts, strategy=method), **options)
    assert explore(start) > 10


# --- at random --------------------------------------------------------------------------------------------------------


class DayMachine(RuleBasedStateMachine):
    """One day of up to five districts, driven in any order."""

    @initialize(
        districts=st.none() | district_sets,
        existing=district_sets,
        method=st.sampled_from(Method),
        lists=st.booleans(),
        batch=st.booleans(),
        summarizes=st.booleans(),
    )
    def open(
        self,
        districts: tuple[str, ...] | None,
        existing: tuple[str, ...],
        method: Method,
        lists: bool,
        batch: bool,
        summarizes: bool,
    ) -> None:
        """Open a day as a plan may have it."""
        if districts is None:
            lists = lists or method is not Method.SYSTEM_WIDE
        else:
            existing = tuple(name for name in existing if name in districts)
        day = planned(districts=districts, existing=existing, strategy=method)
        self.driver = Driver(day, lists=lists, batch=batch, summarizes=summarizes)

    @rule()
    def begin(self) -> None:
        """Take a step, if there is one."""
        self.driver.begin()

    @precondition(lambda self: bool(self.driver.out))
    @rule(data=st.data())
    def come_back(self, data: st.DataObject) -> None:
        """Bring back any result of any step in flight."""
        step = data.draw(st.sampled_from(self.driver.out))
        self.driver.finish(step, draw_result(data, step, self.driver))

    @precondition(lambda self: not self.driver.cancelled)
    @rule()
    def cancel(self) -> None:
        """Cancel the job."""
        self.driver.cancel()

    @precondition(lambda self: bool(self.driver.out))
    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        """Let a step come back without a result."""
        self.driver.finish(data.draw(st.sampled_from(self.driver.out)), Result(interrupted=True))

    def teardown(self) -> None:
        """Bring the day to its end, whatever it went through."""
        if not hasattr(self, "driver"):
            return
        driver = self.driver
        driver.begin_all()
        while driver.out:
            step = driver.out[0]
            names = ("1",) if isinstance(step, ListDistricts | Collect) and getattr(step, "districts", None) is None else ()
            wanted = (step.districts or names) if isinstance(step, Collect) else ()
            driver.finish(step, Result(dict.fromkeys(wanted, HEADER), names=names))
            driver.begin_all()
        driver.check_end()


def draw_result(data: st.DataObject, step: Step, driver: Driver) -> Result:
    """Draw what a step gives."""
    errors: list[SourceError] = [GONE, BROKEN, LATER, *([STOPPED] if driver.cancelled else [])]
    if isinstance(step, Summarize | Publish):
        return Result(error=data.draw(st.sampled_from([None, BROKEN])))
    names = step.districts if isinstance(step, Collect) else None
    if names is None:
        names = data.draw(district_sets)
    if (isinstance(step, ListDistricts) or step.call == "all") and data.draw(st.booleans()):
        return Result(error=data.draw(st.sampled_from(errors)))
    possible: list[Outcome] = [HEADER, *errors]
    outcomes = {name: data.draw(st.sampled_from(possible)) for name in names}
    return Result(outcomes, names=names)


def test_p6_a_day_driven_at_random_keeps_its_account() -> None:
    """For any day and any order of steps, results, failures, a cancel and a full disk, the account of its units adds up. [P6, R4.3]"""
    run_state_machine_as_test(DayMachine, settings=settings(bounded, max_examples=150, stateful_step_count=30))


outcomes_of_all = st.fixed_dictionaries({name: st.sampled_from([HEADER, GONE, BROKEN, LATER]) for name in "1234"})


@bounded
@given(
    outcomes=outcomes_of_all,
    existing=st.sets(st.sampled_from("1234")),
    method=st.sampled_from(Method),
    batch=st.booleans(),
    data=st.data(),
)
def test_p6_all_that_can_be_stored_is_and_all_that_failed_is_listed(
    outcomes: dict[str, Outcome], existing: set[str], method: Method, batch: bool, data: st.DataObject
) -> None:
    """For any pattern of failures and any order of their coming: stored, unavailable and failed are exactly what the calls gave. [P6]"""
    day = planned(*outcomes, existing=tuple(sorted(existing)), strategy=method)
    driver = Driver(day, batch=batch)
    driver.begin_all()
    while driver.out:
        step = data.draw(st.sampled_from(driver.out))
        wanted = (step.districts or ()) if isinstance(step, Collect) else ()
        driver.finish(step, Result({name: outcomes[name] for name in wanted}))
        driver.begin_all()
    driver.check_end()
    for name, outcome in outcomes.items():
        expected = SKIPPED if name in existing else COMPLETED if outcome is HEADER else UNAVAILABLE if outcome is GONE else FAILED
        assert driver.units[name] is expected
    failed = {
        name for name, outcome in outcomes.items() if isinstance(outcome, PermanentSourceError | TransientSourceError)
    } - existing
    assert {failure.error.district_id for failure in driver.failures} == failed
    assert len(driver.failures) == len(failed) == driver.state.counts[FAILED]
    stored = {name for name, outcome in outcomes.items() if isinstance(outcome, RecordHeader)} - existing
    assert bool(driver.contributed) == bool(stored)
    if stored:
        assert driver.state.published == {DAY: bool(failed)}
        assert {error.district_id for error in driver.contributed[0].errors} == failed
        gone = {name for name, outcome in outcomes.items() if isinstance(outcome, DataUnavailable)} - existing
        assert set(driver.contributed[0].unavailable) == gone


def test_a_failed_unit_is_a_change_of_its_own() -> None:
    """Failures come one by one, so that a store can keep each with its cause. [R6.2]"""
    driver = Driver(planned("1", "2"), lists=True)
    driver.begin_all()
    changes = driver.finish(ListDistricts(), Result(error=BROKEN))
    assert [type(change) for change in changes] == [UnitFailed, UnitFailed]
