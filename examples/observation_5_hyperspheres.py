"""Observation 5: where does the volume of a hypersphere peak, and how fast does it contract after that?

The geometric picture behind the conjecture. No sampling: exact formulas, for several radii.
"""

import math

import numpy as np

from geomreg_tui.analysis import hypersphere

print("radius   volume peaks at n   log10 V there   V(r) < 1 from n   log10 V at n = 1000")
for radius in (0.5, 1.0, 2.0, 5.0):
    peak = hypersphere.volume_peak(radius)
    n = np.arange(1, 2000)
    volume = hypersphere.log_volume(n, radius)
    below = n[(volume < 0) & (n > peak.n)]
    print(
        f"{radius:6g}   {peak.n:17.6f}   {peak.log_value / math.log(10):13.6f}   "
        f"{int(below[0]):15d}   {hypersphere.log_volume(np.array([1000.0]), radius)[0] / math.log(10):19.2f}"
    )
share = hypersphere.shell_share(1000, 0.01)
print(f"In dimension 1000, {share:.5f} of the volume lies within 1 % of the surface.")
unit = ", ".join(f"{v:.2f}" for v in hypersphere.log_volume(np.array([5, 50, 500]), 1.0) / math.log(10))
print(f"Verdict: the unit ball's volume contracts: log10 V = {unit} at n = 5, 50, 500")
