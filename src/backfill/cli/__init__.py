"""The command ``backfill``, which is ``python -m backfill``. Needs the extra ``cli``, which is loaded when the command runs.

Each command is one module of this package, named like it, with the object ``command``; `backfill.cli.app` lists them.
"""

from __future__ import annotations

import sys

from backfill.errors import MissingExtra


def main() -> None:
    """Run the command with the arguments of the process, and end the process with its exit code (see `backfill.cli.exits`)."""
    try:
        import click  # noqa: F401, PLC0415 - an extra: only who runs the command needs it
        import rich  # noqa: F401, PLC0415 - looked for before any command needs it
    except ImportError:
        sys.stderr.write(f"{MissingExtra('the command line', 'cli')}\n")
        sys.exit(2)
    from backfill.cli.app import run_app  # noqa: PLC0415 - needs the extra

    run_app()
