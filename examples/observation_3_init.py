"""Observation 3: does the init law, its family and its scale, move the balance of the two modes?

The gain multiplies He weights; the families are compared at gain 1. A family is said to differ from He if
the intervals of D_0 do not meet.
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

base = Experiment.parse({"data": "gaussian", "inputs": 4, "examples": 1, "width": 4, "depth": 3})
console = Console(highlight=False)
with TemporaryDirectory() as folder:
    scale = [parse_factor("gain=0.5,0.7,1,1.4,2,2.8")]
    points = list(run_sweep(base, scale, samples(1_000_000), Path(folder) / "gain"))
    judged = verdicts(scale, points)
    console.print(sweep_text(scale, points, judged))
    family = [parse_factor("init=he_normal,he_uniform,he_truncated,glorot_normal,orthogonal,torch_default")]
    laws = list(run_sweep(base, family, samples(1_000_000), Path(folder) / "init"))
    console.print(sweep_text(family, laws, []))

he = laws[0].landmark.landmark
others = [point.landmark.landmark for point in laws[1:]]
differing = [interval for interval in others if interval.low > he.high or interval.high < he.low]
over_gain = judged[0].direction
change = over_gain.effect
print(
    f"Verdict: D_0 over the gain: {over_gain.verdict}, "
    f"end to end {change.estimate:.3f} [{change.low:.3f}, {change.high:.3f}]"
)
print(f"Verdict: {len(differing)} of {len(others)} other families differ from he_normal in D_0")
