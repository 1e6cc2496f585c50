"""``python -m backfill.testing.dashboard --port 8080`` runs the server until it is interrupted."""

from backfill.testing.dashboard.command import main

main()
