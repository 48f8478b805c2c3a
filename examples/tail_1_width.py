"""Deep tail 1: with the data fixed, does the volume of low loss contract as the network gets wider?

The conjecture says that volume near zero loss contracts with dimension, as that of a hypersphere does. Here
parameters grow by a factor of 2,000 while 8 examples stay the same; V is compared at one loss.
"""

import os
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib import pyplot as plt

import geomreg_tui as geomreg

POPULATION = int(float(os.environ.get("POPULATION", "300")))  # fewer for a quick look
FIGURE = Path(os.environ.get("FIGURES", ".")) / "tail-width.svg"
LOSS = 1e-3
WIDTHS = (16, 32, 64, 128, 256, 512, 1024)

base = {"data": "teacher", "inputs": 2, "examples": 8, "depth": 2, "init": "he_normal"}
goals = {"to_loss": LOSS, "population": POPULATION, "repeats": 4}
sweep = geomreg.sweep({"width": WIDTHS}, **base, samples=1e4, goals=goals)

curves = [result.tail.curve for result in sweep.results]
found = [(curve.log10_volume[-1], curve.std[-1]) for curve in curves]
for width, curve, (volume, error) in zip(WIDTHS, curves, found, strict=True):
    parameters = 2 * width + width**2 + width
    print(
        f"width {width:>4}  P = {parameters:>9,}  log10 V(1e-3) = {volume:7.2f} ± {error:.2f}  "
        f"({curve.status})"
    )
deep = np.linspace(np.log10(LOSS), 1, 128)
limit = geomreg.infinite_width(**base).log_cdf(10**deep) / np.log(10)
print(f"width   ∞                 log10 V(1e-3) = {limit[0]:7.2f}  (NNGP, exact)")

figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
shades = colormaps["viridis"](np.linspace(0, 0.9, len(WIDTHS)))
for width, result, shade in zip(WIDTHS, sweep.results, shades, strict=True):
    tail = result.arrays("tail")
    axes.fill_between(tail["log10_loss"], tail["low"], tail["high"], color=shade, alpha=0.2, lw=0)
    axes.plot(tail["log10_loss"], tail["log10_volume"], color=shade, label=f"width {width}")
axes.plot(deep, limit, "k--", lw=1, label="infinite width")
axes.set_xlabel(r"$\log_{10}\,\varepsilon$  ($\varepsilon$ in units of the loss)")
axes.set_ylabel(r"$\log_{10} V(\varepsilon)$  (share with $L \leq \varepsilon$)")
axes.legend(loc="lower right")
figure.savefig(FIGURE)
print(f"Figure: {FIGURE}")

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
