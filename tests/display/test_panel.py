"""The panel as a widget: the kernel carries out what a page asks for, tells what happens at a bounded rate, and leaves nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from backfill import BackfillRequest, BackfillService, function_source
from backfill.errors import InvalidRequest, JobNotFound
from backfill.stores import MemorySnapshotStore
from service_doubles import PATIENCE, GatedSource, until

pytest.importorskip("anywidget", reason="the extra 'test-notebook' is not installed")
from backfill import notebook

WIDGET = "application/vnd.jupyter.widget-view+json"


@function_source("still")
def still(_day: object, _district: str, _fetch: object) -> dict[str, int]:
    """Return a figure."""
    return {"figure": 1}


class Heard(notebook.BackfillPanel):
    """A panel that keeps what it sends to its pages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        super().__init__(*args, **kwargs)

    def send(self, content: Any, buffers: Any = None) -> None:
        """Keep a message."""
        self.sent.append(content)

    def ask(self, method: str, path: str, body: str = "") -> dict[str, Any]:
        """Ask as a page does; return the answer."""
        headers = {"Content-Type": "application/json"} if body else {}
        before = len(self.sent)
        asked = {"kind": "ask", "id": f"page {before}", "method": method, "path": path, "headers": headers, "body": body}
        self._handle_custom_msg(asked, [])
        until(lambda: any(message.get("id") == asked["id"] for message in self.sent))
        (answer,) = (message for message in self.sent if message.get("id") == asked["id"])
        return answer


def feeds() -> list[str]:
    """Return the panel's threads that run."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("backfill-panel")]


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """Fail a test whose panels leave a thread."""
    yield
    until(lambda: not feeds())


def shown(panel: notebook.BackfillPanel) -> dict[str, Any]:
    """Show a panel; return the data of its output."""
    made: Any = panel._repr_mimebundle_()
    data: dict[str, Any] = made[0]
    return data


def test_a_page_asks_and_is_answered() -> None:
    """What the interface offers over HTTP is there by messages: reading, starting, and a refusal that says why. [B9, R12.1]"""
    with BackfillService(still, MemorySnapshotStore()) as service:
        panel = Heard(service)
        assert json.loads(panel.ask("GET", "/backfills?limit=5")["body"]) == {"items": [], "next": None}
        started = panel.ask("POST", "/backfills", '{"startDate": "2024-01-01", "targetDistricts": ["one"]}')
        assert started["status"] == 202
        job = service.get_job(json.loads(started["body"])["backfillId"])
        assert job.wait(PATIENCE).status == "complete"
        refused = panel.ask("POST", "/backfills", '{"startDate": "yesterday"}')
        assert refused["status"] == 400
        assert refused["headers"]["content-type"] == "application/problem+json"
        assert (
            panel.ask("GET", f"/backfills/{job.backfill_id}/events")["status"] == 200
        )  # what streams ends: nobody would read it
        assert repr(panel) == "<BackfillPanel: all jobs>"
        panel.close()


def test_a_job_is_steered_by_messages() -> None:
    """A page pauses, resumes and cancels the job that it shows. [B9, R8.4]"""
    source = GatedSource()
    with BackfillService(source, MemorySnapshotStore()) as service:
        job = service.initiate_backfill(BackfillRequest("2026-01-05", "2026-01-08", ["A"], concurrency=1))
        panel = Heard(service, job=job)
        source.await_arrivals()
        assert panel.ask("POST", f"/backfills/{job.backfill_id}/cancel")["status"] == 202
        source.gate.set()
        assert job.wait(PATIENCE).status == "cancelled"
        panel.close()


def test_what_happens_is_told_at_a_bounded_rate() -> None:
    """However fast a job is, its panel is sent a message every half second at most, and in the end all of it was told. [B9, R9.5]"""
    with BackfillService(still, MemorySnapshotStore()) as service:
        job = service.initiate_backfill(BackfillRequest("2020-01-01", "2023-12-31", ["one"]))
        began = time.monotonic()
        panel = Heard(service, job=job)
        shown(panel)
        until(lambda: not feeds())  # the job has ended, and so has what told of it
        told = [message for message in panel.sent if message["kind"] == "events"]
        assert len(told) <= (time.monotonic() - began) / notebook.INTERVAL + 1
        assert told[-1]["events"][-1]["change"]["status"] == "complete"
        assert json.loads(panel._report)["status"] == "complete"
        assert json.loads(panel._report)["progress"]["completed"] == 1461
        panel.close()


def test_two_panels_of_one_job_are_told_the_same() -> None:
    """A job may be shown twice: each of its panels is told all of it. [B9]"""
    source = GatedSource()
    with BackfillService(source, MemorySnapshotStore()) as service:
        job = service.initiate_backfill(BackfillRequest("2026-01-05", "2026-01-08", ["A"]))
        panels = [Heard(service, job=job), Heard(service, job=job.backfill_id)]
        for panel in panels:
            shown(panel)
        source.gate.set()
        until(lambda: not feeds())
        seqs = [[event["seq"] for message in panel.sent for event in message["events"]] for panel in panels]
        assert seqs[0][-1] == seqs[1][-1]
        assert all(json.loads(panel._report)["status"] == "complete" for panel in panels)
        for panel in panels:
            panel.close()


def test_a_panel_that_nobody_asks_is_told_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The panel of a service ends its thread when no page asks any more, and goes on where it was when one does. [B9]"""
    monkeypatch.setattr(notebook, "INTERVAL", 0.01)
    with BackfillService(still, MemorySnapshotStore()) as service:
        panel = Heard(service)
        with monkeypatch.context() as lonely:
            lonely.setattr(notebook, "LONELY", 0.0)
            shown(panel)
            until(lambda: not feeds())
        service.initiate_backfill(BackfillRequest("2024-01-01", None, ["one"])).wait(PATIENCE)
        assert panel.sent == []
        panel.ask("GET", "/health")
        until(lambda: any(message["kind"] == "events" for message in panel.sent))
        panel.close()


def test_a_service_that_is_closed_is_not_told_of(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the job can no longer be asked for, the panel ends its thread, and a page that asks is told why. [B9]"""
    monkeypatch.setattr(notebook, "CALM", 0.0)
    source = GatedSource()
    with BackfillService(source, MemorySnapshotStore()) as service:
        job = service.initiate_backfill(BackfillRequest("2026-01-05", "2026-01-06", ["A"]))
        panel = Heard(service, job=job)
        with monkeypatch.context() as broken:
            broken.setattr(service, "get_job", lost)
            shown(panel)
            until(lambda: not feeds())
        assert panel._report == ""
        source.gate.set()
        panel.close()


def lost(backfill_id: str) -> None:
    """Know no job.

    Raises:
        JobNotFound: Always.
    """
    raise JobNotFound(backfill_id)


def test_a_panel_holds_a_picture_for_where_it_is_not_live() -> None:
    """Its output holds HTML without a script, of the job, or of the newest jobs. [B9]"""
    with BackfillService(still, MemorySnapshotStore()) as service:
        job = service.initiate_backfill(BackfillRequest("2024-01-01", None, ["one"]))
        job.wait(PATIENCE)
        for panel, words in ((Heard(service, job=job), "1 of 1: 1 stored"), (Heard(service), "as of")):
            data = shown(panel)
            assert WIDGET in data
            assert words in data["text/html"]
            assert job.backfill_id in data["text/html"]
            assert "<script" not in data["text/html"]
            panel.close()


def test_without_a_job_the_picture_says_so() -> None:
    """Of a service that has no jobs yet the picture says that there are none. [B9]"""
    with BackfillService(still, MemorySnapshotStore()) as service:
        panel = Heard(service)
        assert "none yet" in shown(panel)["text/html"]
        panel.close()


def test_what_is_no_job_is_refused() -> None:
    """A job that is none, and one that nobody knows, are refused when the panel is made. [R10.2]"""
    with BackfillService(still, MemorySnapshotStore()) as service:
        with pytest.raises(InvalidRequest, match="neither a job nor an identifier"):
            notebook.BackfillPanel(service, job=7)  # type: ignore[arg-type] # that is the point
        with pytest.raises(JobNotFound):
            notebook.BackfillPanel(service, job="nowhere")


@pytest.mark.parametrize("library", ["anywidget", "starlette"])
def test_without_the_extra_the_error_names_it(library: str) -> None:
    """Who has not installed the extra is told what to install. [R10.2]"""
    code = f"import sys; sys.modules[{library!r}] = None\nfrom backfill.notebook import BackfillPanel"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert "MissingExtra" in done.stderr
    assert "backfill[notebook]" in done.stderr


KERNEL = """
import threading
from backfill import BackfillRequest, BackfillService, function_source
from backfill.notebook import BackfillPanel
from backfill.stores import MemorySnapshotStore
gate = threading.Event()
@function_source("gated")
def gated(day, district, fetch):
    gate.wait(60)
    return {"figure": 1}
service = BackfillService(gated, MemorySnapshotStore())
job = service.initiate_backfill(BackfillRequest("2024-02-01", "2024-02-09", ["first"], concurrency=1))
panel = BackfillPanel(service, job=job)
print(job.backfill_id, panel.model_id)
"""


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the libraries that run a kernel
def test_a_real_kernel_is_asked_over_its_comm() -> None:
    """A message on the widget's comm cancels the job of a real kernel, which answers and tells the end by the same way. [B9, R8.4]"""
    manager = pytest.importorskip("jupyter_client.manager", reason="the extra 'test-notebook' is not installed")
    kernels, client = manager.start_new_kernel()
    try:
        heard: list[Any] = []
        client.execute_interactive(KERNEL, timeout=PATIENCE, output_hook=heard.append)
        (line,) = (message["content"]["text"] for message in heard if message["msg_type"] == "stream")
        backfill_id, comm = line.split()
        asked = {
            "kind": "ask",
            "id": "1",
            "method": "POST",
            "path": f"/backfills/{backfill_id}/cancel",
            "headers": {},
            "body": "",
        }
        content = {"comm_id": comm, "data": {"method": "custom", "content": asked}}
        client.shell_channel.send(client.session.msg("comm_msg", content))
        answer = next_message(client, comm, "answer")
        assert answer["status"] == 202
        assert json.loads(answer["body"])["backfillId"] == backfill_id
        client.execute("gate.set()")
        told: list[str] = []
        while "cancelled" not in told:
            told += [event["change"].get("status", "") for event in next_message(client, comm, "events")["events"]]
    finally:
        client.stop_channels()
        kernels.shutdown_kernel(now=True)


def next_message(client: Any, comm: str, kind: str) -> dict[str, Any]:
    """Return the next message of a kind that a widget sends to its pages."""
    while True:
        message = client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == comm:
            content: dict[str, Any] = message["content"]["data"].get("content", {})
            if content.get("kind") == kind:
                return content
