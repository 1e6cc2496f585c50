"""A job in the cell of a notebook: live while it goes on, and left as a picture that stays true when the notebook is saved.

Live is the panel where the extra ``notebook`` is installed, and a picture that is drawn anew where it is not. Jupyter updates an output in
place by its number, from any thread. IPython is never imported by who has not loaded it already.
"""

from __future__ import annotations

import math
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
        _publish({"text/plain": repr(job)})
        return
    panel = _panel_of(job)
    if panel is None:
        Follower(job, _bundle_of(job), _publish).start()
        return

    def draw() -> Bundle:
        # the last picture has no panel: it is what is saved, and what every reader of notebooks can show
        live = None if has_ended(job) else panel._repr_mimebundle_()
        return _bundle_of(job)() if live is None else live[0]

    # its page keeps itself up to date; the picture behind it changes with the job's state, since each change draws the panel anew
    Follower(job, draw, _publish, interval=math.inf, ended=panel.close).start()


class Follower:
    """Draws one job anew while it goes on.

    Args:
        job: The job.
        draw: Makes the picture of it as it is.
        publish: Shows a picture, and returns what shows others in its place, if anything can.
        monotonic: Seconds on a clock that never goes back.
        interval: Seconds between two pictures, those of a change of state aside.
        ended: Called when the last picture is shown.
    """

    def __init__(
        self,
        job: Job,
        draw: Callable[[], Bundle],
        publish: Callable[[Bundle], Callable[[Bundle], None]],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        interval: float = INTERVAL,
        ended: Callable[[], None] | None = None,
    ) -> None:
        self._job = job
        self._draw = draw
        self._publish = publish
        self._monotonic = monotonic
        self._interval = interval
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
            self._next = now + self._interval
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
            self._show = _publish(bundle)
        else:
            self._show(bundle)


class _Panel(Protocol):
    """The widget of `backfill.notebook`, as far as it is used here."""

    def close(self) -> None: ...

    def _repr_mimebundle_(self) -> tuple[Bundle, Bundle] | None: ...


def _panel_of(job: Job) -> _Panel | None:
    """Return a live panel for *job*; ``None`` = it has ended, or the extra for it is not installed.

    The panel is found by its name, as IPython is: a display stands below what makes use of the service, and is complete without it.
    """
    if has_ended(job):
        return None
    try:
        panel: _Panel = import_module("backfill.notebook").BackfillPanel(job._service, job=job)  # noqa: SLF001 - the job's own display
    except BackfillError:  # MissingExtra; and of a job that was forgotten this moment, there is the picture
        return None
    return panel


def has_ended(job: Job) -> bool:
    """Return whether nothing will follow of *job* here: it has ended, its service was closed, or nothing can be told of it."""
    try:
        return job.status.is_final or job._service.closed  # noqa: SLF001 - as above
    except Exception:  # noqa: BLE001 - whatever it is, `job_html` shows it
        return True


def _bundle_of(job: Job) -> Callable[[], Bundle]:
    return lambda: {"text/plain": repr(job), "text/html": job_html(job)}


def _nothing() -> None:
    pass


def _publish(bundle: Bundle) -> Callable[[Bundle], None]:
    display: Any = import_module("IPython.display").display  # loaded already, since IPython is who asks for a display
    handle = display(bundle, raw=True, display_id=True)

    def again(newer: Bundle) -> None:
        handle.update(newer, raw=True)

    return again
