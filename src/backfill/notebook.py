"""The panel in the cell of a notebook: live, to start, watch, pause, cancel and retry from. Needs the extra ``notebook``.

.. code-block:: python

    from backfill.notebook import BackfillPanel

    BackfillPanel(service)

It is the panel that the HTTP interface shows in a browser, as a widget of Jupyter: no server runs, the kernel carries out what the panel asks
for. A job at the end of a cell is shown by it while it goes on, where the extra is installed.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from backfill.display.jobs import jobs_html
from backfill.display.live import Bundle, job_html, publish
from backfill.display.markup import Html, element
from backfill.errors import BackfillError, InvalidRequest, MissingExtra
from backfill.job import Job
from backfill.model import BackfillReport, JobEvent
from backfill.service import BackfillService

try:
    import anywidget
    from traitlets import Unicode

    from backfill.web.app import create_app
    from backfill.web.events import newest
    from backfill.web.inside import ask_inside
    from backfill.web.panel import cell_module
    from backfill.web.render import encode_as, write
    from backfill.web.security import everybody
    from backfill.web.wire import object_of
except ImportError as error:
    raise MissingExtra("backfill.notebook", "notebook") from error

if TYPE_CHECKING:
    from backfill.jsonvalues import JsonValue

__all__ = ["BackfillPanel"]

logger = logging.getLogger("backfill.notebook")

INTERVAL = 0.5
"""Seconds between two messages of what happens, however much that is."""

CALM = 10.0
"""Seconds after which a report is told anew although nothing happened: the time that is left has changed."""

LONELY = 120.0
"""Seconds without a question after which a panel of all jobs is told nothing more, until it asks again: its page may be closed."""

LISTED = 20
"""So many jobs stand in the picture of a panel that is not live."""


class BackfillPanel(anywidget.AnyWidget):
    """The panel for *service*, as a widget: show it at the end of a cell, or put it into a layout of ipywidgets.

    In the saved notebook, and where the kernel is gone, stands a picture of how things were when it was shown. Closing the panel
    (``close()``) removes it from the page; it leaves the service as it is. Any thread.

    Args:
        service: The service whose jobs it shows.
        job: The job that it opens with, or its identifier; ``None`` = the list of jobs.

    Raises:
        InvalidRequest: One of them is not what it must be.
        JobNotFound: There is no such job.
        MissingExtra: The extra ``notebook`` is not installed (on import of the module).
    """

    _esm = cell_module()
    _place = Unicode().tag(sync=True)
    _job = Unicode().tag(sync=True)
    _report = Unicode().tag(sync=True)

    _feed: _Feed | None = None
    _views: tuple[LiveView, ...] = ()

    def __init__(self, service: BackfillService, *, job: Job | str | None = None) -> None:
        self._service = service
        self._app = create_app(service, authorize=everybody)  # who holds the kernel holds the service
        job_id = job.backfill_id if isinstance(job, Job) else job
        if not isinstance(job_id, str | None):
            raise InvalidRequest("job", job, "neither a job nor an identifier", "pass a Job, its backfill_id, or None")
        told = "" if job_id is None else _encoded(service.get_backfill_status(job_id))
        self._feed = _Feed(self, newest(service))
        super().__init__(_job=job_id or "", _report=told)
        self._place = self.model_id or ""
        self.on_msg(self._hear)

    def __repr__(self) -> str:
        return f"<BackfillPanel: {f'job {self._job}' if self._job else 'all jobs'}>"

    def close(self) -> None:
        """Remove the panel from the page, and end what keeps it up to date."""
        if self._feed is not None:  # else it was refused: ipywidgets closes whatever is thrown away
            self._feed.stop()
        views, self._views = self._views, ()
        for view in views:
            view.disappear()
        super().close()

    def _ipython_display_(self) -> None:
        """Show the picture, and the live panel in another output: so the picture is seen when the notebook is opened without its kernel."""
        view = LiveView(self)
        publish({"text/plain": repr(self), "text/html": view.behind(self._picture())})
        view.appear()

    def _repr_mimebundle_(self, **_asked: object) -> tuple[dict[str, object], dict[str, object]] | None:
        made = cast("tuple[dict[str, object], dict[str, object]] | None", super()._repr_mimebundle_())
        if made is None or self._feed is None:
            return None
        self._feed.start()
        return {**made[0], "text/html": self._picture()}, made[1]

    def _picture(self) -> str:
        """Return how things are, for where nothing is live."""
        service = self._service
        if self._job:
            return job_html(Job(service, self._job))  # which shows, too, why nothing can be told
        return jobs_html(service.list_backfills(limit=LISTED), at=datetime.now(UTC))

    def _hear(self, _widget: object, asked: Mapping[str, Any], _buffers: object) -> None:
        """Carry out what a page asks for: in a thread, since the kernel's own must not be made to wait, and runs an event loop."""
        if self._feed is not None:
            self._feed.start()
        threading.Thread(target=self._answer, args=(asked,), name="backfill-panel-answer", daemon=True).start()

    def _answer(self, asked: Mapping[str, Any]) -> None:
        reply = ask_inside(self._app, asked["method"], asked["path"], asked["headers"], asked["body"].encode())
        body = reply.body.decode()
        self.send({"kind": "answer", "id": asked["id"], "status": reply.status, "headers": dict(reply.headers), "body": body})


class LiveView:
    """A panel in a cell, and the picture behind it.

    They are two outputs: a notebook that is opened without its kernel shows of an output that holds a widget an error, or nothing.

    Args:
        panel: The panel.
    """

    def __init__(self, panel: BackfillPanel) -> None:
        self._panel = panel
        self._show: Callable[[Bundle], None] | None = None

    def behind(self, picture: str) -> str:
        """Return *picture* as it is hidden where the panel is live: the panel's style has a rule for it."""
        return element("div", Html(picture), **{"class": f"backfill-behind-{self._panel._place}"})  # noqa: SLF001 - two halves of one widget

    def appear(self) -> None:
        """Show the panel in the cell that runs."""
        made = None if self._panel.comm is None else self._panel._repr_mimebundle_()
        if made is not None:
            self._panel._views += (self,)  # noqa: SLF001 - as above
            self._show = publish({**made[0], **_NOTHING})

    def disappear(self) -> None:
        """Leave nothing of the panel but the picture behind it."""
        if self._show is not None:
            self._show(_NOTHING)

    def close(self) -> None:
        """Close the panel."""
        self._panel.close()


def live_view(job: Job) -> LiveView:
    """Return a live view of *job*, to be closed when it has ended."""
    return LiveView(BackfillPanel(job._service, job=job))  # noqa: SLF001 - the job's own display


_NOTHING: Bundle = {"text/plain": "", "text/html": ""}
"""An output that is not seen."""


class _Feed:
    """Tells one panel what happens, from a thread that ends with the job, with the panel, or when nobody asks any more.

    Args:
        panel: The panel.
        after: Sequence number of the last event that need not be told.
    """

    def __init__(self, panel: BackfillPanel, after: int) -> None:
        self._panel = panel
        self._after = after
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._heard = 0.0
        self._told = 0.0
        self._is_final = self._is_over = False

    def start(self) -> None:
        """Tell what happens from now on, if there is anything left to tell."""
        with self._lock:
            self._heard = time.monotonic()
            if self._thread is None and not self._is_over and not self._stopped.is_set():
                self._thread = threading.Thread(target=self._run, name="backfill-panel-feed", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Tell nothing more."""
        self._stopped.set()

    def _run(self) -> None:
        while self._goes_on():
            try:
                self._is_over = self._tell()
            except BackfillError as error:
                logger.info(
                    "a panel is told nothing more: %s", error
                )  # the service was closed, or the job forgotten: it asks, and is told
                self._panel._report = ""  # noqa: SLF001 - two halves of one widget
                self._is_over = True
            self._stopped.wait(INTERVAL)

    def _goes_on(self) -> bool:
        with self._lock:  # who asks now is either seen here, or starts another thread
            is_alone = not self._panel._job and time.monotonic() - self._heard > LONELY  # noqa: SLF001 - as above
            if self._is_over or is_alone or self._stopped.is_set():
                self._thread = None
                return False
            return True

    def _tell(self) -> bool:
        """Tell the panel what has happened since; return whether nothing will follow."""
        panel, now = self._panel, time.monotonic()
        job = panel._service.get_job(panel._job) if panel._job else None  # noqa: SLF001 - as above
        events = panel._service.events(after=self._after) if job is None else job.events(self._after)  # noqa: SLF001 - as above
        if self._is_final and not events:
            return True
        if job is not None and (events or now - self._told >= CALM):
            self._told = now
            report = job.report()
            panel._report = _encoded(report)  # noqa: SLF001 - as above
            self._is_final = report.status.is_final  # the last events may have come since they were read
        if events:
            self._after = events[-1].seq
            panel.send({"kind": "events", "events": _written(events)})
        return False


def _encoded(report: BackfillReport) -> str:
    return encode_as(object_of(BackfillReport), report).decode()


def _written(events: Sequence[JobEvent]) -> list[JsonValue]:
    return [write(object_of(JobEvent), event) for event in events]
