"""The reports that the dashboard exports."""

from __future__ import annotations

from enum import StrEnum


class ReportKind(StrEnum):
    """A report, by the name that the dashboard's export gives it."""

    SUMMARY = "districtsummary"
    """A row for every district: the only one that serves a day as a whole."""
    CLUBS = "clubperformance"
    """A row for every club of a district: membership, goals, levels."""
    DISTRICT = "districtperformance"
    """A row for every club of a district: payments."""
    DIVISIONS = "divisionperformance"
    """A row for every club of a district: visits, and the figures of its area and division."""
