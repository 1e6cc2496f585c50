"""Figures that tests of the interface measure stand at the end of a run."""

from __future__ import annotations

import pytest

FIGURES = "figures"
"""The property under which a test records what it counted."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what passed tests have recorded."""
    reports = terminalreporter.getreports("passed")
    for text in (value for report in reports for name, value in report.user_properties if name == FIGURES):
        terminalreporter.line(str(text))
