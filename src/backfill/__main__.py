"""``python -m backfill`` is the command ``backfill``."""

from backfill.cli import main

main()
