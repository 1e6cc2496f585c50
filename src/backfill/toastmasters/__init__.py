"""The public dashboard of Toastmasters districts: its calendar, its addresses, its reports, and all of that as a data source.

The names below are loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backfill.toastmasters.calendar import ClosingCalendar
    from backfill.toastmasters.dashboard import DASHBOARD_URL
    from backfill.toastmasters.kinds import ReportKind
    from backfill.toastmasters.opening import DashboardService, open_service
    from backfill.toastmasters.refresh import RefreshService
    from backfill.toastmasters.source import RefreshServiceSource

__all__ = [
    "DASHBOARD_URL",
    "ClosingCalendar",
    "DashboardService",
    "RefreshService",
    "RefreshServiceSource",
    "ReportKind",
    "open_service",
]

_HOME_OF = {
    "DASHBOARD_URL": "dashboard",
    "ClosingCalendar": "calendar",
    "DashboardService": "opening",
    "RefreshService": "refresh",
    "RefreshServiceSource": "source",
    "ReportKind": "kinds",
    "open_service": "opening",
}


def __getattr__(name: str) -> object:
    """Load a public name on first use."""
    home = _HOME_OF.get(name)
    if home is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted(__all__)
