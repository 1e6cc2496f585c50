"""History that can be trusted: collect, damage, prove, rebuild, look back; without a network.

A server on this machine plays the dashboard of Toastmasters districts over the figures that come with the package. Run it as
``python examples/history/prove_history.py [--root FOLDER]``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from backfill import BackfillRequest
from backfill.testing.dashboard import DashboardServer, ReportArchive
from backfill.toastmasters import DashboardService, open_service

START, END = "2022-10-31", "2023-01-31"
PATIENCE = 120


def collect(service: DashboardService) -> None:
    """Collect four month-ends: all districts in summary, one in full."""
    for districts in (None, ["91"]):
        report = service.run_backfill(BackfillRequest(START, END, districts, frequency="month-end"), progress=False)
        print(f"collected: {report.status}, {report.progress.completed} stored")


def look(service: DashboardService) -> None:
    """Show what is there, where a figure comes from, and how it went."""
    print(service.coverage(START, END, districts=["91", "F"], frequency="month-end").to_text(ascii_only=True))
    told = service.explain(END, "91")
    print(f"91 on {END}: {told.why}; made from")
    for one in told.documents:
        print(f"  {one.ref.name}, {one.size} bytes, {one.kept}")
    table = service.history(["91"], ["totals.totalMembership", "totals.totalPayments"])
    for day, district, _as_of, _detail, members, payments in table.rows():
        print(f"{day} {district}: {members} members, {payments} payments")


def prove(service: DashboardService) -> None:
    """Show that all of it follows from the archive, and what happens when it does not."""
    print(f"proved: {service.verify(START, END).is_proved}")
    file = service.store.root / END / "district_91.json"
    file.write_bytes(file.read_bytes().replace(b'"totalMembership":', b'"totalMembership":1'))
    for difference in service.verify(START, END).differences:
        print(f"{difference.day} {difference.district}: {difference.cause}")
    report = service.rebuild(START, END).wait(PATIENCE)
    print(f"rebuilt: {report.status}, {report.progress.completed} made; proved again: {service.verify(START, END).is_proved}")


def main() -> None:
    """Do all of it."""
    parser = argparse.ArgumentParser(description="History that can be trusted.")
    parser.add_argument("--root", type=Path, help="where to keep it; by default a temporary folder")
    root = parser.parse_args().root
    with (
        tempfile.TemporaryDirectory() as folder,
        DashboardServer(ReportArchive.shipped()) as server,
        open_service(root or Path(folder), base_url=server.url, rate=None) as service,
    ):
        collect(service)
        look(service)
        asked = len(server.requests)
        prove(service)
        print(f"requests while proving and rebuilding: {len(server.requests) - asked}")


if __name__ == "__main__":
    main()
