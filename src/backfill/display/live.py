"""A job in the cell of a notebook: live while it goes on, and left as a picture that stays true when the notebook is saved.

Live is the panel where the extra ``notebook`` is installed, and a picture that is drawn anew where it is not. Jupyter updates an output in
place by its number, from any thread. IPython is never imported by who has not loaded it already.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from backfill.display.jobs import lost_html, report_html
from backfill.errors import BackfillError

if TYPE_CHECKING:
    from backfill.job import Job
    from backfill.model import BackfillReport, JobEvent

INTERVAL = 0.5
"""Seconds between two pictures of a job; its last picture is drawn at once."""

Bundle = dict[str, object]


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook, whose outputs can be drawn anew."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def job_html(job: Job) -> str:
    """Return what has become of *job*, or that nothing can be told of it."""
    try:
        return report_html(job.report(), at=datetime.now(UTC))
    except Exception as error:  # noqa: BLE001 - cleaned up, carried over a fork, a job store that fails: a cell shows that, too
        return lost_html(job.backfill_id, str(error))


def show_job(job: Job) -> None:
    """Show *job* in the cell that runs, and keep that up to date until the job has ended."""
    if not in_notebook():
        publish({"text/plain": repr(job)})
        return
    live = _live_view(job)
    if live is None:
        Follower(job, _bundle_of(job), publish).start()
        return
    # the picture goes on behind the panel: what is saved is never older than it, and what is seen where no widget can be
    Follower(job, lambda: {**_bundle_of(job)(), "text/html": live.behind(job_html(job))}, publish, ended=live.close).start()
    live.appear()


class Follower:
    """Draws one job anew while it goes on.

    Args:
        job: The job.
        draw: Makes the picture of it as it is.
        publish: Shows a picture, and returns what shows others in its place, if anything can.
        monotonic: Seconds on a clock that never goes back.
        ended: Called when the last picture is shown.
    """

    def __init__(
        self,
        job: Job,
        draw: Callable[[], Bundle],
        publish: Callable[[Bundle], Callable[[Bundle], None]],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        ended: Callable[[], None] | None = None,
    ) -> None:
        self._job = job
        self._draw = draw
        self._publish = publish
        self._monotonic = monotonic
        self._ended = ended or _nothing
        self._lock = threading.Lock()
        self._next = 0.0
        self._show: Callable[[Bundle], None] | None = None
        self._unsubscribe: Callable[[], None] = _nothing

    def start(self) -> None:
        """Show the job, and follow it from then on if it has not ended."""
        self._show = self._publish(self._draw())
        try:
            if self._job.status.is_final:
                self._rest()  # it may have ended since it was drawn
                return
            self._unsubscribe = self._job.subscribe(self._refresh)
            self._job.future.add_done_callback(lambda _future: self._rest())
        except Exception:  # noqa: BLE001 - of a job that cannot be followed the picture says why
            self._rest()

    def redraw(self) -> None:
        """Show the job as it is."""
        with self._lock:  # so that no older picture comes after a newer one
            if self._show is not None:
                self._show(self._draw())

    def _rest(self) -> None:
        """Show the job as it has come to rest; it may only be paused."""
        self.redraw()
        if has_ended(self._job):
            self._unsubscribe()
            self._ended()

    def _refresh(self, event: JobEvent) -> None:
        now, status = self._monotonic(), getattr(event.change, "status", None)
        if status is not None and status.is_final:
            self._rest()
        elif status is not None or now >= self._next:
            self._next = now + INTERVAL
            self.redraw()


class CellProgress:
    """Shows reports in the cell that runs, for who waits for a job there."""

    def __init__(self) -> None:
        self._show: Callable[[Bundle], None] | None = None

    def __call__(self, report: BackfillReport) -> None:
        """Show *report* in place of the one before."""
        bundle: Bundle = {
            "text/plain": f"<Job {report.backfill_id}: {report.status}>",
            "text/html": report_html(report, at=datetime.now(UTC)),
        }
        if self._show is None:
            self._show = publish(bundle)
        else:
            self._show(bundle)


class _LiveView(Protocol):
    """`backfill.notebook.LiveView`, as far as it is used here."""

    def behind(self, picture: str) -> str: ...

    def appear(self) -> None: ...

    def close(self) -> None: ...


def _live_view(job: Job) -> _LiveView | None:
    """Return a live view of *job*; ``None`` = it has ended, or the extra for it is not installed.

    It is found by its name, as IPython is: a display stands below what makes use of the service, and is complete without it.
    """
    if has_ended(job):
        return None
    try:
        view: _LiveView = import_module("backfill.notebook").live_view(job)
    except BackfillError:  # MissingExtra; and of a job that was forgotten this moment, there is the picture
        return None
    return view


def has_ended(job: Job) -> bool:
    """Return whether nothing will follow of *job* here: it has ended, its service was closed, or nothing can be told of it."""
    try:
        return job.status.is_final or job._service.closed  # noqa: SLF001 - the job's own display
    except Exception:  # noqa: BLE001 - whatever it is, `job_html` shows it
        return True


def _bundle_of(job: Job) -> Callable[[], Bundle]:
    return lambda: {"text/plain": repr(job), "text/html": job_html(job)}


def _nothing() -> None:
    pass


def publish(bundle: Bundle) -> Callable[[Bundle], None]:
    """Show *bundle* in the cell that runs; return what shows another in its place, from any thread."""
    display: Any = import_module("IPython.display").display  # loaded already, since IPython is who asks for a display
    handle = display(bundle, raw=True, display_id=True)

    def again(newer: Bundle) -> None:
        handle.update(newer, raw=True)

    return again
