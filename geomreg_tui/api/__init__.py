"""What people call from Python: ``import geomreg_tui as geomreg``. Reading results never imports torch."""

from geomreg_tui.api.calls import sample, sweep, tail, train
from geomreg_tui.api.compared import RunComparison, compare_runs
from geomreg_tui.api.laws import infinite_width
from geomreg_tui.api.results import Dominance, RunResult, SweepResult
from geomreg_tui.api.spheres import SphereResult, sphere
from geomreg_tui.api.stored import RunList, load, runs
from geomreg_tui.api.studies import ComparisonResult, StudyReport, compare, study

__all__ = [
    "ComparisonResult",
    "Dominance",
    "RunComparison",
    "RunList",
    "RunResult",
    "SphereResult",
    "StudyReport",
    "SweepResult",
    "compare",
    "compare_runs",
    "infinite_width",
    "load",
    "runs",
    "sample",
    "sphere",
    "study",
    "sweep",
    "tail",
    "train",
]
