"""What the site is made of besides the pages: the reference of the command line, notebooks and drawings.

``<!-- drawn: NAME -->`` in a page is replaced by the drawing of that name, which takes the page's colours.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from docs import imports, notebook, reference

ROOT = Path(__file__).parents[1]
_DRAWN = re.compile(r"<!-- drawn: (.+?) -->")
_LOADED = re.compile(
    r"""<(?:script|img|iframe|link(?! rel="canonical"))\b[^>]*?(?:src|href)="((?:https?:)?//[^"]*)"""
)
_DRAWINGS = {"imports": imports.drawing}


def on_files(files: Files, config: Any) -> Files:
    """Add what is generated."""
    files.append(File.generated(config, "reference/command-line.md", content=reference.command_line_page()))
    for path in sorted((ROOT / "docs" / "pages").rglob("*.ipynb")):
        source = path.relative_to(ROOT / "docs" / "pages").with_suffix(".md").as_posix()
        files.append(File.generated(config, source, content=notebook.page(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Put in the drawings that the page asks for."""
    return _DRAWN.sub(lambda match: _DRAWINGS[match[1]](), markdown)


def on_post_build(config: Any) -> None:
    """Check that a browser loads nothing from elsewhere.

    Raises:
        PluginError: if a page names a script, a style or a picture of another host.
    """
    for path in sorted(Path(config.site_dir).rglob("*.html")):
        for found in _LOADED.finditer(path.read_text()):
            raise PluginError(f"{path.name} loads {found[1]}")
