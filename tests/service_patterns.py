"""What becomes of any pattern of outcomes: scripts for the scripted sources, drawn by hypothesis, and what must follow from them.

The oracle here is written from the contract, day by day and district by district, and shares nothing with the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from attrs import field, frozen
from hypothesis import strategies as st

from backfill import BackfillRequest, Collected, DataUnavailable, PermanentSourceError, TransientSourceError
from backfill.model import Contribution, DistrictRecord, Method
from backfill.protocols import DistrictCatalog, SnapshotStore
from backfill.testing.source import (
    ScriptedBatch,
    ScriptedCatalog,
    ScriptedDashboard,
    ScriptedSource,
    ScriptedSystemWide,
)

NAMES = ("61", "F", "117", "x-9", "_a.b")
"""Districts that occur."""

SOURCES = (ScriptedSource, ScriptedCatalog, ScriptedBatch, ScriptedSystemWide, ScriptedDashboard)

ANSWERS: Mapping[str, object] = {
    "ok": {"clubs": 3},
    "collected": Collected([1, 2.5, None, "ü"], as_of=date(2026, 1, 9)),
    "unavailable": DataUnavailable("nothing was published"),
    "flaky": [TransientSourceError("busy", kind="busy"), ConnectionResetError("reset"), {"clubs": 4}],
    "transient": TransientSourceError("busy", kind="busy"),
    "late": [TransientSourceError("busy"), PermanentSourceError("gone", kind="gone", stage="validate")],
    "permanent": PermanentSourceError("gone", kind="gone", stage="transform"),
    "timeout": TimeoutError("slow"),
    "bug": ZeroDivisionError("division by zero"),
    "nothing": None,
    "nan": {"clubs": float("nan")},
}
"""What a call for one district may give."""

FAILURES: Mapping[str, tuple[str, str, int, bool]] = {
    "transient": ("fetch", "busy", 4, True),
    "late": ("validate", "gone", 2, False),
    "permanent": ("transform", "gone", 1, False),
    "timeout": ("fetch", "timeout", 4, True),
    "bug": ("transform", "source_bug", 1, False),
    "nothing": ("validate", "invalid_payload", 1, False),
    "nan": ("validate", "invalid_payload", 1, False),
}
"""Stage, kind, attempts and retryability of the failures among them."""

IN_ONE_CALL = ("ok", "collected", "unavailable", "transient", "permanent", "bug", "nothing", "nan")
"""Those that mean the same in a call that serves several districts, where a value is not asked for again."""

LISTS: Mapping[str, tuple[object, tuple[str, str, int, bool] | None]] = {
    "all": (NAMES, None),
    "some": ([["F", " 61 ", "F"]], None),
    "empty": ((), None),
    "flaky": ([TransientSourceError("busy"), NAMES], None),
    "unavailable": (DataUnavailable("no such day"), None),
    "permanent": (PermanentSourceError("gone", kind="gone"), ("list", "gone", 1, False)),
    "text": ("61", ("list", "invalid_list", 1, False)),
}
"""What a call for the districts of a day may give, and the failure that it is."""

LISTED: Mapping[str, tuple[str, ...] | None] = {"all": NAMES, "some": ("F", "61"), "empty": (), "flaky": NAMES, "unavailable": ()}
"""The districts that follow from it; none = nothing was published that day."""

RANGES: Mapping[str, tuple[date, date, tuple[date, ...]]] = {
    "daily": (date(2026, 1, 5), date(2026, 1, 8), tuple(date(2026, 1, number) for number in (5, 6, 7, 8))),
    "weekly": (date(2025, 12, 20), date(2026, 1, 9), (date(2025, 12, 20), date(2025, 12, 27), date(2026, 1, 3))),
    "month-end": (date(2025, 10, 31), date(2026, 1, 14), (date(2025, 10, 31), date(2025, 11, 30), date(2025, 12, 31))),
}


@frozen
class Unit:
    """What becomes of one unit: its state, and for a failure its facts."""

    state: str
    failure: tuple[str, str, int, bool] | None = None


@frozen
class Case:
    """A source with its script, a request, and what is stored beforehand."""

    kind: type[ScriptedSource]
    outcomes: Mapping[tuple[date, str], str] = field(repr=lambda outcomes: repr(dict(outcomes)))
    lists: Mapping[date, str]
    request: BackfillRequest
    days: tuple[date, ...]
    scope: tuple[str, ...] | None
    existing: frozenset[tuple[date, str]]

    def source(self) -> ScriptedSource:
        """Return the source, fresh."""
        script = {unit: ANSWERS[name] for unit, name in self.outcomes.items()}
        script.update({(day, "*"): LISTS[name][0] for day, name in self.lists.items()})
        return self.kind(script, districts=NAMES)

    def fill(self, store: SnapshotStore) -> None:
        """Store what is there beforehand."""
        for day, district in sorted(self.existing):
            keep(store, day, district)

    @property
    def wanted(self) -> tuple[str, ...] | None:
        """The districts that the request may touch; ``None`` = those that each day has."""
        if self.request.target_districts is None:
            return self.scope
        return tuple(name for name in self.request.target_districts if self.scope is None or name in self.scope)

    def skipped(self, day: date) -> tuple[str, ...]:
        """Return the districts that are stored already, and so good that they need not be collected."""
        return tuple(name for name in NAMES if self.request.skip_existing and (day, name) in self.existing)

    def expect(self, day: date, method: Method) -> dict[str | None, Unit]:
        """Return what must become of each unit of *day*."""
        skipped = {name: Unit("skipped") for name in self.skipped(day)}
        if self.wanted is not None and set(self.wanted) <= set(skipped):
            return {name: skipped[name] for name in self.wanted}
        names: tuple[str, ...] | None = self.wanted
        units: dict[str | None, Unit] = {}
        if issubclass(self.kind, DistrictCatalog) and (names is None or method is not Method.SYSTEM_WIDE):
            listed = self._listed(day)
            if not listed and names is None:
                return {None: self._unlisted(day)}
            if listed is None or self.lists[day] == "unavailable":
                return {name: skipped.get(name) or self._unlisted(day) for name in names or ()}
            units = {name: skipped.get(name) or Unit("unavailable") for name in names or () if name not in listed}
            names = listed if names is None else tuple(name for name in names if name in listed)
        if method is Method.SYSTEM_WIDE:
            return self._expect_from_all(day, names, skipped)
        todo = tuple(name for name in names or () if name not in skipped)
        units |= {name: skipped[name] for name in names or () if name in skipped}
        if method is Method.TARGETED and hasattr(self.kind, "collect_many"):
            missing = Unit("failed", ("fetch", "returned_nothing", 1, False))
            return units | self._expect_from_one_call(day, todo, todo, missing=missing)
        return units | {name: self._expect_from_own_call(day, name) for name in todo}

    def _listed(self, day: date) -> tuple[str, ...] | None:
        if self.lists[day] == "flaky" and not self.request.retry_failures:
            return None
        return LISTED.get(self.lists[day])

    def _unlisted(self, day: date) -> Unit:
        failure = LISTS[self.lists[day]][1]
        if self.lists[day] == "flaky":
            failure = ("list", "transient", 1, True)
        return Unit("unavailable") if failure is None else Unit("failed", failure)

    def _expect_from_own_call(self, day: date, district: str) -> Unit:
        outcome = self.outcomes[day, district]
        if outcome == "unavailable":
            return Unit("unavailable")
        failure = FAILURES.get(outcome)
        if failure is None:
            return (
                Unit("completed")
                if self.request.retry_failures or outcome != "flaky"
                else Unit("failed", ("fetch", "busy", 1, True))
            )
        if not self.request.retry_failures:
            failure = {"late": ("fetch", "transient", 1, True)}.get(outcome, (*failure[:2], 1, failure[3]))
        return Unit("failed", failure)

    def _expect_from_one_call(
        self, day: date, asked: tuple[str, ...], names: tuple[str, ...], *, missing: Unit
    ) -> dict[str | None, Unit]:
        """Return what becomes of *names*, by a call that looks up *asked*: a bug in one of them is a bug of the call."""
        if any(self.outcomes[day, name] == "bug" for name in asked):
            return dict.fromkeys(names, Unit("failed", FAILURES["bug"]))
        units: dict[str | None, Unit] = {}
        for name in names:
            outcome = self.outcomes[day, name]
            failure = FAILURES.get(outcome)
            units[name] = missing if outcome == "unavailable" else Unit("completed")
            if failure is not None:
                units[name] = Unit("failed", (*failure[:2], 1, failure[3]))
        return units

    def _expect_from_all(self, day: date, names: tuple[str, ...] | None, skipped: Mapping[str, Unit]) -> dict[str | None, Unit]:
        if names is None:
            names = tuple(name for name in NAMES if self.outcomes[day, name] != "unavailable")
            if any(self.outcomes[day, name] == "bug" for name in NAMES):
                return {None: Unit("failed", FAILURES["bug"])}
            if not names:
                return {None: Unit("unavailable")}
        skipping: dict[str | None, Unit] = {name: skipped[name] for name in names if name in skipped}
        if len(skipping) == len(names):
            return skipping
        return self._expect_from_one_call(day, NAMES, names, missing=Unit("unavailable")) | skipping


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a case that can be planned."""
    kind = draw(st.sampled_from(SOURCES))
    frequency = draw(st.sampled_from(sorted(RANGES)))
    start, end, days = RANGES[frequency]
    scope = draw(st.none() | st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple))
    targets = draw(st.none() | st.lists(st.sampled_from(scope or NAMES), min_size=1, unique=True))
    if targets is None and scope is None and kind in {ScriptedSource, ScriptedBatch}:
        targets = list(NAMES)  # nothing else says which districts there are
    options = {"auto": "auto", "per-district": "auto"}
    if kind in {ScriptedSystemWide, ScriptedDashboard}:
        options["system-wide"] = "summary"
        if targets is None and scope is None and kind is ScriptedSystemWide:
            del options["per-district"]
    collection_type = draw(st.sampled_from(sorted(options)))
    request = BackfillRequest(
        start,
        end,
        targets,
        collection_type=collection_type,
        detail=options[collection_type],
        concurrency=draw(st.integers(1, 6) | st.just(64)),
        retry_failures=draw(st.booleans()),
        skip_existing=draw(st.booleans()),
        frequency=frequency,
        order=draw(st.sampled_from(["newest-first", "oldest-first"])),
    )
    alone = kind in {ScriptedSource, ScriptedCatalog} or collection_type == "per-district"
    outcome = st.sampled_from(sorted(ANSWERS) if alone else IN_ONE_CALL)
    return Case(
        kind,
        {(day, name): draw(outcome) for day in days for name in NAMES},
        {day: draw(st.sampled_from(sorted(LISTS))) for day in days},
        request,
        days,
        scope,
        draw(st.frozensets(st.tuples(st.sampled_from(days), st.sampled_from(NAMES)), max_size=6)),
    )


def keep(store: SnapshotStore, day: date, district: str, *, data: object = "kept") -> None:
    """Store one district's record, as an earlier job would have."""
    at = datetime(2026, 1, 14, tzinfo=UTC)
    with store.begin(day, job_id="earlier") as draft:
        draft.put(DistrictRecord(district, day, day, "full", data, at))  # type: ignore[arg-type] # JSON of any kind
        draft.commit(Contribution(day, "earlier", "per-district", "targeted", "earlier", at, (district,)))
