"""The panel in the cell of a real JupyterLab, in a real browser: a job is seen and steered while it runs, seen when it has ended, and saved so."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from browsing import Tabs
from service_doubles import until

formats = pytest.importorskip("nbformat", reason="the extra 'test-lab' is not installed")
pytest.importorskip("jupyterlab", reason="the extra 'test-lab' is not installed")

TOKEN = "of-this-test"
SETUP = """
import threading
from backfill import BackfillRequest, BackfillService, function_source
from backfill.stores import MemorySnapshotStore
gate = threading.Event()
@function_source("gated")
def gated(day, district, fetch):
    if day.day == 1:
        gate.wait(60)
    return {"figure": 1}
service = BackfillService(gated, MemorySnapshotStore())
job = service.initiate_backfill(BackfillRequest("2024-02-01", "2024-02-05", ["first", "last"]))
job
"""
FREE = "gate.set()\njob.wait(60)"
WIDGET = "application/vnd.jupyter.widget-view+json"


@contextmanager
def lab(place: Path) -> Iterator[str]:
    """Run JupyterLab over a folder, with nothing of the user's, and hand out its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folders = (
        "JUPYTER_CONFIG_DIR",
        "JUPYTER_RUNTIME_DIR",
        "JUPYTER_DATA_DIR",
        "IPYTHONDIR",
        "JUPYTERLAB_SETTINGS_DIR",
        "JUPYTERLAB_WORKSPACES_DIR",
    )
    options = (
        "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={place / 'work'}", "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    )  # fmt: skip
    environment = {**os.environ, **{name: str(place / name) for name in folders}}
    (place / "work").mkdir()
    with (place / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "jupyterlab", *options], env=environment, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: process.poll() is not None or _answers(url))
            assert process.poll() is None, (place / "log").read_text(encoding="utf-8")
            yield url
        finally:
            process.terminate()
            process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api", trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Hand out a running JupyterLab's address, and the folder that it serves."""
    place = tmp_path_factory.mktemp("lab")
    with lab(place) as url:
        yield url, place / "work"


class Notebook:
    """A notebook, opened in a tab.

    Args:
        tabs: Where tabs are opened.
        served: A JupyterLab.
        name: Of the file.
        cells: Its code; none = the file is there already.
    """

    def __init__(self, tabs: Tabs, served: tuple[str, Path], name: str, *cells: str) -> None:
        self.url, folder = served
        self.file = folder / name
        if cells:
            notebook = formats.v4.new_notebook(cells=[formats.v4.new_code_cell(cell) for cell in cells])
            notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
            formats.write(notebook, self.file)
        tabs.allow("is taking too long to activate")  # JupyterLab's own parts, on a machine that is busy
        self.page = tabs.open(f"{self.url}/lab/tree/{name}?token={TOKEN}&reset")
        self.page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()

    def cell(self, number: int) -> Any:
        """Return a cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def output(self, number: int) -> Any:
        """Return what a cell shows."""
        return self.cell(number).locator(".jp-OutputArea")

    def run(self, number: int) -> None:
        """Run a cell."""
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def saved(self, number: int) -> dict[str, Any]:
        """Save the notebook, and return what the file then holds of the first output of a cell."""
        before = self.file.stat().st_mtime_ns
        self.page.keyboard.press("Control+s")
        until(lambda: self._is_written_since(before))
        data: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))["cells"][number]["outputs"][0]["data"]
        return data

    def _is_written_since(self, before: int) -> bool:
        try:
            return self.file.stat().st_mtime_ns != before and self.file.read_bytes().endswith(b"}\n")  # it is not written at once
        except FileNotFoundError:  # for the moment in which JupyterLab puts the new file in the place of the old one
            return False

    def end_kernels(self) -> None:
        """End every kernel that the JupyterLab runs."""
        headers = {"Authorization": f"token {TOKEN}"}
        for kernel in httpx.get(f"{self.url}/api/kernels", headers=headers, trust_env=False).json():
            httpx.delete(f"{self.url}/api/kernels/{kernel['id']}", headers=headers, trust_env=False).raise_for_status()


def test_a_job_is_seen_while_it_runs_and_when_it_has_ended(tabs: Tabs, served: tuple[str, Path]) -> None:
    """The cell shows the job going on in the panel; once it has ended, a picture without a script, which is what is saved. [B9, R12.3]"""
    notebook = Notebook(tabs, served, "ends.ipynb", SETUP, FREE)
    notebook.run(0)
    shown = notebook.output(0)
    shown.get_by_text("Running", exact=True).wait_for()
    shown.get_by_text("8 of 10 done").first.wait_for()
    shown.get_by_text("Live", exact=True).wait_for()
    assert shown.locator("backfill-heat-map").count() == 1
    notebook.run(1)
    shown.get_by_text("complete", exact=True).wait_for()
    assert "10 of 10: 10 stored" in shown.inner_text()
    assert shown.locator("section").count() == 1
    shown.locator("backfill-panel").wait_for(state="detached")
    data = notebook.saved(0)
    assert "10 of 10: 10 stored" in "".join(data["text/html"])
    assert WIDGET not in data
    notebook.page.screenshot(path=os.environ.get("BACKFILL_LAB_PICTURE", str(notebook.file.with_suffix(".png"))))


def test_a_job_is_steered_from_the_cells_that_show_it(tabs: Tabs, served: tuple[str, Path]) -> None:
    """A job in two cells is paused from one, resumed from the other, and cancelled; both show what became of it. [B9, R8.4]"""
    slow = SETUP.replace("if day.day == 1:\n        gate.wait(60)", "gate.wait(0.05)").replace("2024-02-01", "2014-02-01")
    notebook = Notebook(tabs, served, "steered.ipynb", slow, "job")
    notebook.run(0)
    notebook.run(1)
    one, other = notebook.output(0), notebook.output(1)
    other.get_by_text("Running", exact=True).wait_for()
    one.get_by_role("button", name="Pause", exact=True).click()
    for shown in (one, other):
        shown.get_by_text("Paused", exact=True).wait_for()
    other.get_by_role("button", name="Resume", exact=True).click()
    one.get_by_text("Running", exact=True).wait_for()
    one.get_by_role("button", name="Cancel", exact=True).click()
    one.get_by_role("button", name="Yes, cancel it").click()
    for shown in (one, other):
        shown.get_by_text("cancelled", exact=True).wait_for()
        assert shown.locator("backfill-panel").count() == 0


def test_a_job_is_begun_from_the_panel_of_a_service(tabs: Tabs, served: tuple[str, Path]) -> None:
    """The panel of a service starts a job, shows it to its end, and retries what failed of another. [B9, R12.2]"""
    code = SETUP.replace("return {", "if day.day == 2: raise ValueError(day)\n    return {").removesuffix("job\n")
    show = "from backfill.notebook import BackfillPanel\nBackfillPanel(service)"
    notebook = Notebook(tabs, served, "service.ipynb", f"{code}gate.set()\nreport = job.wait(60)", show)
    notebook.run(0)
    notebook.run(1)
    shown = notebook.output(1)
    shown.get_by_text("Partly done", exact=True).wait_for()
    shown.get_by_role("tab", name="New backfill").click()
    shown.get_by_label("First day").fill("2024-03-01")
    shown.get_by_label("Districts").fill("first")
    shown.get_by_role("button", name="Start this backfill").click()
    shown.get_by_text("Complete", exact=True).wait_for()
    shown.get_by_role("button", name="All backfills").click()
    shown.get_by_role("button", name="Districts first, last").click()
    shown.get_by_role("button", name="Retry what failed").click()
    shown.get_by_text("0 of 2 done").or_(shown.get_by_text("2 of 2 done")).first.wait_for()
    assert "partial success" in "".join(notebook.saved(1)["text/html"])


def test_a_notebook_whose_kernel_has_gone_says_what_was(tabs: Tabs, served: tuple[str, Path]) -> None:
    """When the kernel goes the panel says so; the saved notebook, opened anew, shows how things were, and when. [B9]"""
    tabs.allow("kernel", "404", "widget model not found")  # JupyterLab's console about the kernel that was taken from it
    notebook = Notebook(tabs, served, "left.ipynb", SETUP)
    notebook.run(0)
    shown = notebook.output(0)
    shown.get_by_text("8 of 10 done").first.wait_for()
    assert not shown.get_by_text("as of").is_visible()  # the picture stands behind the panel
    assert "8 of 10" in "".join(notebook.saved(0)["text/html"])
    notebook.end_kernels()
    shown.get_by_text("The kernel has gone").first.wait_for()
    assert shown.get_by_text("8 of 10 done").first.is_visible()
    notebook.page.close()
    again = Notebook(tabs, served, "left.ipynb")
    left = again.output(0)
    left.get_by_text("as of").wait_for()
    assert left.locator("backfill-panel").count() == 0
    assert "processing" in left.inner_text()
    assert "8 of 10: 8 stored, 2 pending" in left.inner_text()
