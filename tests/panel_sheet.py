"""Writes a picture of every state of the panel, in light and dark, to look at:

    python tests/panel_sheet.py sheet.png

Needs the extra "test-browser" and a browser.
"""

from __future__ import annotations

import argparse
import base64
from html import escape
from pathlib import Path

from playwright.sync_api import sync_playwright

from backfill.testing.source import ScriptedDashboard
from browsing import Tabs, enact, find_browser
from panel_hosts import hosted
from panel_scenes import SCENES, STUB, stage_page
from service_doubles import serving

STYLE = """body { margin: 1rem; font: 14px system-ui; display: grid; grid-template-columns: repeat(4, 1fr); gap: 1rem; align-items: start }
figure { margin: 0 } img { max-width: 100%; border: 1px solid #888 }"""


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="where to write it (PNG)")
    parser.add_argument("--only", default="", help="only states whose name holds this")
    arguments = parser.parse_args()
    where, flags = find_browser() or parser.error("no browser is installed: apt-get install chromium")
    figures = []
    with (
        serving(ScriptedDashboard()) as service,
        hosted(service, stage_page(), {"/stage.js": STUB}) as url,
        sync_playwright() as playwright,
        Tabs(playwright.chromium.launch(executable_path=where, args=list(flags))) as tabs,
    ):
        page = tabs.open(f"{url}/stage")
        for scene in SCENES:
            for colours in ("light", "dark"):
                if arguments.only in scene.name:
                    page.emulate_media(color_scheme=colours)
                    enact(page, scene)
                    picture = base64.b64encode(page.screenshot(full_page=True)).decode()
                    caption = escape(f"{scene.name} ({colours})")
                    figures.append(
                        f'<figure><figcaption>{caption}</figcaption><img alt="" src="data:image/png;base64,{picture}"></figure>'
                    )
        tabs.check()
        page.set_viewport_size({"width": 2400, "height": 1000})
        page.set_content(f"<style>{STYLE}</style>{''.join(figures)}")
        page.screenshot(path=arguments.picture, full_page=True)


if __name__ == "__main__":
    main()
