"""The panel: its page, and its module."""

from __future__ import annotations

from backfill.web.operations import Answer, Call, Stream
from backfill.web.panel import POLICY, panel_module, panel_page


def get_panel(call: Call) -> Answer | Stream:
    """Show the live panel, as a page for people that loads nothing from elsewhere."""
    return Answer(content=panel_page(call.root).encode(), headers={"Content-Security-Policy": POLICY})


def get_panel_module(call: Call) -> Answer | Stream:  # noqa: ARG001 - it is the same for every call
    """Return the panel as a module for pages of one's own: `BackfillClient`, `<backfill-button>`, `<backfill-panel>`."""
    return Answer(content=panel_module().encode())
