"""Deep tail 4: does the volume of perfect fit generalise by itself, and better with more examples?

Two interleaved half moons, targets -1 and 1 by squared error. A population at {L <= eps} is a fair sample of
all networks that fit, with no training: its held-out accuracy is the volume hypothesis, measured.
"""

import os
from pathlib import Path

from matplotlib import pyplot as plt

import geomreg_tui as geomreg

POPULATION = int(float(os.environ.get("POPULATION", "200")))  # fewer for a quick look
FIGURE = Path(os.environ.get("FIGURES", ".")) / "tail-generalisation.svg"
LOSS = 1e-2
COUNTS = (2, 4, 8, 16, 32)

base = {"data": "moons", "width": 32, "depth": 2, "bias": True, "bias_scale": 0.5, "held_out": 200}
goals = {"to_loss": LOSS, "population": POPULATION, "repeats": 4}
sweep = geomreg.sweep({"examples": COUNTS}, **base, samples=1e4, goals=goals)

at_fit = []
for count, result in zip(COUNTS, sweep.results, strict=True):
    curve = result.tail.curve
    held = curve.held_out
    at_fit.append((float(held.accuracy[-1]), float(held.accuracy_std[-1])))
    print(
        f"N = {count:>2}  log10 V = {curve.log10_volume[-1]:7.2f}  accuracy given L <= "
        f"1e{held.log10_loss[-1]:.2f}: {at_fit[-1][0]:.3f} ± {at_fit[-1][1]:.3f}  ({curve.status})"
    )

figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
accuracy, error = zip(*at_fit, strict=True)
axes.errorbar(COUNTS, accuracy, [2 * one for one in error], marker="o", capsize=3, lw=1)
axes.axhline(0.5, color="k", ls=":", lw=0.8)
axes.set_xscale("log", base=2)
axes.set_xticks(COUNTS, [str(count) for count in COUNTS])
axes.set_xlabel(r"training examples $N$, all fitted to $L \leq 0.01$")
axes.set_ylabel("mean held-out accuracy (share; two standard errors)")
figure.savefig(FIGURE)
print(f"Figure: {FIGURE}")

(first, first_std), (last, last_std) = at_fit[0], at_fit[-1]
gain, noise = last - first, 2 * (first_std**2 + last_std**2) ** 0.5
above = last - 2 * last_std > 0.5
grows = "grows" if gain > noise else "does not grow beyond the error"
print(
    f"Verdict: networks that fit {COUNTS[-1]} examples, drawn without training, are {last:.1%} ± "
    f"{2 * last_std:.1%} right, {'above' if above else 'not above'} chance; accuracy {grows} from "
    f"N = {COUNTS[0]} on ({gain:+.1%} ± {noise:.1%}; the last doubling of N: {last - at_fit[-2][0]:+.1%}): "
    f"{'for' if gain > noise and above else 'against'} a low-loss volume that generalises by itself"
)
