"""Where does weight space put its volume? Loss distributions of random networks, exact and live.

The public names are imported when they are first used, so that importing the package is instant: torch
is loaded by :func:`prepare` and :func:`run_chunk` only, and textual by none of them.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # typing's own means an import, before ``python -m`` has left the working directory
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Experiment": "geomreg_tui.experiment",
    "Facts": "geomreg_tui.summary",
    "GeomregError": "geomreg_tui.errors",
    "LossDistribution": "geomreg_tui.analysis",
    "RunDirectory": "geomreg_tui.runs",
    "Summary": "geomreg_tui.summary",
    "analyse_modes": "geomreg_tui.analysis",
    "prepare": "geomreg_tui.sampling",
    "run_chunk": "geomreg_tui.sampling",
    "sample": "geomreg_tui.export",
    "start_run": "geomreg_tui.engine",
    "volume_curve": "geomreg_tui.analysis",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'geomreg_tui' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
