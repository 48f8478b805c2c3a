"""Work that must not hold up the event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from geomreg_tui.errors import GeomregError

__all__ = ["in_thread"]

_T = TypeVar("_T")


def in_thread(name: str, work: Callable[[], _T], tell: Callable[[_T | None, str], object]) -> None:
    """Do some work in a daemon thread, so that leaving never waits for it.

    Args:
        name: of the thread.
        work: what to do.
        tell: called in that thread with the result and an empty text, or with None and what went wrong.
    """

    def run() -> None:
        try:
            result = work()
        except (GeomregError, OSError) as error:
            tell(None, str(error))
            return
        tell(result, "")

    threading.Thread(target=run, name=name, daemon=True).start()
