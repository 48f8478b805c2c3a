"""What the site is made of besides the pages: references, notebooks, pictures and parts of the README.

In a page, ``<!-- readme: HEADING -->`` is replaced by what the README says under that heading,
``<!-- readme table: NAME -->`` by a table of it, and ``<!-- drawn: NAME -->`` by the drawing of that name,
which takes the colours of the page.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from docs import imports, notebook, reference

ROOT = Path(__file__).parents[1]
PICTURES = "pictures"
_README = re.compile(r"<!-- readme: (.+?) -->")
_TABLE = re.compile(r"<!-- readme table: (\w+) -->")
_DRAWN = re.compile(r"<!-- drawn: (.+?) -->")
_LOADED = re.compile(
    r"""<(?:script|img|iframe|link(?! rel="canonical"))\b[^>]*?(?:src|href)="((?:https?:)?//[^"]*)"""
)
_DRAWINGS = {"imports": imports.drawing}


def on_files(files: Files, config: Any) -> Files:
    """Add what is generated, and the pictures of the README."""
    files.append(File.generated(config, "reference/command-line.md", content=reference.command_line_page()))
    for path in sorted((ROOT / "docs").glob("*.svg")):
        files.append(File.generated(config, f"{PICTURES}/{path.name}", abs_src_path=str(path)))
    for path in sorted((ROOT / "docs" / "pages").rglob("*.ipynb")):
        source = path.relative_to(ROOT / "docs" / "pages").with_suffix(".md").as_posix()
        files.append(File.generated(config, source, content=notebook.page(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Put in what the page asks for."""
    up = "../" * page.file.src_uri.count("/")
    markdown = _README.sub(lambda match: section(match[1], up), markdown)
    markdown = _TABLE.sub(lambda match: table(match[1]), markdown)
    return _DRAWN.sub(lambda match: _DRAWINGS[match[1]](), markdown)


def on_post_build(config: Any) -> None:
    """Check that a browser loads nothing from elsewhere.

    Raises:
        PluginError: if a page names a script, a style or a picture of another host.
    """
    for path in sorted(Path(config.site_dir).rglob("*.html")):
        for found in _LOADED.finditer(path.read_text()):
            raise PluginError(f"{path.name} loads {found[1]}")


def section(heading: str, up: str = "") -> str:
    """Return what the README says under a heading, with links that hold in a page ``up`` from the top.

    Raises:
        PluginError: if the README has no such heading.
    """
    readme = (ROOT / "README.md").read_text()
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", readme, re.DOTALL | re.MULTILINE)
    if found is None:
        raise PluginError(f"the README has no heading {heading!r}")
    text = re.sub(r"\]\(docs/([\w-]+\.svg)\)", rf"]({up}{PICTURES}/\1)", found[1])
    return re.sub(r"\[([^\]]+)\]\(#[\w-]+\)", r"\1", text)  # links within the README


def table(name: str) -> str:
    """Return a table that ``python -m docs.build NAME`` writes into the README.

    Raises:
        PluginError: if it has none of that name.
    """
    readme = (ROOT / "README.md").read_text()
    found = re.search(rf"<!-- table: {name} -->\n(.*?)\n<!-- end -->", readme, re.DOTALL)
    if found is None:
        raise PluginError(f"the README has no table {name!r}")
    return found[1]
