"""Writing a source: make one of a plain function, and try one without storing anything."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from importlib import import_module

from attrs import field, frozen

from backfill.engine.calendar import list_editions
from backfill.engine.collect import Collector
from backfill.engine.scoping import naming_of
from backfill.errors import DataUnavailable, InvalidRequest, SourceError
from backfill.model import Collected, DistrictRecord, EncodedRecord, Finding, Frequency, JobContext, Method, PlannedDay
from backfill.model.checks import as_date, as_name
from backfill.protocols import DataSource, Fetch, Fetcher
from backfill.serialization import decode_record
from backfill.wiring import as_fetcher, as_source, default_clock, default_fetcher, refuse_async

CollectFunction = Callable[[date, str, Fetch], object]


@frozen
class FunctionSource:
    """A source made of one function. Still callable as the function that it is made of.

    Attributes:
        name: The source's name.
        collect: The function: ``collect(day, district, fetch)``.
    """

    name: str
    collect: CollectFunction = field(repr=False)

    def collect_district(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return what the function returns."""
        return self.collect(day, district, fetch)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle it by the name that it has in its module, which is the decorated function's; one that has none by its parts."""
        function, module = self.collect, sys.modules.get(getattr(self.collect, "__module__", ""))
        name = getattr(function, "__qualname__", "")
        if getattr(module, name, None) is self:
            return _named, (function.__module__, name)
        return FunctionSource, (self.name, function)

    def __call__(self, day: date, district: str, fetch: Fetch, /) -> object:
        """Return what the function returns."""
        return self.collect(day, district, fetch)


def _named(module: str, name: str) -> object:
    return getattr(import_module(module), name)


def function_source(name: str) -> Callable[[CollectFunction], FunctionSource]:
    """Return a decorator that makes a source called *name* of a function ``collect(day, district, fetch)``.

    Raises:
        InvalidRequest: The name cannot be one (of a decorator without its brackets, say), or what is decorated is no function, an
            asynchronous one, or one that cannot be called with a day, a district and a door.
    """
    if callable(name):
        raise InvalidRequest(
            "name",
            name,
            "a function, where a source's name is meant",
            f'write @function_source("{getattr(name, "__name__", "rain")}")',
        )
    as_name("name", name)

    def decorate(collect: CollectFunction) -> FunctionSource:
        if not callable(collect):
            raise InvalidRequest(name, collect, "not a function", "decorate a function collect(day, district, fetch)")
        refuse_async(name, collect)
        _refuse_other_parameters(name, collect)
        return FunctionSource(name, collect)

    return decorate


def _refuse_other_parameters(name: str, collect: CollectFunction) -> None:
    from inspect import signature  # noqa: PLC0415 - only who makes a source of a function pays for it

    try:
        parameters = signature(collect)
    except ValueError:  # a builtin's, say, that nobody can tell
        return
    try:
        parameters.bind(date.min, "", None)
    except TypeError as error:
        rule = f"called with a day, a district and a door, and that does not fit {parameters} ({error})"
        raise InvalidRequest(name, collect, rule, "write collect(day, district, fetch)") from None


def try_source(source: DataSource, day: date | str, district: str, fetch: Fetcher | Fetch | None = None) -> Collected:
    """Return what *source* collects for one day and district, exactly as a job would see it; nothing is stored.

    Blocks until it is done. For a notebook: the result holds the figures as they would be stored, the findings, and the raw
    documents that they were made from.

    Args:
        source: The source.
        day: A ``datetime.date`` or "YYYY-MM-DD".
        district: One district.
        fetch: The door to use; ``None`` = a polite one, closed afterwards.

    Raises:
        SourceError: What a job would record as unavailable or failed, from the exception that the source raised.
        InvalidRequest: Source, day, district or door cannot be one.
    """
    clock = default_clock()
    source = as_source(source)
    day = as_date("day", day)
    name = naming_of(source)(district)
    (edition,) = list_editions(day, day, Frequency.DAILY, source)
    if edition.gap is not None:
        message = f"{day} has no edition of its own ({edition.gap}); a job would count it as unavailable without asking for it"
        raise DataUnavailable(message)
    planned = PlannedDay(day, edition.as_of, None, edition.settled_on, Method.PER_DISTRICT, (name,))
    fetcher = default_fetcher(clock) if fetch is None else as_fetcher(fetch, clock)
    try:
        job = JobContext("try-source", clock.now())
        batch = Collector(source, fetcher, clock, job).collect_district(planned, name)
    finally:
        if fetch is None:
            fetcher.close()
    value = batch.values[name]
    if isinstance(value, SourceError):
        raise value
    return _shown(value, batch.findings)


def _shown(record: DistrictRecord | EncodedRecord, findings: tuple[Finding, ...]) -> Collected:
    if isinstance(record, EncodedRecord):
        record = decode_record(record.content, settled=record.header.settled)
    return Collected(
        record.data, record.as_of, record.detail, findings=findings, settled=record.settled, documents=record.provenance
    )
