"""Writes a picture of every value that shows itself in a notebook, in light and dark, to look at:

    python tests/display_sheet.py sheet.png

First those of jobs over the shipped dashboard, then ones whose every text is an attack. Needs the extra "test-browser" and a browser.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import sync_playwright

from browsing import Tabs, find_browser
from contact_sheet import SCHEMES, Sheet
from display_samples import evil_values, true_values

PAGE = """<!doctype html><meta name="color-scheme" content="light dark"><style>body {{ margin: .5rem; font: 13px system-ui }}</style>{body}"""


def shown(values: Mapping[str, object]) -> dict[str, str]:
    """Return what a notebook shows of each value, by its name."""
    return {name: value._repr_html_() for name, value in values.items()}  # type: ignore[attr-defined] # each shows itself


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("picture", type=Path, help="where to write it (PNG)")
    parser.add_argument("--only", default="", help="only values whose name holds this")
    arguments = parser.parse_args()
    where, flags = find_browser() or parser.error("no browser is installed: apt-get install chromium")
    attacks = {f"{name} of attacks": value for name, value in evil_values().items()}
    with true_values() as values:
        displays = shown({**values, **attacks})
    with (
        sync_playwright() as playwright,
        Tabs(playwright.chromium.launch(executable_path=where, args=list(flags))) as tabs,
    ):
        page = tabs.open("about:blank")
        page.set_viewport_size({"width": 800, "height": 60})
        sheet = Sheet(page)
        for name, html in displays.items():
            for scheme in SCHEMES:
                if arguments.only in name:
                    page.emulate_media(color_scheme=scheme)
                    page.set_content(PAGE.format(body=html))
                    sheet.take(name, scheme)
        tabs.check()
        sheet.write(arguments.picture)


if __name__ == "__main__":
    main()
