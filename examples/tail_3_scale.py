"""Deep tail 3: is He's scale special for the volume of low loss, or do others leave more?

The gain multiplies He weights; V is compared at one loss with data and architecture fixed.
"""

import os
from pathlib import Path

from matplotlib import pyplot as plt

import geomreg_tui as geomreg

POPULATION = int(float(os.environ.get("POPULATION", "300")))  # fewer for a quick look
FIGURE = Path(os.environ.get("FIGURES", ".")) / "tail-scale.svg"
LOSS = 1e-2
GAINS = (0.5, 0.7, 1.0, 1.4, 2.0)

goals = {"to_loss": LOSS, "population": POPULATION, "repeats": 4}
sweep = geomreg.sweep(
    {"gain": GAINS}, data="digits", examples=8, width=64, depth=2, init="he_normal", samples=1e4, goals=goals
)

curves = [result.tail.curve for result in sweep.results]
found = [(curve.log10_volume[-1], curve.std[-1]) for curve in curves]
for gain, curve, (volume, error) in zip(GAINS, curves, found, strict=True):
    print(f"gain {gain:<4g} log10 V(1e-2) = {volume:7.2f} ± {error:.2f}  ({curve.status})")

figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for gain, result in zip(GAINS, sweep.results, strict=True):
    tail = result.arrays("tail")
    axes.fill_between(tail["log10_loss"], tail["low"], tail["high"], alpha=0.2, lw=0)
    axes.plot(
        tail["log10_loss"], tail["log10_volume"], label=f"gain {gain:g}" + (" (He)" if gain == 1 else "")
    )
axes.set_xlabel(r"$\log_{10}\,\varepsilon$  ($\varepsilon$ in units of the loss)")
axes.set_ylabel(r"$\log_{10} V(\varepsilon)$  (share with $L \leq \varepsilon$)")
axes.legend(loc="lower right")
figure.savefig(FIGURE)
print(f"Figure: {FIGURE}")

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
