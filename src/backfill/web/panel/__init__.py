"""The live panel: one ES module for the browser, and the page that shows it. What the module is made of lies beside this file."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from html import escape
from importlib.resources import files

MODULES = (
    "strings", "format", "dom", "grid", "heatmap", "stream", "client", "fields", "ui", "startview", "jobview", "lists", "memory", "style",
    "following", "buttonelement", "panelelement", "panel",
)  # fmt: skip
"""The parts, each after those that it imports."""

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
_NAMES = re.compile(r"^export \{[^}]*\};\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)

CELL = "cell"
"""The part that only a notebook loads, after all others."""

STYLE = "body { margin: 0; background: #ffffff } @media (prefers-color-scheme: dark) { body { background: #14171b } }"

_PAGE = """<!doctype html>
<html lang="{locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
<link rel="icon" href="data:,">
<script type="module" src="{root}/panel.js"></script>
</head>
<body>
<main><backfill-panel></backfill-panel></main>
<noscript>{noScript} <a href="{root}/docs">{root}/docs</a></noscript>
</body>
</html>
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""What the page may do: run the module, and ask the interface that it came from."""


def part(name: str) -> str:
    """Return the text of one part of the module."""
    return (files(__name__) / f"{name}.js").read_text(encoding="utf-8")


def _word(name: str) -> str:
    """Return one of the panel's words, which all stand in one of its parts."""
    (found,) = re.findall(rf'^  {name}: "([^"\\]*)",$', part("strings"), re.MULTILINE)
    return str(found)


def panel_page(root: str) -> str:
    """Return the page that shows the panel of an application mounted at *root*."""
    words = {name: _word(name) for name in ("locale", "title", "noScript")} | {"root": root}
    page = _PAGE.replace("{style}", STYLE)
    return re.sub(r"\{(\w+)\}", lambda found: escape(words[found[1]]) if found[1] in words else found[0], page)


@cache
def panel_module() -> str:
    """Return the whole module as one text, which needs nothing beside it: to be served, or to be handed to a notebook.

    Its parts are put one after the other without their imports of each other; a name stands for one thing in all of them.
    """
    parts = [_IMPORT.sub("", part(name)) for name in MODULES]
    return "\n".join([*(_EXPORT.sub("", text) for text in parts[:-1]), parts[-1]])


@cache
def cell_module() -> str:
    """Return the module for the cell of a notebook, as one text: the panel, and what lets a kernel stand for the server.

    Its one export is what a notebook's widgets are made of.
    """
    parts = [_EXPORT.sub("", _IMPORT.sub("", part(name))) for name in (*MODULES, CELL)]
    return _NAMES.sub("", "\n".join(parts)) + "\nexport default cell;\n"
