"""What a service tells: reports of jobs after any changes that can happen to them, plans, and coverages, with any texts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from attrs import evolve
from hypothesis import strategies as st

from backfill.engine.progress import build_report
from backfill.model import (
    BackfillPlan,
    BackfillReport,
    BackfillRequest,
    BackfillScope,
    BackfillStatus,
    CellState,
    Change,
    CollectionStrategy,
    Coverage,
    DayListed,
    DayPublished,
    DistrictError,
    Doubt,
    FetchStatus,
    Finding,
    Found,
    HostStatus,
    JobState,
    Method,
    PlannedDay,
    ScopeKind,
    Stage,
    StatusChanged,
    UnitFailed,
    UnitsSettled,
    UnitState,
)
from backfill.model.plan import Gap
from backfill.testing.samples import job_spec

MOMENT = datetime(2026, 3, 2, 12, tzinfo=UTC)
FIRST = date(2026, 1, 1)

texts = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1, max_size=12) | st.sampled_from(
    ["<b>bold</b>", "</script><script>x</script>", "&amp;", "\u202etxt", "__proto__", "constructor", "toString", "{}", "*"]
)
"""Texts without blanks, which a page shows as they are; some of them markup, some of them names that JavaScript's objects have."""

names = st.sampled_from(["61", "F", "117", "01", "A.b_c-d", "constructor", "__proto__"])
counts = st.integers(0, 10**9)
seconds = st.floats(0, 10**7)
hosts = st.builds(
    HostStatus,
    texts,
    st.none() | st.floats(0.001, 1000),
    st.integers(1, 64),
    counts,
    counts,
    st.sampled_from(["closed", "open", "half-open", "new"]),
    seconds,
)
doors = st.none() | st.builds(
    FetchStatus,
    st.lists(hosts, max_size=3, unique_by=lambda host: host.host).map(tuple),
    counts,
    counts,
    counts,
    counts,
    counts,
    st.none() | seconds,
)
doubts = st.lists(st.builds(Doubt, texts, texts, st.lists(texts, max_size=2).map(tuple)), max_size=2).map(tuple)
lists = st.none() | st.lists(names, max_size=3, unique=True).map(tuple)


@st.composite
def reports(draw: st.DrawFn, number: int = 0) -> BackfillReport:
    """Return the report of a job in any state that it can be in."""
    rows = tuple((FIRST + timedelta(days=at), listed) for at, listed in enumerate(draw(st.lists(lists, min_size=1, max_size=4))))
    spec = job_spec(f"job-{number}", rows)
    state = JobState(spec)
    status = draw(st.sampled_from(BackfillStatus))
    if status is not BackfillStatus.QUEUED:
        state.apply(StatusChanged(BackfillStatus.PROCESSING, MOMENT))
        for change in _work(draw, state):
            state.apply(change)
        if status is not BackfillStatus.PROCESSING:
            state.apply(StatusChanged(status, MOMENT + timedelta(seconds=draw(st.integers(0, 10**6))), draw(st.none() | texts)))
    current = draw(st.lists(st.sampled_from([day for day, _ in rows]), max_size=2, unique=True))
    made = build_report(state, current=tuple(current), elapsed=draw(st.none() | seconds), performance=draw(doors))
    districts = draw(st.none() | st.lists(names, min_size=1, max_size=6, unique=True).map(tuple))
    return evolve(
        made,
        scope=BackfillScope(draw(st.sampled_from(ScopeKind)), districts, draw(doubts), draw(doubts)),
        collection_strategy=CollectionStrategy(draw(st.sampled_from(Method)), "full", draw(texts)),
    )


def _work(draw: st.DrawFn, state: JobState) -> list[Change]:
    """Return changes of some of the units, and of their days."""
    changes: list[Change] = []
    for day, row in list(state.rows.items()):
        units = row.units
        if row.districts is None and draw(st.booleans()):
            listed = draw(st.lists(names, min_size=1, max_size=3, unique=True).map(tuple))
            changes.append(DayListed(day, listed))
            units = listed
        for unit in units:
            outcome = draw(st.sampled_from(UnitState))
            if outcome is UnitState.FAILED:
                stage, kind = draw(st.sampled_from(Stage)), draw(texts)
                changes.append(
                    UnitFailed(
                        DistrictError(unit, day, stage, kind, draw(texts), draw(st.integers(1, 99)), draw(st.booleans()), MOMENT)
                    )
                )
            elif outcome is not UnitState.PENDING:
                changes.append(UnitsSettled(day, {unit: outcome}))
        if draw(st.booleans()):
            changes.append(DayPublished(day, draw(st.booleans()), MOMENT))
        if draw(st.booleans()):
            changes.append(Found(Finding(draw(texts), draw(texts), draw(st.none() | st.just(day)), draw(st.none() | names))))
    return changes


batches = st.lists(st.integers(0, 10**6), min_size=12, max_size=12).flatmap(
    lambda numbers: st.tuples(*(reports(number) for number in range(len(numbers))))
)
"""Reports by the dozen, each of a job of its own: a browser is asked for many at a time."""


@st.composite
def planned_days(draw: st.DrawFn, day: date) -> PlannedDay:
    """Return a day of a plan: known, or to be listed; a gap, or to be collected; new, or stored in part or as a whole."""
    districts = draw(lists)
    existing = tuple(name for name in districts or () if draw(st.booleans()))
    return PlannedDay(
        day, draw(st.none() | st.just(MOMENT.date())), draw(st.none() | st.sampled_from(Gap)), None, draw(st.sampled_from(Method)), districts, existing
    )  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> BackfillPlan:
    """Return any plan of some days."""
    days = tuple(draw(planned_days(FIRST + timedelta(days=2 * number))) for number in range(draw(st.integers(1, 6))))
    scope = BackfillScope(draw(st.sampled_from(ScopeKind)), draw(st.none() | st.just(("61", "F"))), draw(doubts), draw(doubts))
    return BackfillPlan(
        BackfillRequest(days[0].day, days[-1].day),
        scope,
        CollectionStrategy(draw(st.sampled_from(Method)), "full", draw(texts)),
        draw(texts),
        days,
        draw(st.dictionaries(texts, st.none() | counts, max_size=3)),
        draw(st.none() | seconds),
        draw(st.booleans()),
        "0" * 64,
    )


@st.composite
def coverages(draw: st.DrawFn) -> Coverage:
    """Return any coverage of some days and districts, of which there may be none."""
    days = tuple(FIRST + timedelta(days=number) for number in range(draw(st.integers(1, 40))))
    districts = tuple(draw(st.lists(names, unique=True, max_size=5)))
    known = [state for state in CellState if state is not CellState.NEVER_TRIED]
    cells = {day: draw(st.dictionaries(st.sampled_from(districts), st.sampled_from(known))) if districts else {} for day in days}
    gaps = dict.fromkeys(draw(st.lists(st.sampled_from(days), unique=True, max_size=3)), "closing")
    return Coverage(days[0], days[-1], "daily", days, districts, cells, gaps)
