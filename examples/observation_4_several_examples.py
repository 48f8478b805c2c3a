"""Observation 4: with the loss averaged over several examples, does density fall from the centre to zero?

The number of examples grows on the digits. For each: is the density non-decreasing from 0 up to the central
mode, to within counting noise, and how steep is it there? And does landmark dominance D_0 move towards the
central mode as examples are added?
"""

import os

import geomreg_tui as geomreg

SAMPLES = os.environ.get("SAMPLES", "3e5")  # fewer for a quick look
COUNTS = [1, 2, 4, 8, 16, 32]

sweep = geomreg.sweep(
    {"examples": COUNTS}, data="digits", width=64, depth=2, init="he_normal", samples=SAMPLES
)
print(sweep)
several = []
for count, result in zip(COUNTS, sweep.results, strict=True):
    null, modes = result.facts.null_loss, result.modes
    slope, low, high = (null * end for end in modes.slope)
    shown = {True: "contracting", False: "not contracting", None: "no central mode"}[modes.contracting]
    if modes.contracting is not None:
        shown += f" below it, mean slope of log density {slope:.2f} [{low:.2f}, {high:.2f}] per L_0"
    print(f"N = {count:>2}: {shown}")
    if count >= 4:
        several.append((modes.contracting is True and low > 0, slope, low, high))
holds = sum(steady for steady, *_ in several)
_, slope, low, high = several[-1]
over_count = sweep.judged[0].direction
change = over_count.effect
print(
    f"Verdict: volume contracts towards zero loss in {holds} of {len(several)} cases with N >= 4; "
    f"at N = {COUNTS[-1]} log density falls by {slope:.2f} [{low:.2f}, {high:.2f}] per L_0"
)
print(
    f"Verdict: D_0 over the number of examples: {over_count.verdict}, "
    f"end to end {change.estimate:.3f} [{change.low:.3f}, {change.high:.3f}]"
)
