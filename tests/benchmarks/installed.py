"""How much is installed, and how long an import takes: the core, and what each extra adds to it.

Run it as ``python tests/benchmarks/installed.py [--short] [EXTRA ...]``. Each is installed by pip into a folder of its own, from this checkout, and so
needs a package index; with ``--short`` nothing is installed, and the import of what is here is timed. Sizes are of files without ``.pyc``;
times are the best of several starts of Python, less that of an empty one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

CORE = "core"
USES: Mapping[str, str] = {
    CORE: "import backfill; backfill.BackfillService; import backfill.toastmasters; backfill.toastmasters.open_service",
    "cli": "import backfill.cli.app, rich.console",
    "web": "from backfill.web import create_app",
    "serve": "from backfill.web import create_app; import uvicorn",
    "wsgi": "from backfill.web import create_app; import a2wsgi",
    "s3": "from backfill.objectstores import ObjectSnapshotStore, ObjectRawArchive",
    "dask": "import backfill; import distributed",
    "frames": "import backfill; import polars, nanoarrow",
    "plots": "import backfill; import matplotlib.figure",
}
"""What is imported of each: what its first use would."""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extras", nargs="*", choices=[[], *USES], help="which; all by default")
    parser.add_argument("--short", action="store_true", help="time what is installed here, once")
    parser.add_argument("--repeat", type=int, default=10)
    options = parser.parse_args()
    if options.short:
        sys.stdout.write(f"import backfill: {imported('import backfill', None, 1) * 1000:.0f} ms\n")
        return
    sys.stdout.write("                  MB  added  packages   import ms  modules\n")
    root = Path(__file__).resolve().parents[2]
    least = 0.0
    for name in options.extras or USES:
        with tempfile.TemporaryDirectory() as folder:
            what = f"{root}[{name}]" if name != CORE else str(root)
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "--disable-pip-version-check", what]
            subprocess.run(command, check=True)
            size = megabytes(Path(folder))
            least = least or size
            tell(name, size, size - least, packages(Path(folder)), USES[name], folder, options.repeat)
            if name == CORE:
                tell("import backfill", size, 0.0, packages(Path(folder)), "import backfill", folder, options.repeat)


def tell(name: str, size: float, added: float, count: int, program: str, folder: str, repeat: int) -> None:
    """Print one line."""
    seconds, modules = imported(program, folder, repeat), loaded(program, folder)
    sys.stdout.write(f"{name:15} {size:5.1f}  {added:5.1f}  {count:8}  {seconds * 1000:10.0f}  {modules:7}\n")
    sys.stdout.flush()


def megabytes(folder: Path) -> float:
    """Return the size of all files below a folder, without what Python compiles on first use."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc") / 1e6


def packages(folder: Path) -> int:
    """Return how many distributions are installed there."""
    return len(list(folder.glob("*.dist-info")))


def imported(program: str, folder: str | None, repeat: int) -> float:
    """Return the seconds that *program* takes when its modules have been compiled, less those of an empty one."""
    started(program, folder)  # compiles
    return max(0.0, best(program, folder, repeat) - best("pass", folder, repeat))


def loaded(program: str, folder: str) -> int:
    """Return how many modules *program* loads beyond those of Python's start."""
    counts = [int(started(f"{code}; import sys; print(len(sys.modules))", folder)) for code in (program, "pass")]
    return counts[0] - counts[1]


def best(program: str, folder: str | None, repeat: int) -> float:
    """Return the shortest of several runs."""
    return min(_timed(program, folder) for _ in range(repeat))


def _timed(program: str, folder: str | None) -> float:
    began = time.perf_counter()
    started(program, folder)
    return time.perf_counter() - began


def started(program: str, folder: str | None) -> str:
    """Run *program* with the packages of a folder (``None`` = those that are here) and no others; return what it prints."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    options: Iterable[str] = ()
    if folder is not None:
        environment["PYTHONPATH"], options = folder, ("-S",)
    done = subprocess.run([sys.executable, *options, "-c", program], check=True, capture_output=True, text=True, env=environment)
    return done.stdout


if __name__ == "__main__":
    main()
