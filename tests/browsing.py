"""A browser's tabs, watched: errors on the console, exceptions, failed requests, and requests to anybody else."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from panel_scenes import Scene

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
PATIENCE = 30_000.0
"""Milliseconds after which a test that waits for something in a page gives up."""


def find_browser() -> tuple[str, tuple[str, ...]] | None:
    """Return where a browser is, with the flags to start it with; ``None`` = nowhere."""
    found = os.environ.get("BACKFILL_BROWSER") or shutil.which("chromium")
    return None if found is None else (found, FLAGS)


def node_modules(*path: str) -> Path | None:
    """Return a file of the npm packages that the environment names; ``None`` = it is not there."""
    root = os.environ.get("BACKFILL_NODE_MODULES")
    found = None if root is None else Path(root).joinpath(*path)
    return found if found is not None and found.exists() else None


class Tabs:
    """Tabs of one window of a browser.

    Args:
        browser: Playwright's.
        options: Of the window.

    Attributes:
        amiss: What was amiss in any of them.
        asked: Every address that was asked for.
    """

    def __init__(self, browser: object, **options: object) -> None:
        self._window: Any = browser.new_context(viewport={"width": 1000, "height": 800}, **options)  # type: ignore[attr-defined] # Playwright's
        self._window.set_default_timeout(PATIENCE)
        self.amiss: list[str] = []
        self.asked: list[str] = []
        self._allowed: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._window.close()

    def open(self, url: str) -> Any:
        """Open a tab."""
        page = self._window.new_page()
        page.on("console", lambda message: self._note(message.type in {"error", "warning"}, message.text))
        page.on("pageerror", lambda error: self._note(True, str(error)))
        page.on("request", lambda request: self._ask(request.url))
        page.goto(url)
        return page

    def allow(self, *patterns: str) -> None:
        """Expect what else would be amiss, for instance the console's line about an answer that is an error."""
        self._allowed += patterns

    def _ask(self, url: str) -> None:
        self.asked.append(url)
        parts = urlsplit(url)
        self._note(parts.scheme not in {"data", "blob"} and parts.hostname != "127.0.0.1", f"asked for {url}")

    def _note(self, amiss: bool, what: str) -> None:
        if amiss:
            self.amiss.append(what)

    def check(self) -> None:
        """Fail over what was amiss and not allowed."""
        found = [what for what in self.amiss if not any(re.search(pattern, what) for pattern in self._allowed)]
        assert not found, found


def enact(page: Any, scene: Scene) -> None:
    """Bring the panel into the state of a scene."""
    page.set_viewport_size({"width": scene.width, "height": 800})
    page.wait_for_function("globalThis.show")
    page.evaluate("([answers, ui]) => show(answers, ui)", [scene.answers, dict(scene.ui)])
    for label in scene.presses:
        page.get_by_role("button", name=label, exact=True).click()
    page.evaluate("calm()")
    if scene.unfold:
        page.evaluate(
            "document.querySelector('backfill-panel').shadowRoot.querySelectorAll('summary').forEach((each) => each.click())"
        )
    page.evaluate("calm()")
