"""Deep tail 2: how does the volume of low loss fall with one example, and with several?

The conjecture says that a single example leaves a mode at zero loss, and that averaging over several makes
the volume contract. Locally V ~ loss**lambda, and a network with room to fit N examples each on its own has
lambda = N / 2.
"""

from itertools import pairwise

from _tails import draw, keep, tails

from geomreg_tui import Experiment
from geomreg_tui.report.drawing import COLOURS, legend_above, new_figure, style

LOSS = 1e-4
COUNTS = (1, 2, 4, 8, 12)

base = {"data": "digits", "width": 64, "depth": 2, "init": "he_normal"}
curves = tails([Experiment.parse({**base, "examples": count}) for count in COUNTS], 300, loss=LOSS)

found, slopes = [], []
for count, curve in zip(COUNTS, curves, strict=True):
    end = float(curve.log10_loss[-1])
    found.append(curve.at(end))
    slopes.append(curve.at(end + 1)[0] - found[-1][0])
    print(
        f"N = {count:>2}  log10 V(1e-4) = {found[-1][0]:7.2f} ± {found[-1][1]:.2f}  "
        f"lambda from 1e-3 to 1e-4 = {slopes[-1]:.2f}, N/2 = {count / 2:g}  ({curve.status})"
    )

with style():
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    for count, curve, colour in zip(COUNTS, curves, COLOURS.values(), strict=False):
        draw(axes, curve, f"N = {count}", colour)
    legend_above(axes, 5)
keep(figure, "tail-examples")

falls = all(after[0] + 2 * after[1] < before[0] - 2 * before[1] for before, after in pairwise(found))
ratio = [2 * slope / count for slope, count in zip(slopes, COUNTS, strict=True)]
print(
    f"Verdict: with more examples V(1e-4) falls {'' if falls else 'not '}at every step, "
    f"from 1e{found[0][0]:.1f} to 1e{found[-1][0]:.1f}, {'for' if falls else 'against'} the conjecture; "
    f"lambda is {min(ratio):.2f} to {max(ratio):.2f} times N/2: each example is a condition to meet, and "
    "near zero loss it is their number that contracts volume"
)
