"""How the pages become a site: sphinx-build -W --keep-going -b html docs build/docs

It asks nothing of the network, neither here nor in a reader's browser.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

from i2sbkit import __version__

project = "i2sbkit"
author = "The i2sbkit developers"
copyright = f"{author}, Apache-2.0"
version = release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "filling", "mathml"]
exclude_patterns = ["extensions"]
default_role = "code"  # docstrings are written in Markdown
smartquotes = False  # "--nfe" is no dash

myst_enable_extensions = ["deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_use_ivar = True
napoleon_use_rtype = False
maximum_signature_line_length = 70
toc_object_entries_show_parents = "hide"
html_math_renderer = "mathml"

html_theme = "furo"
html_title = f"i2sbkit {__version__}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
