"""The site: the pages of this folder as HTML, made by `make docs` with Sphinx, MyST and Furo.

GitHub shows the same pages. What only the site can show stands in a comment that begins with `<!-- site`: tables of
contents, other files, the reference of the API. What stands between `<!-- not on the site -->` and `<!-- end -->` is
for GitHub alone.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ConfigError

sys.path.insert(0, str(Path(__file__).parent / "site"))

import resources
import sequence_diagram

import velatura

project = "Velatura"
author = "The Velatura authors"
version = release = velatura.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["site", "build"]
html_theme = "furo"
html_title = f"Velatura {version}"
html_static_path = ["site/static"]
html_css_files = ["velatura.css"]
html_copy_source = False
html_show_copyright = False
html_use_index = False
myst_heading_anchors = 4  # as on GitHub, so that links to sections work in both
myst_enable_extensions = ["colon_fence"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_class_signature = "separated"
suppress_warnings = ["ref.python"]  # `Picture` is the name of a class of the API and of one of the protocol

NOT_ON_SITE = re.compile(r"<!-- not on the site -->.*?<!-- end -->\n*", re.DOTALL)
SITE_ONLY = re.compile(r"<!-- site\n(.*?)-->", re.DOTALL)
MERMAID = re.compile(r"```mermaid\n(.*?)```", re.DOTALL)
# Links in files above this folder, which pages include: to pages, and to files that the site does not have.
LINK_TO_PAGE = re.compile(r"\]\(docs/([\w-]+\.md)")
LINK_TO_FILE = re.compile(r"\[([^\]]+)\]\((?!https://|docs/|#)[^)]+\)")


def setup(app: Sphinx) -> None:
    app.connect("source-read", for_site)
    app.connect("include-read", linked_from_here)
    app.connect("autodoc-process-docstring", without_module_docstrings)
    app.connect("build-finished", refuse_foreign_resources)


def for_site(app: Sphinx, page: str, source: list[str]) -> None:
    """Show what stands in comments, and draw the diagrams."""
    shown = SITE_ONLY.sub(r"\1", NOT_ON_SITE.sub("", source[0]))
    source[0] = MERMAID.sub(lambda found: f"```{{raw}} html\n{sequence_diagram.svg(found[1])}\n```", shown)


def linked_from_here(app: Sphinx, path: Path, page: str, content: list[str]) -> None:
    """Links of a file from the folder above, such as the changelog, lead to the site's pages, or become plain text."""
    content[0] = LINK_TO_PAGE.sub(r"](\1", LINK_TO_FILE.sub(r"\1", content[0]))


def without_module_docstrings(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """The page itself introduces a module."""
    if what == "module":
        lines.clear()


def refuse_foreign_resources(app: Sphinx, error: Exception | None) -> None:
    """Whoever reads the site contacts nobody else: no fonts, scripts or pictures from elsewhere."""
    files = [path for ending in ("html", "css") for path in Path(app.outdir).rglob(f"*.{ending}")]
    foreign = {path.name: resources.fetched(path.read_text(encoding="utf-8")) for path in files}
    if error is None and any(foreign.values()):
        raise ConfigError(f"The site fetches from elsewhere: { {k: v for k, v in foreign.items() if v} }")
