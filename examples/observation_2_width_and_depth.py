"""Observation 2: do wider networks move mass towards the zero mode, and deeper ones towards the central?

Landmark dominance D_0 is measured over a grid of widths and depths on one Gaussian example; for each depth
the direction over width is judged by its steps, or by Kendall's tau-b where not all of them are resolved,
and for each width the direction over depth; then each over the whole grid, with the size of its effect.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from _samples import samples
from rich.console import Console

from geomreg_tui import Experiment
from geomreg_tui.report import sweep_text
from geomreg_tui.sweeps.plan import parse_factor
from geomreg_tui.sweeps.run import run_sweep
from geomreg_tui.sweeps.verdicts import grid_verdicts, verdicts

base = Experiment.parse({"data": "gaussian", "inputs": 4, "examples": 1, "init": "he_normal"})
factors = [parse_factor("width=3,4,5,6,8"), parse_factor("depth=1:4")]
with TemporaryDirectory() as folder:
    points = list(run_sweep(base, factors, samples(1_000_000), Path(folder)))

judged = verdicts(factors, points)
Console(highlight=False).print(sweep_text(factors, points, judged))
for key, expected in (("width", "towards zero"), ("depth", "towards central")):
    found = [verdict.direction.verdict for verdict in judged if verdict.factor.key == key]
    count = sum(verdict.endswith(expected) for verdict in found)
    print(f"Verdict: more {key} pushes {expected} in {count} of {len(found)} cases")
for whole in grid_verdicts(factors, points):
    effect, differs = whole.direction.mean_effect, whole.direction.interacts
    print(
        f"Verdict: more {whole.factor.key} on the whole grid: {whole.direction.verdict}, mean change of D_0 "
        f"{effect.estimate:.3f} [{effect.low:.3f}, {effect.high:.3f}], "
        f"{'not the same' if differs else 'no difference seen'} at every {whole.across.key}"
    )
