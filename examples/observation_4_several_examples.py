"""Observation 4: with the loss averaged over several examples, does density fall from the centre to zero?

The number of examples grows on the digits; for each, is the density non-decreasing from 0 up to the central
mode, to within counting noise?
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from _samples import samples
from rich.console import Console

from geomreg_tui import Experiment
from geomreg_tui.engine.sweep import parse_factor, verdicts
from geomreg_tui.engine.sweep_run import run_sweep
from geomreg_tui.export import sweep_text

base = Experiment.parse({"data": "digits", "width": 64, "depth": 2, "init": "he_normal"})
factors = [parse_factor("examples=1,2,4,8,16,32")]
with TemporaryDirectory() as folder:
    points = list(run_sweep(base, factors, samples(300_000), Path(folder)))

judged = verdicts(factors, points)
Console(highlight=False).print(sweep_text(factors, points, judged))
for point in points:
    shown = {True: "yes", False: "no", None: "no central mode"}[point.modes.contracting]
    print(f"N = {point.settings[0]:>2}: contracting below the central mode: {shown}")
several = [point.modes.contracting for point in points if point.settings[0] >= 4]
count = several.count(True)
print(f"Verdict: volume contracts towards zero loss in {count} of {len(several)} cases with N >= 4")
