"""Values, answers and errors of misbehaving sources, and short cuts to a `Collector`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NoReturn

import attrs

from backfill.engine.collect import Batch, Collector
from backfill.errors import (
    SourceError,
)
from backfill.model import (
    DistrictRecord,
    Document,
    EncodedRecord,
    JobContext,
    PlannedDay,
    RetryPolicy,
)
from backfill.protocols import DataSource, Fetch, Fetcher
from backfill.testing import VirtualClock
from engine_doubles import NOW, NoDoor, One, context, planned, running

URL = "https://example.org/a"


class Odd:
    """A value of a source's own class, which raises when anybody looks at it."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __repr__(self) -> str:
        raise self._error

    def __eq__(self, _other: object) -> bool:
        raise self._error

    __hash__ = object.__hash__


@attrs.define
class Figures:
    """A payload of an attrs class, whose value may raise as it is read."""

    values: Mapping[str, object]


class Lazy(Mapping[str, object]):
    """A mapping that fetches, or raises, as it is read."""

    def __init__(self, value: Callable[[str], object], *names: str) -> None:
        self._value = value
        self._names = names

    def __getitem__(self, name: str) -> object:
        return self._value(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class LazyNames(Sequence[str]):
    """A list that fetches, or raises, as it is read."""

    def __init__(self, value: Callable[[], str]) -> None:
        self._value = value

    def __getitem__(self, index: object) -> str:
        if index:
            raise IndexError
        return self._value()

    def __len__(self) -> int:
        return 1


class Mute(Exception):  # noqa: N818 - stands for any class of a source's own
    """An exception whose text raises."""

    def __str__(self) -> NoReturn:
        raise RuntimeError


def raising(error: BaseException) -> Callable[..., NoReturn]:
    """Return a function that raises *error*, whatever it is called with."""

    def function(*_args: object) -> NoReturn:
        raise error

    return function


def giving(value: object) -> Callable[..., object]:
    """Return a function that returns *value*, whatever it is called with."""
    return lambda *_args: value


def collector(
    source: DataSource,
    fetcher: Fetcher | None = None,
    *,
    clock: VirtualClock | None = None,
    job: JobContext | None = None,
    policy: RetryPolicy | None = None,
) -> Collector:
    """Return a collector that waits in virtual time."""
    return Collector(source, fetcher or NoDoorNeeded(), clock or VirtualClock(NOW), job or context(), policy)


class NoDoorNeeded(NoDoor):
    """A fetcher whose doors may be bound, as they are for each call, but not be used."""

    def bind(self, unit: object, /) -> Fetch:
        """Return a door that must not be used."""

        def fetch(*_args: object, **_options: object) -> Document:
            message = "nothing may be fetched here"
            raise AssertionError(message)

        return fetch


def collect_one(
    source: DataSource, fetcher: Fetcher | None = None, day: PlannedDay | None = None
) -> DistrictRecord | SourceError:
    """Return what becomes of district 1."""
    value = collector(source, fetcher).collect_district(day or planned("1", "2"), "1").values["1"]
    assert not isinstance(value, EncodedRecord)
    return value


def record_of(value: object) -> DistrictRecord:
    """Return the record of district 1 when a source returns *value*."""
    made = collect_one(One(giving(value)), day=planned("1"))
    assert isinstance(made, DistrictRecord), made
    return made


def error_of(value: object) -> SourceError:
    """Return the error of district 1 when a source returns *value*."""
    made = collect_one(One(giving(value)))
    assert isinstance(made, SourceError)
    return made


def in_worker(call: Callable[[], Batch]) -> Batch:
    """Return what *call* returns in a thread that is not the main one, as in a job."""
    got: list[Batch] = []
    with running(lambda: got.append(call())):
        pass
    return got[0]


RAISED: tuple[BaseException, ...] = (
    ValueError("bad"), ZeroDivisionError(), StopIteration(), RecursionError(), MemoryError(), AssertionError(), Mute(),
    SystemExit(0), KeyboardInterrupt(), GeneratorExit(), BaseExceptionGroup("both", [KeyboardInterrupt(), ValueError()]),
    Warning("as an error"), EOFError(), type("Own", (BaseException,), {})(),
)  # fmt: skip
