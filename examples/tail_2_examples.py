"""Deep tail 2: how does the volume of low loss fall with one example, and with several?

The conjecture says that a single example leaves a mode at zero loss, and that averaging over several makes
the volume contract. Locally V ~ loss**lambda, and a network with room to fit N examples each on its own has
lambda = N / 2.
"""

import os
from itertools import pairwise
from pathlib import Path

from matplotlib import pyplot as plt

import geomreg_tui as geomreg

POPULATION = int(float(os.environ.get("POPULATION", "300")))  # fewer for a quick look
FIGURE = Path(os.environ.get("FIGURES", ".")) / "tail-examples.svg"
LOSS = 1e-4
COUNTS = (1, 2, 4, 8, 12)

goals = {"to_loss": LOSS, "population": POPULATION, "repeats": 4}
sweep = geomreg.sweep(
    {"examples": COUNTS}, data="digits", width=64, depth=2, init="he_normal", samples=1e4, goals=goals
)

found, slopes = [], []
for count, result in zip(COUNTS, sweep.results, strict=True):
    curve = result.tail.curve
    found.append((curve.log10_volume[-1], curve.std[-1]))
    a_decade_up, _ = curve.at(curve.log10_loss[-1] + 1)
    slopes.append(a_decade_up - found[-1][0])
    print(
        f"N = {count:>2}  log10 V(1e-4) = {found[-1][0]:7.2f} ± {found[-1][1]:.2f}  "
        f"lambda from 1e-3 to 1e-4 = {slopes[-1]:.2f}, N/2 = {count / 2:g}  ({curve.status})"
    )

figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
for count, result in zip(COUNTS, sweep.results, strict=True):
    tail = result.arrays("tail")
    axes.fill_between(tail["log10_loss"], tail["low"], tail["high"], alpha=0.2, lw=0)
    axes.plot(tail["log10_loss"], tail["log10_volume"], label=f"N = {count}")
axes.set_xlabel(r"$\log_{10}\,\varepsilon$  ($\varepsilon$ in units of the loss)")
axes.set_ylabel(r"$\log_{10} V(\varepsilon)$  (share with $L \leq \varepsilon$)")
axes.legend(loc="lower right")
figure.savefig(FIGURE)
print(f"Figure: {FIGURE}")

falls = all(after[0] + 2 * after[1] < before[0] - 2 * before[1] for before, after in pairwise(found))
ratio = [2 * slope / count for slope, count in zip(slopes, COUNTS, strict=True)]
print(
    f"Verdict: with more examples V(1e-4) falls {'' if falls else 'not '}at every step, "
    f"from 1e{found[0][0]:.1f} to 1e{found[-1][0]:.1f}, {'for' if falls else 'against'} the conjecture; "
    f"lambda is {min(ratio):.2f} to {max(ratio):.2f} times N/2: each example is a condition to meet, and "
    "near zero loss it is their number that contracts volume"
)
