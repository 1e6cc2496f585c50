"""Pictures beside each other on one sheet, in light and dark, to look at. Needs the extra "test-browser" and a browser."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any

STYLE = """body { margin: 1rem; font: 14px system-ui; display: grid; grid-template-columns: repeat(4, 1fr); gap: 1rem; align-items: start }
figure { margin: 0 } img { max-width: 100%; border: 1px solid #888 }"""
SCHEMES = ("light", "dark")


class Sheet:
    """Collects what a page shows, and writes all of it as one picture.

    Args:
        page: Playwright's page.
    """

    def __init__(self, page: Any) -> None:
        self._page = page
        self._figures: list[str] = []

    def take(self, name: str, scheme: str) -> None:
        """Take what the page shows now."""
        picture = base64.b64encode(self._page.screenshot(full_page=True)).decode()
        caption = escape(f"{name} ({scheme})")
        self._figures.append(
            f'<figure><figcaption>{caption}</figcaption><img alt="" src="data:image/png;base64,{picture}"></figure>'
        )

    def write(self, path: Path) -> None:
        """Write the sheet; the page shows it from then on."""
        self._page.emulate_media(color_scheme="light")
        self._page.set_viewport_size({"width": 2400, "height": 1000})
        self._page.set_content(f"<style>{STYLE}</style>{''.join(self._figures)}")
        self._page.screenshot(path=path, full_page=True)
