"""Observation 1: with a single training example, has the histogram a zero mode and a central mode?

Our set-up, not the paper's (its sizes and data are not published): a narrow ReLU network with He weights on
one Gaussian example. Narrow layers die often, and dead networks are an atom at the null loss.
"""

import os

import geomreg_tui as geomreg

SAMPLES = os.environ.get("SAMPLES", "1e6")  # fewer for a quick look

result = geomreg.sample(
    data="gaussian", inputs=4, examples=1, width=4, depth=3, init="he_normal", samples=SAMPLES
)
modes, dominance = result.modes, result.dominance

for mode in modes.modes:
    where = "at 0" if mode.at_zero else f"at L = {mode.loss:.3g}"
    print(f"mode {where}: mass {mode.mass:.3f}, {mode.persistence:.0f} sigmas above its saddle")
print(f"at the null loss: {modes.atom_mass.estimate:.4f}; dead: {result.distribution.dead.estimate:.4f}")
both = modes.zero_mode is not None and modes.central_mode is not None
measures = ", ".join(
    f"{name} = {estimate:.4f} [{low:.4f}, {high:.4f}]"
    for name, (estimate, low, high) in (("D_0", dominance.landmark), ("D_E", dominance.excess))
)
print(f"Verdict: {'both modes are there' if both else 'not both modes are there'}; {measures}")
