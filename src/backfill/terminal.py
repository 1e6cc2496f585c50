"""How far a job is, on a terminal: a bar with counts that is drawn anew, or plain lines where nothing can be drawn.

Needs the extra ``cli``. Hand a display to whoever runs the job, or call it with reports yourself:

.. code-block:: python

    with progress_display() as show:
        report = service.run_backfill(request, progress=show)
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol, Self

from backfill.errors import MissingExtra
from backfill.model import BackfillReport, DistrictError, Progress

try:
    from rich.console import Console, ConsoleOptions, Group, RenderResult
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text
except ImportError as error:
    raise MissingExtra("backfill.terminal", "cli") from error

ERRORS_OF_A_KIND = 3
"""So many failures of one kind are shown one by one; the others are counted."""

LINE_SECONDS = 10.0
LINE_SHARE = 0.05
LINE_PAUSE = 1.0
"""A plain line is written after so many seconds, or so large a part of the work, whichever comes first; with a pause between two."""

_NARROW = 60  # columns below which the bar goes without figures beside it
_DAYS = 2  # days in work that are named
_WHOLE = 10  # units a second from which on they are told without decimals


class ProgressDisplay(Protocol):
    """Shows reports of one job. A context manager, to be called with a report whenever there is news; one thread."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None: ...

    def __call__(self, report: BackfillReport, /) -> None:
        """Show *report*; the last one shown is final, or the job was left to itself."""
        ...

    def note(self, text: str, /) -> None:
        """Write a line beside the progress."""
        ...


def progress_display(
    console: Console | None = None, *, quiet: bool = False, monotonic: Callable[[], float] = time.monotonic
) -> ProgressDisplay:
    """Return a display for one job.

    Args:
        console: Where to; ``None`` = standard error. On a terminal it is drawn anew, elsewhere lines are written from time to time.
        quiet: Show nothing at all.
        monotonic: Seconds on a clock that never goes back.
    """
    if quiet:
        return _Silence()
    console = console or Console(stderr=True, highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        return _Drawn(console, monotonic)
    return _Lines(console, monotonic)


def counts_of(progress: Progress, seconds: float) -> str:
    """Return the counts of a job in one line, with its pace over the *seconds* since it began, and the time left."""
    counts = {
        "stored": progress.completed,
        "there already": progress.skipped,
        "unavailable": progress.unavailable,
        "failed": progress.failed,
    }
    parts = [f"{number:,} {word}" for word, number in counts.items() if number or word == "stored"]
    if seconds >= 1 and progress.completed:
        pace = progress.completed / seconds
        parts.append(f"{pace:,.0f} a second" if pace >= _WHOLE else f"{pace:.1f} a second")
    if progress.pending and progress.eta_seconds is not None and progress.eta_seconds >= 1:
        parts.append(f"about {progress.eta_seconds:,.0f} s left")
    return ", ".join(parts)


def printable(text: str) -> str:
    """Return *text* for a terminal: what could steer it, or break a line, becomes a question mark."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def of_all(progress: Progress) -> str:
    """Return how many units are done: ``768 of 1,536``; a plus sign where more may come."""
    return f"{progress.total - progress.pending:,} of {progress.total:,}{'+' if progress.is_estimate else ''}"


def share(progress: Progress) -> float:
    """Return the part of the work that is done, from 0 to 1."""
    return (progress.total - progress.pending) / progress.total if progress.total else 1.0


class _ErrorFeed:
    """Turns the failures that a report has and the one before had not into lines; few of each kind."""

    def __init__(self) -> None:
        self._seen = 0
        self._shown: Counter[str] = Counter()

    def lines(self, report: BackfillReport) -> Iterator[str]:
        fresh = min(report.errors_total - self._seen, len(report.errors))
        self._seen = report.errors_total
        for failure in report.errors[len(report.errors) - fresh :]:
            self._shown[failure.kind] += 1
            if self._shown[failure.kind] <= ERRORS_OF_A_KIND:
                yield _line_of(failure)
            elif self._shown[failure.kind] == ERRORS_OF_A_KIND + 1:
                yield printable(f"failed   more of {failure.kind}, which are counted and shown at the end")


def _line_of(failure: DistrictError) -> str:
    district = "" if failure.district_id is None else f" {failure.district_id}"
    tries = f"{failure.attempts} attempt{'' if failure.attempts == 1 else 's'}"
    return printable(f"failed   {failure.day}{district}: {failure.kind} ({tries})")


class _Silence:
    """Shows nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        pass

    def __call__(self, report: BackfillReport, /) -> None:
        pass

    def note(self, text: str, /) -> None:
        pass


class _Shown:
    """What a display that shows something keeps: the newest report, when the first came, which failures were shown."""

    def __init__(self, console: Console, monotonic: Callable[[], float]) -> None:
        self._console = console
        self._monotonic = monotonic
        self._began = monotonic()
        self._errors = _ErrorFeed()
        self._report: BackfillReport | None = None

    def __enter__(self) -> Self:
        self._began = self._monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        if self._report is not None and self._report.status.is_final:
            seconds = self._seconds()
            self._write(f"{_called(self._report)}: {counts_of(self._report.progress, seconds)}, in {seconds:.1f} s")

    def __call__(self, report: BackfillReport, /) -> None:
        self._report = report
        for line in self._errors.lines(report):
            self._write(line)

    def note(self, text: str, /) -> None:
        self._write(text)

    def _seconds(self) -> float:
        return self._monotonic() - self._began

    def _write(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=not self._console.is_terminal)


class _Lines(_Shown):
    """Writes a line from time to time: for logs, and for terminals that cannot draw."""

    def __init__(self, console: Console, monotonic: Callable[[], float]) -> None:
        super().__init__(console, monotonic)
        self._written_at = self._began
        self._written_share = 0.0

    def __call__(self, report: BackfillReport, /) -> None:
        super().__call__(report)
        now, done = self._monotonic(), share(report.progress)
        passed = now - self._written_at
        due = passed >= LINE_SECONDS or (passed >= LINE_PAUSE and done - self._written_share >= LINE_SHARE)
        if due and not report.status.is_final:
            self._written_at, self._written_share = now, done
            self._write(f"{of_all(report.progress)}: {counts_of(report.progress, self._seconds())}")


class _Drawn(_Shown):
    """Draws a bar with figures over and over; failures and notes stand above it, and it is gone at the end."""

    def __init__(self, console: Console, monotonic: Callable[[], float]) -> None:
        super().__init__(console, monotonic)
        self._live = Live(
            get_renderable=lambda: self,
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        super().__enter__()
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /) -> None:
        self._live.stop()
        super().__exit__(kind, error, traceback)

    def __call__(self, report: BackfillReport, /) -> None:
        super().__call__(report)
        self._live.refresh()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._report is None:
            return
        progress = self._report.progress
        done = share(progress)
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(ratio=1)
        row.add_column(no_wrap=True)
        bar = ProgressBar(total=1.0, completed=done)
        figures = f"{done:.0%}" if options.max_width < _NARROW else f"{done:.0%}  {of_all(progress)}"
        row.add_row(bar, Text(figures))
        lines = [counts_of(progress, self._seconds())]
        if progress.current:
            days = ", ".join(day.isoformat() for day in progress.current[:_DAYS])
            more = len(progress.current) - _DAYS
            lines.append(f"now at {days}{f' and {more} more' if more > 0 else ''}")
        yield Group(row, *(Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in lines))


def _called(report: BackfillReport) -> str:
    return str(report.status).replace("_", " ")
