"""Doubles and short cuts for the tests of the door out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import TypeAlias, TypeVar

from backfill.errors import SourceError
from backfill.fetching.call import Call
from backfill.fetching.pace import Pace
from backfill.model import Document, DocumentRequest, JobContext, UnitContext

T = TypeVar("T")

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
URL = "https://example.org/a"

Step: TypeAlias = "Document | BaseException | Callable[[Call], Document]"


def job(**options: object) -> JobContext:
    """Return a job."""
    return JobContext(**({"job_id": "job-1", "created_at": NOW} | options))  # type: ignore[arg-type] # options of any kind


def unit(of: JobContext | None = None, **options: object) -> UnitContext:
    """Return a unit of work, of a job of its own if none is given."""
    return UnitContext(**({"job": of or job(), "day": date(2026, 1, 14), "district": "61"} | options))  # type: ignore[arg-type] # as above


def call(url: str = URL, *, of: UnitContext | None = None, name: str = "", **options: object) -> Call:
    """Return a call; options are those of `Call`."""
    request = DocumentRequest(url=url, name=name)
    return Call(**({"request": request, "identity": request.identity, "unit": of or unit()} | options))  # type: ignore[arg-type] # as above


def document(content: bytes | str = "figures", *, url: str = URL, name: str = "", **options: object) -> Document:
    """Return a document; options are those of `Document`."""
    body = content.encode() if isinstance(content, str) else content
    made = {"url": url, "name": name or f"GET {url}", "content": body, "fetched_at": NOW} | options
    return Document(**made)  # type: ignore[arg-type] # as above


class Scripted:
    """A door that does one step after the other, the last again and again, and remembers its calls. Any thread."""

    def __init__(self, *steps: Step) -> None:
        self._steps = list(steps) or [document()]
        self._lock = threading.Lock()
        self.calls: list[Call] = []

    def __call__(self, asked: Call) -> Document:
        """Do the next step."""
        with self._lock:
            self.calls.append(asked)
            step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, BaseException):
            raise step
        return step if isinstance(step, Document) else step(asked)


def sent(pace: Pace, turn: str = "turn") -> float:
    """Take a turn, and let what it is for leave at once; return 0, or the seconds to wait if there was none."""
    wait = pace.take(turn)
    if not wait:
        pace.left(turn)
    return wait


class Running:
    """A function at work in a thread of its own."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._function, self._arguments = function, arguments
        self.result: object = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._function(*self._arguments)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test looks at it
            self.error = error

    def document(self) -> Document:
        """Return the document that it returned."""
        result = self.wait().result
        assert isinstance(result, Document)
        return result

    def wait(self) -> Running:
        """Return when it has ended."""
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self


def failure(function: Callable[[], object], kind: type[T]) -> T:
    """Return the exception of the given kind that *function* raises."""
    try:
        function()
    except kind as error:  # type: ignore[misc] # callers pass exceptions
        return error  # type: ignore[no-any-return] # as above
    message = f"no {kind.__name__} was raised"
    raise AssertionError(message)


def source_error(function: Callable[[], object]) -> SourceError:
    """Return the `SourceError` that *function* raises."""
    return failure(function, SourceError)


def until(condition: Callable[[], object]) -> None:
    """Return when *condition* holds, which another thread is about to bring about."""
    waiting = threading.Event()
    for _look in range(5000):
        if condition():
            return
        waiting.wait(0.001)
    message = "it never came about"
    raise AssertionError(message)
