"""Calls in an executor, one by one: what is lost is handed over again, what is stopped is dropped, and no fault is put on the wrong one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from datetime import date
from multiprocessing import get_context
from typing import NoReturn, ParamSpec, TypeVar

import pytest

from backfill import Document, PermanentSourceError, TransientSourceError
from backfill.engine import errands
from backfill.engine.elsewhere import Elsewhere, SourceCall
from backfill.engine.errands import TIMES, WORKER_LOST, Errand
from backfill.errors import Cancelled, InvalidRequest, ServiceUnusable, SourceError, StoreUnavailable
from backfill.protocols import Fetch
from backfill.testing.fetch import DictFetch

P = ParamSpec("P")
T = TypeVar("T")
DAY = date(2026, 1, 5)
ADDRESS = "https://example.org/doc"


class KilledWorker(Exception):  # noqa: N818 - the name that Dask gives to it
    """What a cluster says of a call whose worker died."""


class Failing(Executor):
    """An executor that fails the first calls that it is given with the errors that it is told, and carries out all others here.

    Args:
        errors: One for each call; ``None`` = it is carried out.
    """

    def __init__(self, *errors: BaseException | None) -> None:
        self.errors = list(errors)
        self.given = 0

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Carry out a call, or fail it."""
        self.given += 1
        future: Future[T] = Future()
        error = self.errors.pop(0) if self.errors else None
        if isinstance(error, CancelledError):
            future.cancel()
        elif error is not None:
            future.set_exception(error)
        else:
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as raised:  # noqa: BLE001 - as an executor does
                future.set_exception(raised)
        return future


def failure(call: Callable[[], object]) -> BaseException:
    """Return what a call raises."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - looked at by those who ask
        call()
    return caught.value


# --- errands ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [KilledWorker("worker"), CancelledError()], ids=["died", "forgotten"])
def test_a_lost_call_is_handed_over_again(lost: Exception) -> None:
    """A call whose worker died, or that the cluster forgot, is carried out all the same. [B8, B2]"""
    executor = Failing(*[lost] * (TIMES - 1))
    assert Errand(executor, sum, (1, 2)).result() == 3
    assert executor.given == TIMES


def test_a_call_that_kills_its_workers_is_given_up() -> None:
    """One with which workers die again and again fails its unit, as one that may be tried again later, with the number of times. [B8, R6.2]"""
    executor = Failing(*[KilledWorker("worker-7")] * 10)
    error = failure(lambda: Errand(executor, sum, (1, 2)).result())
    assert isinstance(error, TransientSourceError)
    assert (error.kind, error.stage, error.max_attempts) == (WORKER_LOST, "transform", 1)
    assert f"{TIMES} times over" in str(error)
    assert "worker-7" in str(error)
    assert executor.given == TIMES


def test_an_executor_that_forgets_everything_is_given_up() -> None:
    """One that drops whatever it is given runs nothing any more. [B8, R6.2]"""
    error = failure(lambda: Errand(Failing(*[CancelledError()] * 10), sum, (1, 2)).result())
    assert isinstance(error, ServiceUnusable)
    assert "the executor runs nothing any more (CancelledError)" in str(error)


def test_a_shut_executor_is_told_at_once() -> None:
    """One that was shut down takes no call, and says so with the remedy. [B8, R6.2]"""
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    error = failure(lambda: Errand(executor, sum, (1, 2)))
    assert isinstance(error, ServiceUnusable)
    assert "resume the job with a service that has another" in str(error)


def test_a_broken_pool_is_told() -> None:
    """A pool of processes of which one died is broken for ever: the fault of no unit. [B8, R6.2]"""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        error = failure(lambda: Errand(executor, os._exit, 1).result())
        assert isinstance(error, ServiceUnusable)
        assert "the executor runs nothing any more" in str(error)
        assert isinstance(failure(lambda: Errand(executor, sum, (1, 2))), ServiceUnusable)


def _not_here(*_arguments: object) -> NoReturn:
    raise ModuleNotFoundError("No module named 'my_source'")


def _full(*_arguments: object) -> NoReturn:
    raise StoreUnavailable("the disk there is full")


def test_an_error_of_the_call_itself_is_told_with_the_remedy() -> None:
    """What an executor's processes lack is named, the call is not tried again, and a worker's full disk stays what it is. [B8, R6.2]"""
    executor = Failing()
    error = failure(lambda: Errand(executor, _not_here).result())
    assert isinstance(error, ServiceUnusable)
    assert "the executor cannot run what it is given (ModuleNotFoundError: No module named 'my_source')" in str(error)
    assert "in the same versions" in str(error)
    assert executor.given == 1
    assert isinstance(failure(lambda: Errand(executor, _full).result()), StoreUnavailable)


@pytest.fixture
def busy() -> Iterator[tuple[ThreadPoolExecutor, threading.Event, threading.Event]]:
    """Provide an executor of one thread that is busy until the first event is set; the second says that it has begun."""
    may, began = threading.Event(), threading.Event()

    def hold() -> None:
        began.set()
        may.wait()

    with ThreadPoolExecutor(1) as executor:
        executor.submit(hold)
        began.wait()
        yield executor, may, began
        may.set()


def test_a_call_that_waits_for_a_worker_is_dropped(
    busy: tuple[ThreadPoolExecutor, threading.Event, threading.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its job is stopped, a call that no worker has begun is dropped, and never carried out. [B8, R4.4]"""
    monkeypatch.setattr(errands, "GRACE", 0.0)
    executor, may, _began = busy
    cancel, carried_out = threading.Event(), list[int]()
    errand = Errand(executor, carried_out.append, 1)
    cancel.set()
    assert isinstance(failure(lambda: errand.result(cancel)), Cancelled)
    may.set()
    executor.submit(carried_out.append, 2).result()
    assert carried_out == [2]


def test_a_call_that_runs_here_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """When its job is stopped, a call that runs and cannot be dropped ends, and its result counts. [B8, R4.4]"""
    monkeypatch.setattr(errands, "GRACE", 0.0)
    may, began, cancel = threading.Event(), threading.Event(), threading.Event()

    def hold() -> int:
        began.set()
        cancel.set()
        may.wait()
        return 7

    with ThreadPoolExecutor(1) as executor:
        errand = Errand(executor, hold)
        began.wait()
        results = list[int]()
        waiting = threading.Thread(target=lambda: results.append(errand.result(cancel)))
        waiting.start()
        may.set()
        waiting.join()
    assert results == [7]


def test_a_lost_call_of_a_stopped_job_is_not_handed_over_again() -> None:
    """When its job was stopped meanwhile, nobody wants it. [B8, R4.4]"""
    executor, cancel = Failing(KilledWorker("worker")), threading.Event()
    errand = Errand(executor, sum, (1, 2))
    cancel.set()
    assert isinstance(failure(lambda: errand.result(cancel)), Cancelled)
    assert executor.given == 1


# --- calls of a source ------------------------------------------------------------------------------------------------


class Checking:
    """A source of one document, which is checked."""

    name = "checking"

    def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
        """Return the document's number."""
        return {"number": fetch(ADDRESS, check=lambda document: int(document.content)).parsed}


class Unfit(Checking):
    """A source that no other process can have."""

    name = "unfit"

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __repr__(self) -> str:
        return "<Unfit source>"


CALL = SourceCall("collect_district", (DAY, "A"), {})


class Noting:
    """A door like that of a unit, which archives what a check accepts and notes what it refuses, as the real one does."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.asked = 0
        self.accepted: list[bytes] = []
        self.refused: list[Exception] = []

    def __call__(self, url: str, /, *, check: Callable[[Document], object] | None = None, **_options: object) -> Document:
        """Return the document."""
        self.asked += 1
        document = Document.of(url, self.content)
        try:
            if check is not None:
                check(document)
        except Cancelled:
            raise
        except Exception as error:
            self.refused.append(error)
            raise
        self.accepted.append(document.content)
        return document


def called(executor: Executor, door: Noting, cancel: threading.Event | None = None) -> object:
    """Call the checking source."""
    return Elsewhere(Checking(), executor).call(CALL, door, cancel)


def test_a_call_is_run_until_it_lacks_nothing() -> None:
    """It is run once to find out what it needs, and once with that; a worker that dies in between changes nothing. [B8, B2]"""
    executor, door = Failing(None, KilledWorker("worker"), None), Noting(b"7")
    assert called(executor, door) == {"number": 7}
    assert (door.asked, door.accepted, executor.given) == (1, [b"7"], 3)


class Computing:
    """A source that asks for nothing."""

    name = "computing"

    def collect_district(self, on: date, district: str, fetch: Fetch, /) -> object:
        """Return where it was made."""
        return {"by": threading.current_thread().name}


def test_what_comes_before_a_document_is_run_here() -> None:
    """Once calls are known to ask for a document, they go there with it only; those that ask for none always do. [B8, R9.3]"""
    executor, door = Failing(), Noting(b"7")
    elsewhere = Elsewhere(Checking(), executor)
    for _call in range(3):
        assert elsewhere.call(CALL, door) == {"number": 7}
    assert (door.asked, executor.given) == (3, 2 + 1 + 1)
    with ThreadPoolExecutor(1, "elsewhere") as threads:
        computing = Elsewhere(Computing(), threads)
        for _call in range(3):
            assert computing.call(CALL, door) == {"by": "elsewhere_0"}


@pytest.mark.parametrize(
    ("errors", "kind"),
    [([KilledWorker("worker")] * TIMES, TransientSourceError), ([ModuleNotFoundError("my_source")], ServiceUnusable)],
    ids=["workers die", "it cannot run there"],
)
def test_a_document_is_not_blamed_for_a_call_that_was_lost(errors: list[Exception], kind: type[Exception]) -> None:
    """When the call is lost while it looks at a document, the document is neither refused nor asked for again. [B8, R6.5]"""
    door = Noting(b"7")
    error = failure(lambda: called(Failing(None, *errors), door))
    assert isinstance(error, kind)
    assert (door.asked, door.refused, door.accepted) == (1, [], [])


def test_a_document_that_the_call_refuses_is_refused_at_the_door() -> None:
    """What the source's own check says of a document is what the door hears. [B8, R6.5]"""
    door = Noting(b"rubbish")
    error = failure(lambda: called(Failing(), door))
    assert isinstance(error, PermanentSourceError)
    assert [type(refusal) for refusal in door.refused] == [PermanentSourceError]
    assert door.accepted == []


def test_what_the_door_raises_reaches_the_source() -> None:
    """A document that cannot be had is an error where the source asked for it; a stopped job ends the call. [B8, R6.3]"""
    elsewhere = Elsewhere(Checking(), Failing())
    fetch = DictFetch({})
    assert isinstance(failure(lambda: elsewhere.call(CALL, fetch)), SourceError)

    def stopped(*_args: object, **_options: object) -> NoReturn:
        raise Cancelled("the job was cancelled")

    assert isinstance(failure(lambda: elsewhere.call(CALL, stopped)), Cancelled)


def test_a_source_that_cannot_be_pickled_is_named() -> None:
    """It is refused for any executor but one of threads, by its own words, with the rule and the remedy. [B8, R10.3]"""
    error = failure(lambda: Elsewhere(Unfit(), Failing()))
    assert isinstance(error, InvalidRequest)
    for part in ("executor", "<Unfit source>", "pickle", "use a ThreadPoolExecutor, or leave the executor out"):
        assert part in str(error)
    with ThreadPoolExecutor(1) as threads:
        assert Elsewhere(Unfit(), threads).call(CALL, Noting(b"7")) == {"number": 7}
