"""The server that workers are forked from. Imports next to nothing, for it is what an engine begins with."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing import forkserver

__all__ = ["start_server"]


def start_server(modules: Sequence[str]) -> None:
    """Start the server of this process, which then loads modules by itself; without any, leave it for later.

    Args:
        modules: what :func:`~geomreg_tui.runner.loading.preloaded` names.
    """
    if modules:
        forkserver.set_forkserver_preload(list(modules))
        forkserver.ensure_running()
