import sys
from importlib.metadata import version as installed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "backfill"
author = "the backfill authors"
project_copyright = f"2026, {author}"
release = installed("backfill")
version = release

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.intersphinx", "imports_picture"]
exclude_patterns = ["_build", "_ext"]
html_theme = "furo"
html_title = f"backfill {release}"

default_role = "code"  # `name` in a docstring is a name
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_default_options = {"members": True, "show-inheritance": True}
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes are described where their class is, once

intersphinx_mapping: dict[str, tuple[str, None]] = {}  # the build needs no network
