"""Sphinx's settings; `make docs` builds the pages, without a warning."""

import sys
from pathlib import Path

import proxiscope

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "proxiscope"
author = "The proxiscope developers"
copyright = author
version = release = proxiscope.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "registry_pages",
    "code_pages",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build", "_extensions", "scripts"]

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
myst_links_external_new_tab = False

autodoc_typehints = "none"  # numpydoc's sections say them
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

html_theme = "napari_sphinx_theme"
html_title = "proxiscope"
html_static_path = ["_static"]
html_css_files = ["proxiscope.css"]
html_theme_options = {
    "navbar_end": [],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_show_sourcelink = False
suppress_warnings = ["myst.strikethrough"]
