"""What has become of one day's districts, before and after an interruption, and what that changes in the job. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from attrs import evolve

from backfill.engine.daysteps import Earlier
from backfill.engine.failures import district_error
from backfill.errors import DataUnavailable, SourceError
from backfill.model import (
    Change,
    Contribution,
    DayListed,
    DayPublished,
    DistrictError,
    Finding,
    Found,
    PlannedDay,
    RecordHeader,
    SnapshotInfo,
    SnapshotStatus,
    UnitFailed,
    UnitsSettled,
    UnitState,
)


class DayAccount:
    """The account of one day.

    Args:
        planned: What is to be done.
        earlier: What has become of it before an interruption.

    Attributes:
        staged: The records that are collected and not live yet.
        expected: The day's districts, as far as they are known.
    """

    def __init__(self, planned: PlannedDay, earlier: Earlier) -> None:
        self._planned = planned
        self._earlier = earlier
        self._units: dict[UnitState, tuple[str | None, ...]] = {
            state: tuple(name for name, found in earlier.row.items() if found is state) for state in UnitState
        }
        self.staged: dict[str, RecordHeader] = {}
        self.expected: tuple[str, ...] = earlier.row.districts or ()
        self._is_listed = planned.listed or (planned.districts is None and earlier.row.districts is not None)
        self._unavailable = _names(self._units[UnitState.UNAVAILABLE])
        self._errors = list(earlier.errors)
        self._findings = list(earlier.findings)
        self._has_news = False

    @property
    def day(self) -> date:
        """The day."""
        return self._planned.day

    @property
    def is_known(self) -> bool:
        """Whether it was known from the beginning which districts are to be collected."""
        return self._earlier.row.districts is not None

    @property
    def pending(self) -> tuple[str | None, ...]:
        """The units that were still to be done at the beginning; ``None`` stands for the day as a whole."""
        return self._units[UnitState.PENDING]

    @property
    def to_collect(self) -> tuple[str, ...]:
        """Those of them that are districts, and not published already."""
        known = frozenset(self._earlier.stored)
        return tuple(name for name in _names(self.pending) if name not in known)

    @property
    def was_listed(self) -> bool:
        """Whether the day was listed before the interruption: its list is known, or something has become of a named district."""
        tried = (UnitState.COMPLETED, UnitState.UNAVAILABLE, UnitState.FAILED)
        opened = self._planned.districts is None and self.is_known
        return opened or any(self._units[state] for state in tried)

    @property
    def completed(self) -> tuple[str, ...]:
        """The districts that the job has stored before the interruption."""
        return (*_names(self._units[UnitState.COMPLETED]), *self._earlier.stored)

    @property
    def has_news(self) -> bool:
        """Whether the day's snapshot, which is there, must be told what became of further districts."""
        return self._has_news

    @property
    def was_published_unnoted(self) -> bool:
        """Whether something of the day is published, and was not noted before the interruption."""
        return bool(self._earlier.stored)

    # --- what happens -------------------------------------------------------------------------------------------------

    def recognise(self) -> list[Change]:
        """Note what is published, but was not noted."""
        published = self._earlier.published
        return [] if published is None else [self._settled(self._earlier.stored, UnitState.COMPLETED), published]

    def close(self) -> list[Change]:
        """Note that nothing of the day can be had."""
        return [self._settled(self.pending, UnitState.UNAVAILABLE)] if self.pending else []

    def listed(self, names: tuple[str, ...]) -> list[Change]:
        """Note which districts the day has; where it has none, nothing of it was published."""
        self.expected, self._is_listed = names, True
        return [DayListed(self.day, names)] if names else [self._settled((None,), UnitState.UNAVAILABLE)]

    def skip(self, districts: Iterable[str]) -> list[Change]:
        """Note those of *districts* that are stored already, and full enough."""
        existing = frozenset(self._planned.existing)
        skipped = tuple(district for district in districts if district in existing)
        return [self._settled(skipped, UnitState.SKIPPED)] if skipped else []

    def gone(self, districts: tuple[str, ...]) -> list[Change]:
        """Note that nothing was published of *districts*."""
        if not districts:
            return []
        self._unavailable.extend(districts)
        self._note_news()
        return [self._settled(districts, UnitState.UNAVAILABLE)]

    def failed(self, district: str, error: SourceError, at: datetime, *, stage: str) -> Change:
        """Note that a district could not be collected."""
        failure = district_error(error, day=self.day, district=district, stage=stage, at=at)
        self._errors.append(failure)
        self._note_news()
        return UnitFailed(failure)

    def all_failed(self, error: SourceError, at: datetime, *, stage: str) -> list[Change]:
        """Note what became of the day, or of all that was still to be collected of it, as a whole."""
        if not self.expected and not self._is_listed:
            if isinstance(error, DataUnavailable):
                return [self._settled((None,), UnitState.UNAVAILABLE)]
            return [UnitFailed(district_error(error, day=self.day, district=None, stage=stage, at=at))]
        failed = _names(self._units[UnitState.FAILED])
        settled = frozenset((*self._planned.existing, *self._unavailable, *self.completed, *failed))
        rest = tuple(district for district in self.expected if district not in settled)
        if isinstance(error, DataUnavailable):
            return self.gone(rest)
        return [self.failed(district, error, at, stage=stage) for district in rest]

    def find(self, *findings: Finding) -> list[Change]:
        """Note *findings*, but for those that were noted before the interruption."""
        known = frozenset(self._earlier.findings)
        new = [finding for finding in findings if finding not in known]
        self._findings += new
        return [Found(finding) for finding in new]

    def published(self, info: SnapshotInfo | None, at: datetime) -> list[Change]:
        """Note that the staged records are live."""
        changes: list[Change] = [self._settled(tuple(self.staged), UnitState.COMPLETED)] if self.staged else []
        if info is not None:
            changes.append(DayPublished(self.day, info.status is SnapshotStatus.PARTIAL, at))
        return changes

    def publish_failed(self, error: SourceError, at: datetime) -> list[Change]:
        """Note that the staged records could not be stored."""
        if not self.staged:
            text = f"the snapshot of the day could not be told what became of further districts, or their summaries: {error}"
            return self.find(Finding("snapshot_not_updated", text, self.day))
        return [UnitFailed(district_error(error, day=self.day, district=name, stage="store", at=at)) for name in self.staged]

    def contribution(self, template: Contribution) -> Contribution:
        """Return what is to be said of the day when it is published; *template* has what is the same for the whole job."""
        errors: tuple[DistrictError, ...] = tuple(self._errors)
        return evolve(
            template,
            day=self.day,
            expected=self.expected,
            unavailable=tuple(self._unavailable),
            errors=errors,
            findings=tuple(self._findings),
            listed=self._is_listed,
        )

    def _note_news(self) -> None:
        self._has_news = self._has_news or bool(self.completed)

    def _settled(self, districts: tuple[str | None, ...], state: UnitState) -> UnitsSettled:
        states: dict[str | None, UnitState] = dict.fromkeys(districts, state)
        return UnitsSettled(self.day, states)


def _names(units: tuple[str | None, ...]) -> list[str]:
    return [name for name in units if name is not None]
