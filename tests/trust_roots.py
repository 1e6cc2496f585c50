"""A small root, collected once over real HTTP, and copied for each test that changes it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path

import pytest

from backfill.jsonvalues import dumps
from backfill.toastmasters import DashboardService, open_service
from tm_serving import clock_at, opened, ran, serving, whole

TODAY = "2023-06-01"
START, END = "2023-01-31", "2023-02-28"
DAY, SECOND = START, END


def collect(root: Path) -> None:
    """Collect two closed months: two districts in full, one in summary."""
    files = whole("2023-01", "2023-02-08", ("61", "F", "U"), full=("61", "F")) | whole(
        "2023-02", "2023-03-09", ("61", "F", "U"), full=("61", "F")
    )
    with serving(files, TODAY) as server, opened(root, server, TODAY) as service:
        assert ran(service, START, END, frequency="month-end").status == "complete"
        assert ran(service, START, END, ["61", "F"], frequency="month-end").status == "complete"


@contextmanager
def over(
    root: Path, today: str | None = TODAY, executor: Executor | None = None, *, resume: bool = True
) -> Iterator[DashboardService]:
    """Provide the service over a root, with a dashboard that nobody answers at, on the day *today* (``None`` = the system's)."""
    clock = None if today is None else clock_at(today)
    with open_service(root, base_url="http://127.0.0.1:9", rate=None, clock=clock, executor=executor, resume=resume) as service:
        yield service


def copied(root: Path, to: Path) -> Path:
    """Return a copy of a root."""
    shutil.copytree(root, to)
    return to


def stored(root: Path) -> Mapping[str, bytes]:
    """Return every record and summary, by path."""
    found = sorted((root / "snapshots").glob("2*/*.json"))
    return {
        str(path.relative_to(root)): path.read_bytes() for path in found if path.name not in {"manifest.json", "metadata.json"}
    }


def file_of(root: Path, name: str = "district_61.json", day: str = DAY) -> Path:
    """Return a stored file."""
    return root / "snapshots" / day / name


def blob_of(root: Path, name: str) -> Path:
    """Return the archived content of the document of this identity."""
    with sqlite3.connect(root / "raw" / "index.sqlite3") as connection:
        sha256: str
        (sha256,) = connection.execute("SELECT sha256 FROM answers WHERE name = ? AND usable = 1", (name,)).fetchone()
    connection.close()
    return root / "raw" / "contents" / sha256[:2] / f"{sha256[2:]}.gz"


def forget(root: Path, name: str) -> None:
    """Take a document out of the archive's index."""
    with sqlite3.connect(root / "raw" / "index.sqlite3") as connection:
        connection.execute("DELETE FROM answers WHERE name = ?", (name,))
    connection.close()


def edited(path: Path, change: Callable[[dict[str, object]], None]) -> bytes:
    """Change a JSON file, and return what it holds then."""
    held = json.loads(path.read_bytes())
    change(held)
    content = dumps(held)
    path.write_bytes(content)
    return content


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root as it was collected; to be read only."""
    root = tmp_path_factory.mktemp("pristine") / "root"
    collect(root)
    return root


@pytest.fixture
def root(pristine: Path, tmp_path: Path) -> Path:
    """A copy of the root, to be changed."""
    return copied(pristine, tmp_path / "root")
