"""Observation 3: does the init law, its family and its scale, move the balance of the two modes?

The gain multiplies He weights; the families are compared at gain 1. A family is said to differ from He if
the intervals of D_0 do not meet.
"""

import os

import geomreg_tui as geomreg

SAMPLES = os.environ.get("SAMPLES", "1e6")  # fewer for a quick look
FAMILIES = ["he_normal", "he_uniform", "he_truncated", "glorot_normal", "orthogonal", "torch_default"]

base = {"data": "gaussian", "inputs": 4, "examples": 1, "width": 4, "depth": 3, "samples": SAMPLES}
gains = geomreg.sweep({"gain": [0.5, 0.7, 1, 1.4, 2, 2.8]}, **base)
print(gains)
families = geomreg.sweep({"init": FAMILIES}, **base)
print(families)

he, *others = (result.dominance.landmark for result in families.results)
differing = [interval for interval in others if interval.low > he.high or interval.high < he.low]
over_gain = gains.judged[0].direction
change = over_gain.effect
print(
    f"Verdict: D_0 over the gain: {over_gain.verdict}, "
    f"end to end {change.estimate:.3f} [{change.low:.3f}, {change.high:.3f}]"
)
print(f"Verdict: {len(differing)} of {len(others)} other families differ from he_normal in D_0")
