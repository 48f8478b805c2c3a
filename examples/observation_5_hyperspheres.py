"""Observation 5: where does the volume of a hypersphere peak, and how fast does it contract after that?

The geometric picture behind the conjecture. Exact formulas come first, for several radii. Then the unit ball
is measured as weight space is: by the share of points, drawn from the cube around it, that lie within it.
"""

import math
import os

import numpy as np
from scipy import stats

import geomreg_tui as geomreg

print("radius   volume peaks at n   log10 V there   V(r) < 1 from n   log10 V at n = 1000")
for radius in (0.5, 1.0, 2.0, 5.0):
    balls = geomreg.sphere(range(1, 2000), radius)
    peak = balls.volume_peak
    below = balls.n[(balls.log_volume < 0) & (balls.n > peak.n)]
    far = balls.log10_volume[balls.n == 1000]
    print(
        f"{radius:6g}   {peak.n:17.6f}   {peak.log_value / math.log(10):13.6f}   "
        f"{int(below[0]):15d}   {far[0]:19.2f}"
    )
share = geomreg.sphere([1000]).shell_share(0.01)[0]
print(f"In dimension 1000, {share:.5f} of the volume lies within 1 % of the surface.")

DIMENSIONS = range(1, 13)
count = int(float(os.environ.get("SAMPLES", "1e6")))  # fewer for a quick look
exact = geomreg.sphere(DIMENSIONS).log10_volume
generator = np.random.default_rng(0)
sampled, errors, held = [], [], 0
print("\nUnit ball   n   log10 V exact   sampled [95 %]")
for n in DIMENSIONS:
    squares = sum(generator.uniform(-1, 1, count) ** 2 for _ in range(n))
    inside = int(np.count_nonzero(squares <= 1))
    ends = stats.binomtest(inside, count).proportion_ci(method="exact")
    log_volume, low, high = (n * math.log10(2) + math.log10(p) for p in (inside / count, ends.low, ends.high))
    sampled.append(log_volume)
    errors.append(math.sqrt((1 - inside / count) / inside) / math.log(10))
    held += low <= exact[n - 1] <= high
    print(f"{n:>13}   {exact[n - 1]:13.4f}   {log_volume:.4f} [{low:.4f}, {high:.4f}]")

# A step is resolved at 5 % for all steps together (Bonferroni).
steps, spread = np.diff(sampled), np.hypot(errors[1:], errors[:-1])
resolved = np.abs(steps) > stats.norm.isf(0.025 / steps.size) * spread
top = int(np.argmax(sampled))
one_peak = bool(resolved.all() and (steps[:top] > 0).all() and (steps[top:] < 0).all())
change, error = sampled[-1] - sampled[top], stats.norm.isf(0.025) * math.hypot(errors[-1], errors[top])
far = geomreg.sphere([1000]).log10_volume[0] - exact[top]
peak, last = DIMENSIONS[top], DIMENSIONS[-1]
print(f"The exact volume is in {held} of {len(DIMENSIONS)} intervals.")
print(
    f"Verdict: the unit ball's volume {f'peaks at n = {peak}' if one_peak else 'has no resolved peak'}; "
    f"from n = {peak} to {last} log10 V changes by {change:.3f} [{change - error:.3f}, {change + error:.3f}] "
    f"and by {far:.1f} to 1000 (exact)"
)
