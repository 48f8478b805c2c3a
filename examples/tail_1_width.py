"""Deep tail 1: with the data fixed, does the volume of low loss contract as the network gets wider?

The conjecture says that volume near zero loss contracts with dimension, as that of a hypersphere does. Here
parameters grow by a factor of 2,000 while 8 examples stay the same; V is compared at one loss.
"""

import numpy as np
from _tails import draw, infinite_width, keep, tails

from geomreg_tui import Experiment
from geomreg_tui.report.drawing import legend_above, new_figure, style

LOSS = 1e-3
WIDTHS = (16, 32, 64, 128, 256, 512, 1024)

base = {"data": "teacher", "inputs": 2, "examples": 8, "depth": 2, "init": "he_normal"}
curves = tails([Experiment.parse({**base, "width": width}) for width in WIDTHS], 300, loss=LOSS)

found = [curve.at(float(curve.log10_loss[-1])) for curve in curves]
for width, curve, (volume, error) in zip(WIDTHS, curves, found, strict=True):
    parameters = 2 * width + width**2 + width
    print(
        f"width {width:>4}  P = {parameters:>9,}  log10 V(1e-3) = {volume:7.2f} ± {error:.2f}  "
        f"({curve.status})"
    )
deep = np.linspace(np.log10(LOSS), 1, 128)
limit = infinite_width(Experiment.parse(base), deep)
print(f"width   ∞                 log10 V(1e-3) = {limit[0]:7.2f}  (NNGP, exact)")

with style():
    from matplotlib import colormaps

    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    shades = colormaps["viridis"](np.linspace(0, 0.9, len(WIDTHS)))
    for width, curve, shade in zip(WIDTHS, curves, shades, strict=True):
        draw(axes, curve, f"width {width}", shade)
    axes.plot(deep, limit, "k--", lw=1, label="infinite width")
    legend_above(axes, 4)
keep(figure, "tail-width")

change = found[-1][0] - found[0][0]
noise = 2 * float(np.hypot(found[-1][1], found[0][1]))
if abs(change) <= noise:
    verdict = "no contraction with width is seen: against the conjecture, or too small to be seen"
elif change < 0:
    verdict = "wider networks have less volume at low loss: for the conjecture"
else:
    verdict = "wider networks have more volume at low loss: against the conjecture"
print(
    f"Verdict: from width {WIDTHS[0]} to {WIDTHS[-1]} log10 V(1e-3) changes by {change:+.2f} ± {noise:.2f} "
    f"(two standard errors); {verdict}"
)
