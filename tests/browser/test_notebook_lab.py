"""A job in the cell of a real JupyterLab, in a real browser: seen while it runs, seen when it has ended, and saved so."""

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

from browsing import PATIENCE
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
    if district == "last":
        gate.wait(60)
    return {"figure": 1}
service = BackfillService(gated, MemorySnapshotStore())
job = service.initiate_backfill(BackfillRequest("2024-02-01", "2024-02-03", ["first", "last"]))
job
"""


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


def test_a_job_is_seen_while_it_runs_and_when_it_has_ended(browser: Any, tmp_path: Path) -> None:
    """The first cell shows the job going on, then ended, while only the second is run; so it is saved. [B9]"""
    notebook = formats.v4.new_notebook(
        cells=[formats.v4.new_code_cell(SETUP), formats.v4.new_code_cell("gate.set()\nservice.close(wait=True)")]
    )
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    file = tmp_path / "work" / "job.ipynb"
    file.parent.mkdir()
    formats.write(notebook, file)
    with lab(tmp_path) as url:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{url}/lab/tree/job.ipynb?token={TOKEN}&reset")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.locator(".jp-Notebook .jp-Cell").first.locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        output = page.locator(".jp-Notebook .jp-Cell").first.locator(".jp-OutputArea")
        output.get_by_text("processing", exact=True).wait_for()
        assert "as of" in output.inner_text()
        page.locator(".jp-Notebook .jp-Cell").nth(1).locator(".cm-content").click()
        page.keyboard.press("Shift+Enter")
        output.get_by_text("complete", exact=True).wait_for()
        assert "6 of 6: 6 stored" in output.inner_text()
        assert output.locator("section").count() == 1
        page.keyboard.press("Control+s")
        until(lambda: "6 of 6: 6 stored" in file.read_text(encoding="utf-8"))
        page.screenshot(path=os.environ.get("BACKFILL_LAB_PICTURE", str(tmp_path / "lab.png")))
        page.close()
    (shown,) = json.loads(file.read_text(encoding="utf-8"))["cells"][0]["outputs"]
    assert "complete" in "".join(shown["data"]["text/html"])
