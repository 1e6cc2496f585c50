"""Every state of the panel, in light and dark: without a finding of axe, and with texts as texts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backfill.testing.source import ScriptedDashboard
from browsing import Tabs, enact, node_modules
from panel_hosts import hosted
from panel_scenes import MARKUP, SCENES, STUB, stage_page
from service_doubles import serving


@pytest.fixture(scope="module")
def stage() -> Iterator[str]:
    """Serve the page on which scenes are shown."""
    with serving(ScriptedDashboard()) as service, hosted(service, stage_page(), {"/stage.js": STUB}) as url:
        yield f"{url}/stage"


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_no_state_hinders_anybody(tabs: Tabs, stage: str, colours: str) -> None:
    """Axe finds nothing in any state, in light and in dark: names, roles, contrast, order, focus. [R12.2, R12.3, R12.5, P11]"""
    axe = node_modules("axe-core", "axe.min.js")
    if axe is None:
        pytest.skip("axe-core is not installed: npm install axe-core, and say in BACKFILL_NODE_MODULES where")
    page = tabs.open(stage)
    page.emulate_media(color_scheme=colours)
    page.evaluate(axe.read_text("utf-8"))
    found = {}
    for scene in SCENES:
        enact(page, scene)
        said = page.evaluate("axe.run({resultTypes: ['violations']})")
        violations = [
            (each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"]) for each in said["violations"]
        ]
        if violations:
            found[scene.name] = violations
    assert not found, "\n".join(f"{name}: {violation}" for name, all_of_it in found.items() for violation in all_of_it)


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_the_page_that_says_what_is_offered_hinders_nobody(tabs: Tabs, stage: str, colours: str) -> None:
    """The page for people shows without a complaint of the browser, under its own policy, and axe finds nothing in it. [R8.3, R8.4]"""
    axe = node_modules("axe-core", "axe.min.js")
    if axe is None:
        pytest.skip("axe-core is not installed: npm install axe-core, and say in BACKFILL_NODE_MODULES where")
    page = tabs.open(stage.replace("/stage", "/bf/docs"))
    page.emulate_media(color_scheme=colours)
    page.evaluate(axe.read_text("utf-8"))
    said = page.evaluate("axe.run({resultTypes: ['violations']})")
    assert [(each["id"], each["nodes"][0]["failureSummary"]) for each in said["violations"]] == []
    assert page.get_by_role("heading", name="GET /backfills", exact=True).count() == 1
    assert not [text for text in page.locator("main > table, main > p").all_inner_texts() if "`" in text]


def test_markup_in_any_text_is_shown_as_text(tabs: Tabs, stage: str) -> None:
    """Errors, reasons, findings, names and hosts that hold markup are read as they are, and none of it runs. [R6.4, R12.5, P11]"""
    page = tabs.open(stage)
    (scene,) = [scene for scene in SCENES if "markup" in scene.name]
    enact(page, scene)
    assert page.evaluate("text()").count(MARKUP) >= 10
    assert page.title() == "A page"
    assert page.locator("backfill-panel img, backfill-panel script").count() == 0


def test_a_host_under_strain_is_seen(tabs: Tabs, stage: str) -> None:
    """How often a host is asked that shows strain, and how often it might be, stand in its row; of all others the limit alone. [R9.5, R12.3]"""
    page = tabs.open(stage)
    enact(page, next(scene for scene in SCENES if scene.name == "job: running"))
    rows = page.locator("backfill-panel .hosts tbody tr").all_inner_texts()
    said = {row.split()[0]: row for row in rows}
    assert "1.3 a second of 5 a second" in said["https://strained.example.org:443"]
    assert "a second of" not in said["https://dashboards.example.org:443"]


def test_nothing_is_wider_than_the_window(tabs: Tabs, stage: str) -> None:
    """In a narrow window nothing has to be scrolled sideways but tables and pictures within themselves. [R12.2]"""
    page = tabs.open(stage)
    for scene in SCENES:
        enact(page, scene)
        page.set_viewport_size({"width": 380, "height": 800})
        page.evaluate("calm()")
        wide = page.evaluate(
            "[...document.querySelector('backfill-panel').shadowRoot.querySelectorAll('*')].filter((each) => each.getBoundingClientRect().right > 380 && !each.closest('.wide, .scroll')).map((each) => each.outerHTML.slice(0, 99))"
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= 380, (scene.name, wide)
