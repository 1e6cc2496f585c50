"""A real browser for the tests of this folder, that fails a test over anything that is amiss in a page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from browsing import Tabs, find_browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder: they are run by themselves."""
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Start a browser, which the tests of a module share. Of a module: while it runs, its thread can have no event loop of its own."""
    driver = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed; the extra 'test-browser' has it")
    found = find_browser()
    if found is None:
        pytest.skip("no browser is installed: apt-get install chromium, or say in BACKFILL_BROWSER where one is")
    with driver.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found[0], args=list(found[1]))
        yield running
        running.close()


@pytest.fixture
def tabs(browser: object) -> Iterator[Tabs]:
    """Hand out tabs of one window without a past; afterwards nothing may have been amiss in them."""
    with Tabs(browser) as opened:
        yield opened
        opened.check()
