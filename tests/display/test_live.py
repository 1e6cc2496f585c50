"""A job in the cell of a notebook: it is drawn anew while it goes on, and the saved notebook tells the truth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backfill import BackfillRequest, BackfillService, function_source
from backfill.display.live import Bundle, Follower, in_notebook, job_html
from backfill.job import Job
from backfill.stores import MemorySnapshotStore
from service_doubles import PATIENCE, until

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
"""
START = 'job = service.initiate_backfill(BackfillRequest("2024-02-01", "2024-02-03", ["first", "last"]))\njob'
END = "gate.set(); job.wait(60); service.close()"
WITHOUT = "import sys; sys.modules['anywidget'] = None"
WIDGET = "application/vnd.jupyter.widget-view+json"
RUN = 'gate.set(); report = service.run_backfill(BackfillRequest("2024-02-01", None, ["first"]))'


def executed(*cells: str) -> list[list[dict[str, Any]]]:
    """Run cells in a real kernel; return the outputs of each, as the notebook would be saved."""
    formats = pytest.importorskip("nbformat", reason="the extra 'test-notebook' is not installed")
    client = pytest.importorskip("nbclient", reason="the extra 'test-notebook' is not installed")
    notebook = formats.v4.new_notebook(cells=[formats.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    client.NotebookClient(notebook, timeout=PATIENCE).execute()
    formats.validate(notebook)
    return [json.loads(json.dumps(cell["outputs"])) for cell in notebook.cells]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the libraries that run a kernel
@pytest.mark.parametrize("extra", [WITHOUT, "import anywidget"])
def test_a_job_in_a_cell_updates_itself(extra: str) -> None:
    """The cell that showed a job while it ran shows it ended once it has, without being run again; nothing live is left in it. [B9]"""
    _, _, (shown, *live), ended = executed(extra, SETUP, START, END)
    assert ended == []
    assert shown["output_type"] == "display_data"
    html = "".join(shown["data"]["text/html"])
    assert "6 of 6: 6 stored" in html
    assert "complete" in html
    assert "as of" not in html
    assert [output["data"] for output in live] == [{"text/plain": "", "text/html": ""}] * (extra != WITHOUT)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # as above
@pytest.mark.parametrize("extra", [WITHOUT, "import anywidget"])
def test_a_picture_of_a_job_that_was_left_says_when_it_was_taken(extra: str) -> None:
    """A notebook that is saved while a job runs says that it ran, and at what moment that was so, beside the live panel. [B9]"""
    _, _, (shown, *live) = executed(extra, SETUP, START)
    html = "".join(shown["data"]["text/html"])
    assert "processing" in html or "queued" in html
    assert "as of" in html
    assert "UTC" in html
    assert [WIDGET in output["data"] for output in live] == [True] * (extra != WITHOUT)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # as above
def test_waiting_in_a_cell_shows_the_job() -> None:
    """``run_backfill`` in a notebook shows one picture in its cell, the last of which is final. [B9]"""
    _, (shown,) = executed(SETUP, RUN)
    assert "1 of 1: 1 stored" in "".join(shown["data"]["text/html"])


def test_in_a_terminal_a_job_is_a_line_of_text(tmp_path: Path) -> None:
    """In IPython without a notebook a job shows itself as its ``repr``, once. [R10.2]"""
    pytest.importorskip("IPython", reason="the extra 'test-notebook' is not installed")
    script = tmp_path / "cell.py"
    script.write_text(
        f"{SETUP}\ngate.set()\n{START.splitlines()[0]}\nreport = job.wait(60)\ndisplay(job)\nservice.close()\n", encoding="utf-8"
    )
    command = [sys.executable, "-m", "IPython", "--no-banner", "--colors=NoColor", f"--ipython-dir={tmp_path}", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("<Job ") == 1
    assert ": complete>" in done.stdout


def test_nothing_is_a_notebook_here() -> None:
    """A program without IPython is no notebook, and finding that out loads nothing. [R10.2]"""
    assert not in_notebook()


@function_source("still")
def still(_day: object, _district: str, _fetch: object) -> dict[str, int]:
    """Return a figure."""
    return {"figure": 1}


class Cell:
    """Stands for the output of a cell: keeps every picture."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def publish(self, bundle: Bundle) -> object:
        """Show the first picture, and return what shows others."""
        self.shown.append(str(bundle["text/html"]))
        return lambda newer: self.shown.append(str(newer["text/html"]))


def followed(job: Job, cell: Cell, monotonic: float = 0.0) -> Follower:
    """Return what follows *job* into *cell*, by a clock that stands still."""
    return Follower(job, lambda: {"text/html": job_html(job)}, cell.publish, lambda: monotonic)  # type: ignore[arg-type] # its function takes a bundle


def test_pictures_are_few_and_the_last_is_final() -> None:
    """However many events there are, pictures are drawn at intervals, and the end at once. [B9]"""
    cell = Cell()
    with BackfillService(still, MemorySnapshotStore()) as service:
        job = service.initiate_backfill(BackfillRequest("2023-01-01", "2023-12-31", ["one"]))
        followed(job, cell).start()
        job.wait(PATIENCE)
        until(lambda: "365 of 365" in cell.shown[-1] and "complete" in cell.shown[-1])
    assert len(cell.shown) <= 6  # the first, one for the interval, and those of changes of state


def test_a_job_that_has_ended_is_drawn_and_left() -> None:
    """Nothing is followed of a job that has ended; what it is, is shown. [B9]"""
    cell = Cell()
    with BackfillService(still, MemorySnapshotStore()) as service:
        job = service.initiate_backfill(BackfillRequest("2023-01-01", None, ["one"]))
        job.wait(PATIENCE)
        followed(job, cell).start()
    assert all("complete" in picture for picture in cell.shown)


def test_a_job_that_cannot_be_followed_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that was forgotten is shown with the reason, and raises nothing into the cell. [B9]"""
    cell = Cell()
    with BackfillService(still, MemorySnapshotStore()) as service:
        job = service.initiate_backfill(BackfillRequest("2023-01-01", None, ["one"]))
        job.wait(PATIENCE)
        monkeypatch.setattr(job, "backfill_id", "lost")
        followed(job, cell).start()
    assert "not to be had" in cell.shown[-1]
