"""One line of progress on a terminal, for who waits for a job."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TextIO

from backfill.model import BackfillReport

INTERVAL = 0.5
"""Seconds between two looks at the job."""


def watch(
    future: Future[BackfillReport],
    report: Callable[[], BackfillReport],
    progress: Callable[[BackfillReport], None] | bool | None,
) -> None:
    """Wait for *future*, showing *report* meanwhile as `BackfillService.run_backfill` says."""
    stream = sys.stderr
    show: Callable[[BackfillReport], None] | None = None
    if callable(progress):
        show = progress
    elif stream is not None and (progress or (progress is None and stream.isatty())):
        show = Line(stream)
    while show is not None and not wait((future,), INTERVAL).done:
        show(report())
    final = future.result()
    if show is not None:
        show(final)
    if isinstance(show, Line):
        show.end()


class Line:
    """A line that is written over and over."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._width = 0

    def __call__(self, report: BackfillReport) -> None:
        """Write the state of the job over what was there."""
        progress = report.progress
        done = progress.total - progress.pending
        text = f"{report.status}: {done:,} of {progress.total:,}{'+' if progress.is_estimate else ''}"
        text += f", {progress.failed:,} failed" if progress.failed else ""
        text += f", about {progress.eta_seconds:,.0f} s left" if progress.eta_seconds else ""
        self._stream.write("\r" + text.ljust(self._width))
        self._stream.flush()
        self._width = len(text)

    def end(self) -> None:
        """Leave the line."""
        self._stream.write("\n")
        self._stream.flush()
