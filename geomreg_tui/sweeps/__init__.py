"""Sweeps: one experiment over the values of one or two factors, and the direction of the balance."""

from geomreg_tui.sweeps.directory import SweepDirectory, list_sweeps, new_sweep_path, sweeps_root
from geomreg_tui.sweeps.document import sweep_document
from geomreg_tui.sweeps.launch import SweepHandle, start_sweep
from geomreg_tui.sweeps.plan import REPLICATE, Factor, SweepPlan, grid, parse_factor, point_name
from geomreg_tui.sweeps.result import FailedPoint, SweepError, SweepPoint
from geomreg_tui.sweeps.run import SweepEngine, run_sweep
from geomreg_tui.sweeps.verdicts import GridVerdict, Verdict, grid_verdicts, verdicts
from geomreg_tui.sweeps.volumes import TailComparison, TailVerdict, compare_tails

__all__ = [
    "REPLICATE",
    "Factor",
    "FailedPoint",
    "GridVerdict",
    "SweepDirectory",
    "SweepEngine",
    "SweepError",
    "SweepHandle",
    "SweepPlan",
    "SweepPoint",
    "TailComparison",
    "TailVerdict",
    "Verdict",
    "compare_tails",
    "grid",
    "grid_verdicts",
    "list_sweeps",
    "new_sweep_path",
    "parse_factor",
    "point_name",
    "run_sweep",
    "start_sweep",
    "sweep_document",
    "sweeps_root",
    "verdicts",
]
