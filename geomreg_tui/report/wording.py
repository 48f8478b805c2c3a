"""Results in words: how intervals, tests and places are spelled in every report."""

from __future__ import annotations

import math

from geomreg_tui.formatting import decimal_text, interval_text, number_text, probability_text, upper_text
from geomreg_tui.report.results import Result
from geomreg_tui.statistics.heldout import Band
from geomreg_tui.statistics.intervals import Interval
from geomreg_tui.statistics.landmark import SAMPLED, TAIL, LandmarkDominance
from geomreg_tui.statistics.modes import ModeAnalysis

__all__ = [
    "at_null_text",
    "band_text",
    "below_lines",
    "bins_text",
    "central_text",
    "contracting_text",
    "dead_text",
    "dip_text",
    "log_text",
    "mass_text",
    "rate_text",
    "ratio_text",
    "spread",
    "state_text",
    "zero_side_text",
]

_DIP_SMALLEST = 1e-5  # the last column of the test's table of critical values


def mass_text(interval: Interval) -> str:
    """Return a share, or D, with its interval."""
    return interval_text(interval, bounded=True)


def ratio_text(landmark: LandmarkDominance) -> str:
    """Return Lambda with its interval, or the bound that is all there is."""
    found = landmark.log10_ratio
    if math.isfinite(found.estimate):
        return interval_text(found)
    if math.isfinite(found.high):
        return f"< {upper_text(found.high, 3)} (95 %)"
    if math.isfinite(found.low):
        mirrored = upper_text(-found.low, 3)  # rounded downwards, as a lower bound is
        return f"> {mirrored[1:] if mirrored.startswith('-') else f'-{mirrored}'} (95 %)"
    return interval_text(found)


def zero_side_text(landmark: LandmarkDominance) -> str:
    """Return where the zero side of Lambda comes from."""
    if landmark.zero_side == SAMPLED:
        return "both sides sampled"
    return "zero side from the deep tail" if landmark.zero_side == TAIL else "zero side only bounded"


def log_text(value: float) -> str:
    """Return a logarithm, an exponent or an error of one to three places; a hyphen where it is undefined."""
    return decimal_text(value, 3, undefined="-")


def at_null_text(result: Result) -> str:
    """Return in words which mass the networks at the null loss are counted with."""
    if not result.facts.null_loss:
        return "L_0 is 0: these are the losses of 0"
    return "equal to L_0 to within rounding, " + (
        "counted in its bin" if result.modes.lattice else "counted with the central mode"
    )


def dead_text(result: Result) -> str:
    """Return the share of dead networks with its interval, or that they were not counted."""
    dead = result.distribution.dead
    if not math.isfinite(dead.estimate):
        return "not counted"
    count = result.summary.dead
    networks = "network" if count == 1 else "networks"
    return f"{mass_text(dead)}   {count:,} {networks} of which a hidden layer passes nothing on"


def below_lines(result: Result) -> list[str]:
    """Return what is known of V below the curve: exact zeros, what is unresolved, or a bound."""
    curve, facts = result.volume, result.facts
    lines = []
    if curve.zero.estimate > 0:
        lines.append(f"exact zeros: V(0) = {mass_text(curve.zero)}")
    if curve.unresolved.estimate > 0:
        name = facts.experiment.dtype
        more = "; dtype float64 goes on" if name == "float32" else ""
        where = f"L = {number_text(facts.resolution, 2)}" if facts.resolution else "the smallest loss above 0"
        share = mass_text(curve.unresolved)
        lines.append(f"unresolved: P = {share} of networks below {where}, the end of {name}{more}")
    return lines or [f"nothing seen below; there V < {upper_text(curve.bound)} (95 %)"]


def band_text(band: Band, place: int, *, bounded: bool = False) -> str:
    """Return one estimate of a curve with its interval.

    Args:
        band: the estimates.
        place: which of them.
        bounded: whether they are shares.
    """
    return interval_text([float(values[place]) for values in band], bounded=bounded)


def _place_text(loss: float, null_loss: float) -> str:
    """Return a place on the loss axis, in units of the null loss too where it is one."""
    relative = loss / null_loss if null_loss > 0 else math.nan
    known = f" = {number_text(relative, 3)} L_0" if math.isfinite(relative) else ""
    return f"L = {number_text(loss)}{known}"


def central_text(modes: ModeAnalysis, null_loss: float) -> str:
    """Return where the central mode is, or what its mass is of where there is none."""
    if modes.central_mode is not None:
        return f"at {_place_text(modes.central_mode.loss, null_loss)}"
    if modes.central_mass.estimate > 0:
        return "the atom alone; no other mode away from 0"
    return "not significant" if math.isfinite(modes.central_mass.estimate) else ""


def bins_text(modes: ModeAnalysis) -> str:
    """Return the bins that the modes were looked for in."""
    if not math.isfinite(modes.bin_width):
        return "no bins: no loss is above 0 beside the atom"
    equal = modes.bins * modes.bin_width > 0.9 * (modes.range[1] - modes.range[0])
    return f"{modes.bins} bin{'s' * (modes.bins != 1)} of {number_text(modes.bin_width, 3)}" + (
        "" if equal else " at 0"
    )


def dip_text(modes: ModeAnalysis) -> str:
    """Return the outcome of the dip test."""
    if math.isnan(modes.dip.p_value):
        return "the dip test does not apply"
    return f"dip test p {probability_text(modes.dip.p_value, _DIP_SMALLEST)}"


def contracting_text(modes: ModeAnalysis) -> str:
    """Return whether density falls steadily below the central mode, with the slope where there is one."""
    if modes.contracting is not None:
        said = "yes" if modes.contracting else "no"
    elif modes.central_mode is None:
        said = "not defined without a mode away from 0, beside the atom"
    else:
        said = "not defined: the bins do not show the shape of the density"
    if math.isfinite(modes.slope.estimate):
        said += f"; mean slope of log density {interval_text(modes.slope)} per unit of loss"
    return said


def rate_text(rate: float) -> str:
    """Return networks to the second: a whole number, but for rates below ten."""
    return f"{rate:,.0f}" if rate >= 10 else number_text(rate, 2)


def state_text(result: Result) -> str:
    """Return how a run stands where it is not complete, else nothing."""
    return "" if result.complete else f"{result.status.state.value}; {result.status.target:,} asked for"


def spread(size: int, wanted: int = 8) -> list[int]:
    """Return up to ``wanted`` places of a curve of ``size`` points, the last and the first among them."""
    steps = min(size, wanted)
    return sorted({round(i * (size - 1) / max(steps - 1, 1)) for i in range(steps)}, reverse=True)
