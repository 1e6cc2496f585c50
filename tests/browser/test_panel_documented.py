"""What the documentation and the example show of the panel, in a browser."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from backfill.testing import VirtualClock
from backfill.testing.source import ScriptedDashboard
from browsing import Tabs
from panel_hosts import host_of
from reacting import compiled, react_script
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
        host = host_of(service, {"/": body}, {}, mount="/backfill")
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


REACT_AS_MODULE = """
import "/react.js";
export const { useSyncExternalStore } = globalThis.React;
"""

MOUNTED = """
import { Backfills, Documented } from "/recipe.js";
const { createElement: e, Fragment } = globalThis.React;
globalThis.ReactDOM.createRoot(document.querySelector("#react")).render(e(Fragment, null, e(Backfills), e(Documented)));
"""


def test_the_react_recipe_works_as_it_is_shown(tabs: Tabs) -> None:
    """The page's ten lines of JSX, and its two elements, start a backfill and follow it. [R10.4, R12.1]"""
    (recipe,) = blocks("jsx")
    assert len([line for line in recipe.splitlines() if line.strip()]) <= 10
    elements = re.findall(r"`(<backfill-\w+ client=[^`]*/>)`", PAGE.read_text(encoding="utf-8"))
    assert len(elements) == 2
    shown = f"""export function Documented() {{
      const january = {{ startDate: "2026-01-05", endDate: "2026-01-06", targetDistricts: ["61"] }};
      return <>{"".join(elements)}</>;
    }}"""
    react, module = react_script(), compiled(recipe + shown)
    if react is None or module is None:
        pytest.skip(
            "React or TypeScript is not installed: npm install react react-dom typescript, and say in BACKFILL_NODE_MODULES where"
        )
    imports = '<script type="importmap">{"imports": {"react": "/react-module.js"}}</script>'
    body = f'{imports}<div id="react"></div><script type="module" src="/app.js"></script>'
    scripts = {"/react.js": react, "/react-module.js": REACT_AS_MODULE, "/recipe.js": module, "/app.js": MOUNTED}
    with (
        serving(ScriptedDashboard(districts=["61", "F"]), clock=VirtualClock()) as service,
        uvicorn_serving(as_app(host_of(service, {"/": body}, scripts, mount="/backfill"))) as url,
    ):
        page = tabs.open(url)
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_role("button", name="complete", exact=True).wait_for()
        (report,) = service.list_backfills()
        assert (report.progress.total, report.status) == (62, "complete")
        page.locator("backfill-button").get_by_role("button").click()
        page.locator("backfill-button").get_by_text("Complete").wait_for()
        page.locator("backfill-panel").get_by_role("button", name="District 61, accepted").wait_for()
        page.close()


def test_a_token_is_sent_as_it_is_shown(tabs: Tabs) -> None:
    """The page's line for who signs in with a header sends it with what the panel asks. [R10.4, R12.1]"""
    (line,) = blocks("js")
    script = f"""
      import {{ BackfillClient }} from "/backfill/panel.js";
      const panel = document.querySelector("backfill-panel"), token = "let-me-in";
      {line}
    """
    body = f'<backfill-panel hidden></backfill-panel><script type="module">{script}</script>'
    with (
        serving(ScriptedDashboard()) as service,
        uvicorn_serving(as_app(host_of(service, {"/": body}, {}, mount="/backfill"))) as url,
    ):
        page = tabs.open("about:blank")
        with page.expect_request(lambda asked: asked.headers.get("authorization") == "Bearer let-me-in"):
            page.goto(url)
        page.close()


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
