"""The notebooks run from top to bottom, and show and print what is saved in them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from service_doubles import PATIENCE

pytest.importorskip("nbclient", reason="the extra 'test-notebook' is not installed")
pytest.importorskip("matplotlib", reason="the extra 'plots' is not installed")

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "examples" / "notebooks").glob("*.ipynb"))
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # of the libraries that run a kernel


def printed(cell: Any) -> str:
    """Return what a cell prints."""
    return "".join(output["text"] for output in cell.get("outputs", ()) if output["output_type"] == "stream")


def shown(cell: Any) -> list[list[str]]:
    """Return the forms of what a cell shows; the place of a live panel that has gone shows nothing."""
    return [sorted(output["data"]) for output in cell.get("outputs", ()) if any(output.get("data", {}).values())]


def words(cell: Any) -> list[str]:
    """Return the heading and the badge of each display of a cell: what it is of, and how it stands."""
    pages = ["".join(output["data"].get("text/html", "")) for output in cell.get("outputs", ()) if "data" in output]
    headings = [re.sub(r"<[^>]+>", "", found) for page in pages for found in re.findall(r'<div role="heading".*?</div>', page)]
    return [re.sub(r"Job \S+", "Job", heading) for heading in headings]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_gives_what_is_saved_in_it(path: Path, tmp_path: Path) -> None:
    """Each cell prints what is saved, to the letter, and shows the same kinds of pictures of the same things. [R10.4, B9]"""
    saved = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call] # nbformat's is untyped
    fresh = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call] # as above
    NotebookClient(fresh, timeout=PATIENCE, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert len(saved.cells) == len(fresh.cells)
    for was, became in zip(saved.cells, fresh.cells, strict=True):
        assert (printed(became), shown(became), words(became)) == (printed(was), shown(was), words(was)), was.source
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_saved_notebook_tells_of_nobody(path: Path) -> None:
    """What is saved holds no path of the machine that it was run on, no error, and no job that is still going on. [R10.4]"""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"/(?:tmp|home|root|Users)/|as of \d{4}-\d\d-\d\d \d\d:", text)
    assert '"output_type": "error"' not in text


def test_there_are_three_notebooks() -> None:
    """A first picture, a source of one's own, and figures that can be trusted. [R10.4]"""
    assert [path.stem for path in NOTEBOOKS] == ["a_source_of_your_own", "figures_that_can_be_trusted", "first_picture"]
