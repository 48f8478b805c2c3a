"""What people call from Python: ``import geomreg_tui as geomreg``. Reading results never imports torch."""

from geomreg_tui.api.calls import sample, sweep, tail, train
from geomreg_tui.api.laws import infinite_width
from geomreg_tui.api.results import Dominance, RunResult, SweepResult
from geomreg_tui.api.spheres import SphereResult, sphere
from geomreg_tui.api.stored import RunList, load, runs

__all__ = [
    "Dominance",
    "RunList",
    "RunResult",
    "SphereResult",
    "SweepResult",
    "infinite_width",
    "load",
    "runs",
    "sample",
    "sphere",
    "sweep",
    "tail",
    "train",
]
