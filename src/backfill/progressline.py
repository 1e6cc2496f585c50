"""Progress for who waits for a job: one line on a terminal, or a picture in the cell of a notebook."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TextIO

from backfill.errors import InvalidRequest
from backfill.model import BackfillReport, BackfillStatus

INTERVAL = 0.5
"""Seconds between two looks at the job."""

Show = Callable[[BackfillReport], None]


def display(progress: Show | bool | None) -> Show | None:
    """Return what shows a report, as `BackfillService.run_backfill` says; ``None`` = nothing does.

    Raises:
        InvalidRequest: *progress* is none of what it may be.
    """
    if callable(progress):
        return progress
    if progress is not None and not isinstance(progress, bool):
        raise InvalidRequest("progress", progress, "neither a function nor a bool", "pass a function that takes a report")
    if progress is not False and "IPython" in sys.modules:
        from backfill.display.live import CellProgress, in_notebook  # noqa: PLC0415 - only a notebook pays for it

        if in_notebook():
            return CellProgress()
    stream = sys.stderr
    if stream is not None and (progress or (progress is None and _is_terminal(stream))):
        return Line(stream)
    return None


def watch(future: Future[BackfillReport], report: Callable[[], BackfillReport], show: Show | None) -> None:
    """Wait for *future*, showing *report* meanwhile, and the final one at the end.

    Waits a little at a time even where nothing is shown: a Ctrl-C that comes just before a wait is noticed only after it.
    """
    try:
        while not wait((future,), INTERVAL).done:
            if show is not None:
                show(report())
        final = future.result()
        if show is not None:
            show(final)
    finally:
        if isinstance(show, Line):
            show.end()


class Line:
    """A line that is written over and over. Where it cannot be written any more, the work goes on without it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream: TextIO | None = stream
        self._width = 0

    def __call__(self, report: BackfillReport) -> None:
        """Write the state of the job over what was there."""
        progress = report.progress
        done = progress.total - progress.pending
        text = f"{report.status}: {done:,} of {progress.total:,}{'+' if progress.is_estimate else ''}"
        text += f", {progress.failed:,} failed" if progress.failed else ""
        text += f" ({report.error_summary[0].kind})" if report.error_summary else ""  # of most of them: what to look at first
        text += f", about {progress.eta_seconds:,.0f} s left" if progress.eta_seconds else ""
        text += f": {report.status_reason}" if report.status is BackfillStatus.PAUSED and report.status_reason else ""
        self._write("\r" + text.ljust(self._width))
        self._width = len(text)

    def end(self) -> None:
        """Leave the line, if there is one."""
        if self._width:
            self._write("\n")

    def _write(self, text: str) -> None:
        if self._stream is not None:
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):  # the terminal has gone, or somebody has closed it
                self._stream = None


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # what a host has put in its place need not know, and a closed one does not
        return False
