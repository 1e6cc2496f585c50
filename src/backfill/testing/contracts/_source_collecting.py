"""What every source must do: `collect_district`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import NoReturn

from backfill.errors import Cancelled, DataUnavailable, PermanentSourceError, SourceError, TransientSourceError
from backfill.protocols import DataSource
from backfill.testing.contracts._asserting import equal, holds
from backfill.testing.contracts._connections import no_connections
from backfill.testing.contracts._source_hooks import SourceHooks, WatchedFetch, same
from backfill.testing.contracts._suite import skip


class CollectingContract(SourceHooks):
    """One unit after the other, from the documents alone, and nothing left behind."""

    def test_it_has_every_member(self) -> None:
        """The source has every member of the protocol, and a name that stays. [B7, R10.5, R3.4]"""
        source = self.new_source()
        holds(isinstance(source, DataSource), "the source lacks a member of backfill.protocols.DataSource")
        name: object = source.name
        holds(isinstance(name, str) and name.strip() and len(name) <= 100, f"name is {name!r}, and must be a short text")
        equal((source.name, self.make_source().name), (name, name), "name, asked again and of another instance")

    def test_what_it_returns_can_be_stored(self) -> None:
        """What is collected is a payload that JSON can hold, or a `Collected` around one: no ``None``, no NaN, no bytes. [R3.5, P4]"""
        for unit in self.units or (self.unit,):
            self.collect(self.new_source(), unit)

    def test_the_same_documents_give_the_same_figures(self) -> None:
        """The figures follow from the documents alone: not from the time, chance, or the order of a set. [B4, B3]"""
        for unit in self.units or (self.unit,):
            first = self.collect(self.new_source(), unit)
            same(self.collect(self.new_source(), unit), first, f"{unit[1]} of {unit[0]}, collected again by another instance")

    def test_it_keeps_no_state(self) -> None:
        """What one call returns and asks for does not depend on the calls before it. [R10.5, P3]"""
        units = tuple(self.units or (self.unit,))
        alone = {unit: self.collect(self.new_source(), unit) for unit in units}
        for unit, first in alone.items():
            what = f"{unit[1]} of {unit[0]}, collected after others by another instance: the documents asked for"
            equal(sorted(first.asked), sorted(self.first_asked(unit)), what)
        source = self.new_source()
        for day, district in (*units, *reversed(units), *units):
            answer = self.collect(source, (day, district))
            same(answer, alone[day, district], f"{district} of {day}, collected after others by one instance")

    def test_it_may_be_called_from_threads(self) -> None:
        """Called from several threads at once it returns to each what it would return to one. [R9.2]"""
        units = tuple(self.units or (self.unit,)) * 4
        alone = {unit: self.collect(self.new_source(), unit) for unit in units}
        source = self.new_source()
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda unit: self.collect(source, unit), units))
        for unit, answer in zip(units, answers, strict=True):
            same(answer, alone[unit], f"{unit[1]} of {unit[0]}, collected beside others")

    def test_it_opens_no_connection(self) -> None:
        """Whatever it needs from outside it asks of `fetch`. [B6, P12]"""
        source, (day, district) = self.new_source(), self.unit
        watched = WatchedFetch(self.make_fetch())
        with (
            no_connections() as tried,
            suppress(SourceError, OSError),  # what it is asked for may be missing; how it asks is what counts here
        ):
            source.collect_district(day, district, watched)
            self.first_asked(self.unit, watched)
        equal(tried, [], "connections that the source opened past fetch")

    def test_it_asks_the_fetch_that_it_was_handed(self) -> None:
        """Each call asks its own `fetch`, and none asks for anything after it has returned. [B3]"""
        source = self.new_source()
        doors: list[WatchedFetch] = []
        for day, district in (self.unit, self.unit):
            with self.call() as fetch:
                source.collect_district(day, district, fetch)
            doors.append(fetch)
        equal([door.late for door in doors], [[], []], "documents asked for after the call had ended")
        first = self.first_asked(self.unit, doors[0])
        equal(doors[1].asked, doors[0].asked, "documents that the second call asked its own fetch for")
        equal(
            sorted(doors[0].asked), sorted(first), "documents that a call asks its own fetch for, after those of other instances"
        )

    def test_a_transient_failure_stays_transient(self) -> None:
        """When `fetch` says that another attempt may succeed, so does the source; it makes up no figures. [R6.5, R6.2]"""
        error = self._outcome(lambda: TransientSourceError("the publisher is down", kind="http_503", stage="fetch"))
        holds(isinstance(error, TransientSourceError), _told("TransientSourceError", error))

    def test_a_permanent_failure_stays_permanent(self) -> None:
        """When `fetch` says that it cannot be had by asking again, the source does not ask for another attempt. [R6.5, R6.2]"""
        error = self._outcome(lambda: PermanentSourceError("refused", kind="http_403", stage="fetch"))
        is_permanent = isinstance(error, SourceError) and not isinstance(
            error, TransientSourceError | DataUnavailable | Cancelled
        )
        holds(is_permanent, _told("PermanentSourceError", error))

    def test_what_was_not_published_is_no_failure(self) -> None:
        """When none of its documents exists, the source says that nothing was published, or what that means; it does not fail. [R6.2]"""
        error = self._outcome(lambda: DataUnavailable("no such document", kind="http_404", stage="fetch"))
        holds(error is None or isinstance(error, DataUnavailable), _told("DataUnavailable", error))

    def test_a_cancelled_job_is_let_go(self) -> None:
        """When the job was cancelled meanwhile, the source lets that pass. [R4.4]"""
        error = self._outcome(lambda: Cancelled("the job was cancelled"))
        holds(isinstance(error, Cancelled), _told("Cancelled", error))

    def _outcome(self, failure: Callable[[], SourceError]) -> BaseException | None:
        """Return what the source raises when every document it asks for raises *failure*."""
        source, (day, district) = self.new_source(), self.unit

        def fetch(_url: str, /, **_options: object) -> NoReturn:
            raise failure()

        with self.call(fetch) as watched:
            try:
                source.collect_district(day, district, watched)
            except Exception as error:  # noqa: BLE001 - which one it is, is what the test looks at
                return error
        first = self.first_asked(self.unit)
        holds(
            watched.asked or not first,
            f"the source asks fetch for nothing, and asked for {list(first)} when it was first called: what it answers now "
            "it has kept, in its class or its module; keep nothing from one call to the next",
        )
        if not watched.asked:
            skip("the source asks fetch for nothing", "there is nothing to test here if it needs no documents")
        return None


def _told(expected: str, error: BaseException | None) -> str:
    found = "returned figures" if error is None else f"raised {type(error).__name__}: {error}"
    return f"fetch raised {expected}, and the source {found}; let the exceptions of fetch pass"
