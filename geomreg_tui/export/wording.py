"""Results in words: how intervals, tests and places are spelled in every report."""

from __future__ import annotations

import math

from geomreg_tui.analysis.heldout import Band
from geomreg_tui.analysis.intervals import Interval
from geomreg_tui.analysis.modes import ModeAnalysis
from geomreg_tui.export.results import Result

__all__ = [
    "at_null_text",
    "band_text",
    "below_lines",
    "contracting_text",
    "dead_text",
    "dip_text",
    "place_text",
    "setting_text",
    "share_text",
    "spread",
    "state_text",
]


def setting_text(value: object) -> str:
    """Return a value of a factor."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def share_text(interval: Interval) -> str:
    """Return an estimate with its interval, to four places."""
    if not math.isfinite(interval.estimate):
        return "undefined"
    return f"{interval.estimate:.4f} [{interval.low:.4f}, {interval.high:.4f}]"


def at_null_text(result: Result) -> str:
    """Return what the networks at the null loss are counted with."""
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
    return f"{share_text(dead)}   {result.summary.dead:,} networks of which a hidden layer passes nothing on"


def below_lines(result: Result) -> list[str]:
    """Return what is known of V below the curve: exact zeros, what is unresolved, or a bound."""
    curve, facts = result.volume, result.facts
    lines = []
    if curve.zero.estimate > 0:
        lines.append(f"exact zeros: V(0) = {_digits(curve.zero)}")
    if curve.unresolved.estimate > 0:
        name = facts.experiment.dtype
        more = "; dtype float64 goes on" if name == "float32" else ""
        where = f"L = {facts.resolution:.2g}" if facts.resolution else "the smallest loss above 0"
        share = _digits(curve.unresolved)
        lines.append(f"unresolved: P = {share} of networks below {where}, the end of {name}{more}")
    return lines or [f"nothing seen below; there V < {curve.bound:.2g} (95 %)"]


def _digits(interval: Interval) -> str:
    return "{:.3g} [{:.3g}, {:.3g}]".format(*interval)


def band_text(band: Band, place: int) -> str:
    """Return one estimate of a curve with its interval, to four digits."""
    estimate, low, high = (float(values[place]) for values in band)
    if not math.isfinite(estimate):
        return "undefined"
    return f"{estimate:.4g} [{low:.4g}, {high:.4g}]"


def place_text(loss: float, null_loss: float) -> str:
    """Return a place on the loss axis, in units of the null loss too where it is one."""
    relative = f" = {loss / null_loss:.3g} L_0" if null_loss > 0 else ""
    return f"L = {loss:.4g}{relative}"


def dip_text(modes: ModeAnalysis) -> str:
    """Return the outcome of the dip test."""
    return "-" if math.isnan(modes.dip.p_value) else f"{modes.dip.p_value:.3g}"


def contracting_text(modes: ModeAnalysis) -> str:
    """Return whether density falls steadily below the central mode, with the slope where there is one."""
    found = {True: "yes", False: "no", None: "not defined without a central mode"}[modes.contracting]
    if math.isfinite(modes.slope.estimate):
        found += f"; mean slope of log density {share_text(modes.slope)} per unit of loss"
    return found


def state_text(result: Result) -> str:
    """Return how a run stands where it is not complete, else nothing."""
    return "" if result.complete else f"{result.status.state.value}; {result.status.target:,} asked for"


def spread(size: int, wanted: int = 8) -> list[int]:
    """Return up to ``wanted`` places of a curve of ``size`` points, the last and the first among them."""
    steps = min(size, wanted)
    return sorted({round(i * (size - 1) / max(steps - 1, 1)) for i in range(steps)}, reverse=True)
