"""The public dashboard of Toastmasters districts as a server on this machine, its failures included.

It answers from an archive of report files, byte by byte, and behaves as the dashboard was seen to behave: which year stands at
the root, which slots of an address count, what comes instead of data. How to use it, what was observed, and what had to be
decided without an observation: the how-to page "Test against the dashboard".

It knows nothing of the adapter that it is a test for: the adapter's idea of the dashboard and this one must meet on the wire.
"""

from backfill.testing.dashboard.archive import ReportArchive
from backfill.testing.dashboard.faults import Fault
from backfill.testing.dashboard.log import Counts, RequestRecord
from backfill.testing.dashboard.report import Report, ReportKey
from backfill.testing.dashboard.rules import FaultRule
from backfill.testing.dashboard.server import DashboardServer

__all__ = ["Counts", "DashboardServer", "Fault", "FaultRule", "Report", "ReportArchive", "ReportKey", "RequestRecord"]
