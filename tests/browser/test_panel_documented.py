"""What the documentation and the example show of the panel, in a browser."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from backfill.testing.source import ScriptedDashboard
from browsing import Tabs
from panel_hosts import host_of
from service_doubles import PATIENCE, serving
from web_hosts import as_app, uvicorn_serving

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "show-the-panel.md"


def blocks(language: str) -> list[str]:
    """Return the code blocks of the page on the panel in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_snippets_work_as_they_are_shown(tabs: Tabs) -> None:
    """The page's HTML and CSS, put into one page of a host that mounts the interface where they say, do what is said. [R10.4, R12.1]"""
    panel, button, words = blocks("html")
    body = f"<style>{blocks('css')[0]}</style>{words}{panel}{button}"
    with serving(ScriptedDashboard(districts=["61", "F"])) as service:
        host = host_of(service, {"/": body}, {})
        (mount,) = [route for route in host.routes if getattr(route, "path", "") == "/bf"]
        mount.path, mount.path_regex = "/backfill", re.compile("^/backfill/(?P<path>.*)$")  # type: ignore[attr-defined] # a mount has them
        tabs.allow("status of 422")  # its clock says 2026, and the snippet asks for 2024: then it is no problem
        with uvicorn_serving(as_app(host)) as url:
            page = tabs.open(url)
            page.get_by_role("tab", name="Trabalhos").wait_for()
            page.get_by_role("button", name="Fetch January").click()
            page.get_by_role("status").get_by_text("Complete").wait_for()
            colour = page.evaluate(
                "getComputedStyle(document.querySelector('backfill-panel')).getPropertyValue('--bf-accent').trim()"
            )
            assert colour == "#7b1fa2"


def test_the_example_shows_the_panel(tabs: Tabs) -> None:
    """The example's page collects a month of real observations at a press of its button, and its panel shows the job. [R10.4, R12.1, R12.3]"""
    script = ROOT / "examples" / "web" / "serve.py"
    with subprocess.Popen(
        [sys.executable, str(script), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            page = tabs.open(process.stdout.readline().split()[0])
            page.get_by_role("button", name="January at JFK").click()
            page.locator("backfill-button").get_by_text("Complete").wait_for()
            page.get_by_role("button", name="Districts JFK, LGA").click()
            page.get_by_text("62 of 62 done").wait_for()
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE)
