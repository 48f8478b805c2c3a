"""Deep tail 3: is He's scale special for the volume of low loss, or do others leave more?

The gain multiplies He weights; V is compared at one loss with data and architecture fixed.
"""

from _tails import draw, keep, tails

from geomreg_tui import Experiment
from geomreg_tui.report.drawing import COLOURS, legend_above, new_figure, style

LOSS = 1e-2
GAINS = (0.5, 0.7, 1.0, 1.4, 2.0)

base = {"data": "digits", "examples": 8, "width": 64, "depth": 2, "init": "he_normal"}
curves = tails([Experiment.parse({**base, "gain": gain}) for gain in GAINS], 300, loss=LOSS)

found = [curve.at(float(curve.log10_loss[-1])) for curve in curves]
for gain, curve, (volume, error) in zip(GAINS, curves, found, strict=True):
    print(f"gain {gain:<4g} log10 V(1e-2) = {volume:7.2f} ± {error:.2f}  ({curve.status})")

with style():
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    for gain, curve, colour in zip(GAINS, curves, COLOURS.values(), strict=False):
        draw(axes, curve, f"gain {gain:g}" + (" (He)" if gain == 1 else ""), colour)
    legend_above(axes, 5)
keep(figure, "tail-scale")

best = max(range(len(GAINS)), key=lambda k: found[k][0])
he = GAINS.index(1.0)
gap = found[best][0] - found[he][0]
noise = 2 * (found[best][1] ** 2 + found[he][1] ** 2) ** 0.5
if best == he or gap <= noise:
    verdict = "none of these scales leaves more low-loss volume than He, beyond the error"
else:
    verdict = (
        f"gain {GAINS[best]:g} leaves {gap:.2f} ± {noise:.2f} decades more than He, which is not the best"
    )
spread = max(volume for volume, _ in found) - min(volume for volume, _ in found)
print(f"Verdict: the scale moves log10 V(1e-2) by {spread:.1f} decades; {verdict}")
