"""The explorer in a browser: who is let in, what is served, and how an explorer talks to a page.

Importing this package imports neither textual nor aiohttp.
"""

from __future__ import annotations

import os

__all__ = ["DRIVER", "in_browser"]

DRIVER = "geomreg_tui.tui.web.driver:BrowserDriver"  # what Textual is told by TEXTUAL_DRIVER


def in_browser() -> bool:
    """Return whether a page in a browser is this process's terminal."""
    return os.environ.get("TEXTUAL_DRIVER") == DRIVER
