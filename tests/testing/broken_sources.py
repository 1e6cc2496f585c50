"""Sources and scopes that are each broken in one way, and in no other."""

from __future__ import annotations

import itertools
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

from backfill.errors import Cancelled, InvalidRequest, PermanentSourceError, SourceError, TransientSourceError
from backfill.model import BackfillScope, Collected, DocumentRequest, Doubt, Edition, Frequency, ScopeKind
from backfill.protocols import Fetch, ScopeResolver
from backfill.testing.contracts import ScopeContract
from testing.tide_source import HARBOURS, TideSource, address


class KeepsState(TideSource):
    """Keeps the highest tide of all calls so far."""

    def __init__(self) -> None:
        self._highest = 0.0

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        collected = super().collect_district(day, district, fetch)
        assert isinstance(collected, Collected)
        assert isinstance(collected.data, dict)
        self._highest = max(self._highest, collected.data["highest"])
        return {"highest": self._highest}


class RemembersDocuments(TideSource):
    """Keeps documents for the next call, which then has no provenance."""

    def __init__(self) -> None:
        self._kept: dict[str, object] = {}

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        if district not in self._kept:
            self._kept[district] = super().collect_district(day, district, fetch)
        return self._kept[district]


class RemembersInItsClass(TideSource):
    """Keeps figures where every instance finds them, by the day alone; each subclass has its own."""

    _kept: ClassVar[dict[date, object]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls._kept = {}

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        if day not in self._kept:
            self._kept[day] = super().collect_district(day, district, fetch)
        return self._kept[day]


class AsksTheFirstFetch(TideSource):
    """Keeps the first door that it was handed."""

    def __init__(self) -> None:
        self._door: Fetch | None = None

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        self._door = self._door or fetch
        return super().collect_district(day, district, self._door)


class OpensItsOwnConnection(TideSource):
    """Looks whether the publisher is there before it asks."""

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        with suppress(OSError):  # nobody listens there; that it tries is what is wrong with it
            socket.create_connection(("127.0.0.1", 9), timeout=1).close()
        return super().collect_district(day, district, fetch)


class ReturnsNaN(TideSource):
    """Has NaN where there is no figure."""

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        super().collect_district(day, district, fetch)
        return {"highest": float("nan")}


class TellsTheTime(TideSource):
    """Writes down when it was asked."""

    _ticks = itertools.count()

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        super().collect_district(day, district, fetch)
        return {"collected": time.monotonic_ns() + next(self._ticks)}


class MakesUpFigures(TideSource):
    """Returns zeros when the publisher is down."""

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        try:
            return super().collect_district(day, district, fetch)
        except TransientSourceError:
            return {"highest": 0}


class GivesUp(TideSource):
    """Makes every failure a permanent one."""

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        try:
            return super().collect_district(day, district, fetch)
        except SourceError as error:
            raise PermanentSourceError("it did not work") from error


class NeverGivesUp(TideSource):
    """Makes every failure one that another attempt may mend."""

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        try:
            return super().collect_district(day, district, fetch)
        except PermanentSourceError as error:
            raise TransientSourceError("it did not work") from error


class IgnoresCancelling(TideSource):
    """Returns what it has when the job was cancelled."""

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        try:
            return super().collect_district(day, district, fetch)
        except Cancelled:
            return {"highest": None}


class AsksForMoreThanItPlanned(TideSource):
    """Asks for a document that it did not name beforehand."""

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        fetch(address("harbours", day))
        return super().collect_district(day, district, fetch)


class ListsFromElsewhere(TideSource):
    """Lists the day from a document that it did not name beforehand."""

    def requests_for(self, edition: Edition, district: str | None, /) -> Sequence[DocumentRequest]:
        return super().requests_for(edition, district)[:1] if district is None else super().requests_for(edition, district)

    def list_districts(self, day: date, fetch: Fetch, /) -> Sequence[str]:
        return [line.partition(",")[0] for line in fetch(address("all", day)).text.splitlines()]


class ListsTwice(TideSource):
    """Lists a harbour under two spellings."""

    def list_districts(self, day: date, fetch: Fetch, /) -> Sequence[str]:
        return [*super().list_districts(day, fetch), "Dover"]


class ReturnsAList(TideSource):
    """Answers for all harbours without saying which is which."""

    def collect_all(self, day: date, fetch: Fetch, /) -> Mapping[str, object]:
        return list(super().collect_all(day, fetch).values())  # type: ignore[return-value] # that is how it is broken


class AnswersForOthers(TideSource):
    """Answers for all harbours, whichever it is asked for."""

    def collect_many(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
        return super().collect_many(day, HARBOURS, fetch)


class ComparesDistricts(TideSource):
    """Says of each harbour how it compares with the others asked for."""

    def collect_many(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, object]:
        return {name: {"rank": rank} for rank, name in enumerate(sorted(super().collect_many(day, districts, fetch)))}


class SkipsDays(TideSource):
    """Has other editions at the end of a month than day by day."""

    def editions(self, start: date, end: date, frequency: Frequency, /) -> Iterable[Edition]:
        if frequency is Frequency.MONTH_END:
            return [Edition(edition.day, edition.day + timedelta(days=7)) for edition in super().editions(start, end, frequency)]
        return super().editions(start, end, frequency)


class KnowsTheFuture(TideSource):
    """Has tomorrow's tides."""

    def latest_day(self, today: date, /) -> date:
        return today + timedelta(days=1)


class NamesAnything(TideSource):
    """Takes any text for a harbour."""

    def normalize_district(self, text: str, /) -> str:
        return text.strip().lower() or "none"


class SummarizesBytes(TideSource):
    """Has a summary that JSON cannot hold."""

    def summarize_day(self, day: date, districts: Sequence[str], fetch: Fetch, /) -> Mapping[str, Collected]:
        return {"totals": Collected(fetch(address("harbours", day)).content)}


class AllowsNoCall(TideSource):
    """Stands no call at all."""

    max_concurrency = 0


class CountsItsVersions(TideSource):
    """Has other rules in each instance."""

    _numbers = itertools.count()

    def __init__(self) -> None:
        self.calculation_version = str(next(self._numbers))


# --- scopes -------------------------------------------------------------------------------------------------------------


class NamedDistricts:
    """A scope of three districts that is right; the broken ones are made of it."""

    districts: ClassVar[tuple[str, ...]] = ("61", "F", "117")

    def __init__(self, place: Path) -> None:
        self.place = place

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        """Return those of *requested* that are among the three."""
        if requested is None:
            return BackfillScope(ScopeKind.SYSTEM_WIDE, self.districts)
        if isinstance(requested, str) or not all(isinstance(name, str) for name in requested):
            raise InvalidRequest("target_districts", requested, "not a list of texts", "write ['61']")
        kept = tuple(dict.fromkeys(name for name in requested if name in self.districts))
        if not kept:
            raise InvalidRequest("target_districts", requested, "none of them is in scope", "name 61, F or 117")
        excluded = tuple(Doubt(name, "is not configured") for name in requested if name not in self.districts)
        return BackfillScope(ScopeKind.SINGLE_DISTRICT if len(kept) == 1 else ScopeKind.TARGETED, kept, excluded)


class IsImpure(NamedDistricts):
    """Leaves out of the next answer what it has answered once."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self._asked = 0

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        self._asked += 1
        scope = super().resolve(requested)
        if requested is None and self._asked > 1:
            return BackfillScope(scope.kind, self.districts[:2])
        return scope


class ChangesTheRequest(NamedDistricts):
    """Takes the districts out of the request as it goes along."""

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        scope = super().resolve(requested)
        if isinstance(requested, list):
            requested[:] = scope.districts or ()
        return scope


class WritesADiary(NamedDistricts):
    """Notes every question in a file."""

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        with (self.place / "asked.txt").open("a") as file:
            file.write(f"{requested}\n")
        return super().resolve(requested)


class LetsOutsidersIn(NamedDistricts):
    """Lets in whoever comes along with one that is in scope."""

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        scope = super().resolve(requested)
        if requested is None or not scope.excluded:
            return scope
        return BackfillScope(ScopeKind.TARGETED, tuple(dict.fromkeys(requested)))


class LeavesOutSilently(NamedDistricts):
    """Does not say what it leaves out."""

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        scope = super().resolve(requested)
        return BackfillScope(scope.kind, scope.districts)


class TakesAnything(NamedDistricts):
    """Takes an empty request for one for all."""

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        return super().resolve(requested or None)


class SortsTargets(NamedDistricts):
    """Answers in an order of its own."""

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        scope = super().resolve(requested)
        return BackfillScope(scope.kind, tuple(sorted(scope.districts or ())), scope.excluded)


class MixesUpThreads(NamedDistricts):
    """Keeps the request where the next thread finds it."""

    def resolve(self, requested: Sequence[str] | None, /) -> BackfillScope:
        self._requested = requested
        time.sleep(0.001)
        return super().resolve(self._requested)


class BrokenScopeContract(ScopeContract):
    """The contract, hooked up to a broken scope."""

    inside, outside = ("61", "F"), ("42", "U")
    scope: type[NamedDistricts]

    def make_scope(self, place: Path, /) -> ScopeResolver:
        """Return the scope."""
        return self.scope(place)
