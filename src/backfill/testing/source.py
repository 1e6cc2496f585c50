"""A source that does as it is told, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date

from backfill.errors import DataUnavailable, SourceError
from backfill.protocols import Fetch

Script = Mapping[tuple[date, str], object] | Callable[[date, str], object]


class ScriptedSource:
    """A source whose answers are a table, or a function.

    An answer that is an exception is raised; a list is one answer a call, the last of them for all further calls; anything
    else is returned. What the table lacks was not published. Any thread.

    Args:
        script: Answers by (day, district), or a function of both; ``None`` = a small payload for everything.
        name: The source's name.
        districts: The districts of every day, for the subclasses that list them or answer for all.

    Attributes:
        calls: Every call so far: the method's name, the day, the districts.
        most_in_flight: The most calls that were under way at once.
    """

    def __init__(
        self, script: Script | None = None, *, name: str = "scripted", districts: Sequence[str] = ("A", "B", "C")
    ) -> None:
        self.name = name
        self.districts = tuple(districts)
        self.calls: list[tuple[str, date, tuple[str, ...]]] = []
        self.most_in_flight = 0
        self._script: Script = _payload if script is None else script
        self._lock = threading.Lock()
        self._in_flight = 0
        self._asked: dict[tuple[date, str], int] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {len(self.calls)} calls>"

    def collect_district(self, day: date, district: str, _fetch: Fetch, /) -> object:
        """Return, or raise, what the script says."""
        with self._call("collect_district", day, (district,)):
            return self._answer(day, district)

    @contextmanager
    def _call(self, method: str, day: date, districts: tuple[str, ...]) -> Iterator[None]:
        with self._lock:
            self.calls.append((method, day, districts))
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1

    def _answer(self, day: date, district: str) -> object:
        if callable(self._script):
            answer = self._script(day, district)
        else:
            answer = self._script.get((day, district), DataUnavailable(f"the script has nothing for {district} on {day}"))
        if isinstance(answer, list):
            with self._lock:
                number = self._asked[day, district] = self._asked.get((day, district), 0) + 1
            answer = answer[min(number, len(answer)) - 1]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _answers(self, day: date, districts: Sequence[str]) -> dict[str, object]:
        values: dict[str, object] = {}
        for district in districts:
            try:
                values[district] = self._answer(day, district)
            except DataUnavailable:  # left out of the answer, as sources do
                continue
            except SourceError as error:
                values[district] = error
        return values


class ScriptedCatalog(ScriptedSource):
    """A scripted source that lists its districts, by the answer for (day, "*") where the table has one."""

    def list_districts(self, day: date, _fetch: Fetch, /) -> Sequence[str]:
        """Return the districts."""
        with self._call("list_districts", day, ()):
            if not callable(self._script) and (day, "*") in self._script:
                return self._answer(day, "*")  # type: ignore[return-value] # a script may answer with the wrong type on purpose
            return self.districts


class ScriptedBatch(ScriptedSource):
    """A scripted source with one call for several districts."""

    def collect_many(self, day: date, districts: Sequence[str], _fetch: Fetch, /) -> Mapping[str, object]:
        """Return what the script says of each."""
        with self._call("collect_many", day, tuple(districts)):
            return self._answers(day, districts)


class ScriptedSystemWide(ScriptedSource):
    """A scripted source with one call for every district of a day."""

    def collect_all(self, day: date, _fetch: Fetch, /) -> Mapping[str, object]:
        """Return what the script says of each of its districts."""
        with self._call("collect_all", day, self.districts):
            return self._answers(day, self.districts)


class ScriptedDashboard(ScriptedCatalog, ScriptedBatch, ScriptedSystemWide):
    """A scripted source that can do all of it."""


def _payload(day: date, district: str) -> object:
    return {"district": district, "day": day.isoformat()}
