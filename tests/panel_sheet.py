"""Writes a picture of every state of the panel, in light and dark, to look at:

    python tests/panel_sheet.py sheet.png

Needs the extra "test-browser" and a browser.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

from backfill.testing.source import ScriptedDashboard
from browsing import Tabs, enact, find_browser
from contact_sheet import SCHEMES, Sheet
from panel_hosts import hosted
from panel_scenes import SCENES, STUB, stage_page
from service_doubles import serving


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="where to write it (PNG)")
    parser.add_argument("--only", default="", help="only states whose name holds this")
    arguments = parser.parse_args()
    where, flags = find_browser() or parser.error("no browser is installed: apt-get install chromium")
    with (
        serving(ScriptedDashboard()) as service,
        hosted(service, stage_page(), {"/stage.js": STUB}) as url,
        sync_playwright() as playwright,
        Tabs(playwright.chromium.launch(executable_path=where, args=list(flags))) as tabs,
    ):
        page = tabs.open(f"{url}/stage")
        sheet = Sheet(page)
        for scene in SCENES:
            for colours in SCHEMES:
                if arguments.only in scene.name:
                    page.emulate_media(color_scheme=colours)
                    enact(page, scene)
                    sheet.take(scene.name, colours)
        tabs.check()
        sheet.write(arguments.picture)


if __name__ == "__main__":
    main()
