"""Observation 2: do wider networks move mass towards the zero mode, and deeper ones towards the central?

Landmark dominance D_0 is measured over a grid of widths and depths on one Gaussian example; for each depth
the direction over width is judged by its steps, or by Kendall's tau-b where not all of them are resolved,
and for each width the direction over depth; then each over the whole grid, with the size of its effect.
"""

import os

import geomreg_tui as geomreg

SAMPLES = os.environ.get("SAMPLES", "1e6")  # fewer for a quick look

over = {"width": [3, 4, 5, 6, 8], "depth": [1, 2, 3, 4]}
sweep = geomreg.sweep(over, data="gaussian", inputs=4, examples=1, init="he_normal", samples=SAMPLES)
print(sweep)
for key, expected in (("width", "towards zero"), ("depth", "towards central")):
    found = [verdict.direction.verdict for verdict in sweep.judged if verdict.factor.key == key]
    count = sum(verdict.endswith(expected) for verdict in found)
    print(f"Verdict: more {key} pushes {expected} in {count} of {len(found)} cases")
for whole in sweep.judged_grid:
    effect, differs = whole.direction.mean_effect, whole.direction.interacts
    print(
        f"Verdict: more {whole.factor.key} on the whole grid: {whole.direction.verdict}, mean change of D_0 "
        f"{effect.estimate:.3f} [{effect.low:.3f}, {effect.high:.3f}], "
        f"{'not the same' if differs else 'no difference seen'} at every {whole.across.key}"
    )
