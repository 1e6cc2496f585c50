"""Records made by an executor: what nobody wants any more is dropped, and threads take a source as it is."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import date

import pytest

from backfill.engine import errands
from backfill.errors import Cancelled, InvalidRequest
from backfill.fetching.memory import MemoryArchive
from backfill.model import Method
from backfill.protocols import Fetch
from backfill.rebuilding.making import Maker
from backfill.rebuilding.replay import Part

PART = Part(date(2026, 1, 5), None, None, Method.PER_DISTRICT, ("61",))


class Holding(Executor):
    """An executor that begins nothing."""

    def __init__(self) -> None:
        self.futures: list[Future[object]] = []

    def submit(self, fn: object, /, *_args: object, **_kwargs: object) -> Future[object]:  # type: ignore[override] # whatever it is
        """Keep a call for ever."""
        self.futures.append(Future())
        return self.futures[-1]


class Plain:
    """A source that goes anywhere."""

    name = "plain"

    def collect_district(self, on: date, district: str, fetch: Fetch, /) -> Mapping[str, object]:
        """Return a figure."""
        return {"of": district, "on": str(on)}


class Locked(Plain):
    """A source that goes to no other process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


class Portable(MemoryArchive):
    """An archive that goes to other processes, empty."""

    def __reduce__(self) -> tuple[type[MemoryArchive], tuple[()]]:
        return MemoryArchive, ()


def test_a_stopped_job_drops_all_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the job is stopped, every piece that the executor has is dropped, and none is waited for. [B8, R4.4]"""
    monkeypatch.setattr(errands, "GRACE", 0.0)
    executor, cancel = Holding(), threading.Event()
    made = Maker(Plain(), Portable(), executor, cancel).make([PART] * 3)
    cancel.set()
    with pytest.raises(Cancelled):
        next(made)
    assert [future.cancelled() for future in executor.futures] == [True] * 3


def test_threads_take_a_source_as_it_is() -> None:
    """What pickle cannot carry is refused for other processes, by name, and made by threads. [B8]"""
    with pytest.raises(InvalidRequest, match="use a ThreadPoolExecutor"):
        Maker(Locked(), Portable(), Holding())
    with ThreadPoolExecutor(1) as threads:
        (made,) = Maker(Locked(), MemoryArchive(), threads).make([PART])
    assert list(made.records) == ["61"]
