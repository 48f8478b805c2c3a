"""Observation 5: where does the volume of a hypersphere peak, and how fast does it contract after that?

The geometric picture behind the conjecture. No sampling: exact formulas, for several radii.
"""

import math

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
unit = ", ".join(f"{volume:.2f}" for volume in geomreg.sphere([5, 50, 500]).log10_volume)
print(f"Verdict: the unit ball's volume contracts: log10 V = {unit} at n = 5, 50, 500")
