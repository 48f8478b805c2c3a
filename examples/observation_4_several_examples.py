"""Observation 4: with the loss averaged over several examples, does density fall from the centre to zero?

The number of examples grows on the digits. For each: is the density non-decreasing from 0 up to the central
mode, to within counting noise, and how steep is it there? And does landmark dominance D_0 move towards the
central mode as examples are added?
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from _samples import samples
from rich.console import Console

from geomreg_tui import Experiment
from geomreg_tui.report import sweep_text
from geomreg_tui.sweeps.plan import parse_factor
from geomreg_tui.sweeps.run import run_sweep
from geomreg_tui.sweeps.verdicts import verdicts

base = Experiment.parse({"data": "digits", "width": 64, "depth": 2, "init": "he_normal"})
factors = [parse_factor("examples=1,2,4,8,16,32")]
with TemporaryDirectory() as folder:
    points = list(run_sweep(base, factors, samples(300_000), Path(folder)))

judged = verdicts(factors, points)
Console(highlight=False).print(sweep_text(factors, points, judged))
several = []
for point in points:
    count, null, modes = point.settings[0], point.facts.null_loss, point.modes
    slope, low, high = (null * end for end in modes.slope)
    shown = {True: "contracting", False: "not contracting", None: "no central mode"}[modes.contracting]
    if modes.contracting is not None:
        shown += f" below it, mean slope of log density {slope:.2f} [{low:.2f}, {high:.2f}] per L_0"
    print(f"N = {count:>2}: {shown}")
    if count >= 4:
        several.append((modes.contracting is True and low > 0, slope, low, high))
holds = sum(steady for steady, *_ in several)
_, slope, low, high = several[-1]
change = judged[0].direction.effect
print(
    f"Verdict: volume contracts towards zero loss in {holds} of {len(several)} cases with N >= 4; "
    f"at N = {points[-1].settings[0]} log density falls by {slope:.2f} [{low:.2f}, {high:.2f}] per L_0"
)
print(
    f"Verdict: D_0 over the number of examples: {judged[0].direction.verdict}, "
    f"end to end {change.estimate:.3f} [{change.low:.3f}, {change.high:.3f}]"
)
