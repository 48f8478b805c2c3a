"""The report of a run as text."""

from __future__ import annotations

import math

from geomreg_tui.engine.result import QUANTILES
from geomreg_tui.errors import plain_text
from geomreg_tui.export.deep import tail_lines
from geomreg_tui.export.plots import histogram_text
from geomreg_tui.export.results import Result
from geomreg_tui.export.wording import (
    at_null_text,
    band_text,
    below_lines,
    contracting_text,
    dead_text,
    dip_text,
    place_text,
    share_text,
    spread,
    state_text,
)

__all__ = ["report_text"]

_PLOT_BINS = 80


def report_text(result: Result, width: int = 100) -> str:
    """Return the report of a run: what was sampled, the histogram, modes, volume.

    Args:
        result: the run.
        width: columns that it may take.
    """
    facts, summary = result.facts, result.summary
    state = "" if result.complete else f"  ({state_text(result)})"
    sampled = f"{summary.samples:,} networks of {facts.parameters:,} parameters"
    lines = [facts.describe(), f"{sampled}, sampler {facts.experiment.sampler}{state}"]
    if result.status.elapsed_s > 0:
        rate = summary.samples / result.status.elapsed_s
        lines[-1] += f", {rate:,.0f} networks/s"
    lines += [f"!!! {warning}" for warning in result.warnings]
    lines.append("")
    axis = result.modes.range
    if summary.histogram.count.size and axis[1] > axis[0]:
        binned = result.distribution.linear_bins(min(_PLOT_BINS, width - 12), axis[1], atom=False)
        marks = [("L_c", facts.constant_loss), ("L_0", facts.null_loss)]
        lines += [histogram_text(binned, marks, width), ""]
    parts = [
        _loss_lines(result),
        _mode_lines(result),
        _volume_lines(result),
        tail_lines(result.tail),
        _held_out_lines(result),
    ]
    return "\n".join([*lines, "\n\n".join("\n".join(part) for part in parts if part)])


def _loss_lines(result: Result) -> list[str]:
    moments, histogram = result.summary.moments, result.summary.histogram
    facts = result.facts
    values = result.distribution.quantile(QUANTILES)
    names = "".join(f"{f'{share:.1%}':>10}" for share in QUANTILES)
    lines = [
        f"Landmarks     null loss L_0 = {facts.null_loss:.6g}   "
        f"constant loss L_c = {facts.constant_loss:.6g}",
        f"Loss          mean {moments.mean:.6g}   std {moments.std:.6g}"
        f"   min {moments.minimum:.4g}   max {moments.maximum:.4g}",
        f"Quantiles     {names[4:]}",
        f"              {''.join(f'{value:10.4g}' for value in values)[4:]}",
    ]
    if histogram.zero:
        exact = facts.exact_zeros(result.summary)
        rest = "" if exact == histogram.zero else f"; of {exact:,} it is known that they are exact"
        lines.append(f"Losses of 0   {histogram.zero:,} in {facts.experiment.dtype}{rest}")
    if histogram.nonfinite:
        lines.append(
            f"Not finite    {histogram.nonfinite:,} losses were NaN or infinite; shares are of the others"
        )
    return lines


def _mode_lines(result: Result) -> list[str]:
    modes = result.modes
    central = ""
    if modes.central_mode:
        central = f"   at {place_text(modes.central_mode.loss, result.facts.null_loss)}"
    lines = [
        f"Zero mode     mass {share_text(modes.zero_mass)}",
        f"Central mode  mass {share_text(modes.central_mass)}{central}",
        f"At L_0        mass {share_text(result.at_null)}   {at_null_text(result)}",
        f"Dead          {dead_text(result)}",
        f"Dominance D   {share_text(modes.dominance)}   -1 is central only, +1 zero only; linear axis, "
        f"{modes.bins} bins of {modes.bin_width:.3g}",
    ]
    if math.isfinite(modes.log2_peak_ratio):
        lines.append(f"Peak ratio    log2(zero / central) = {modes.log2_peak_ratio:.3f}")
    lines.append(f"Unimodal?     dip test p = {dip_text(modes)}")
    lines.append(f"Contracting   below the central mode: {contracting_text(modes)}")
    if modes.log_modes:
        places = ", ".join(f"{mode.loss:.4g}" for mode in modes.log_modes)
        lines.append(f"Log axis      the density in log L, another density, has modes at L = {places}")
    return lines + [f"Note          {plain_text(note)}" for note in modes.notes]


def _volume_lines(result: Result) -> list[str]:
    curve = result.volume
    if not curve.loss.size:
        return []
    lebesgue = result.lebesgue
    heading = "Volume        log10 L    log10 V(L)      std   local exponent λ"
    if lebesgue:
        heading += f"   log10 Lebesgue volume in the {lebesgue.support}   radius of equal ball"
    lines = [heading]
    for place in spread(curve.log10_loss.size):
        slope = curve.exponent[place]
        shown = f"{slope:8.3f}" if math.isfinite(slope) else "       -"
        line = (
            f"           {curve.log10_loss[place]:10.3f}    {curve.log10_volume[place]:10.3f} "
            f"{curve.std[place]:8.3f}   {shown}"
        )
        if lebesgue:
            line += f"{lebesgue.log10_volume[place]:28.3f}{lebesgue.radius[place]:25.5g}"
        lines.append(line)
    return lines + [f"              {line}" for line in below_lines(result)]


def _held_out_lines(result: Result) -> list[str]:
    curve = result.held_out
    if curve is None or not curve.loss.size:
        return []
    lines = [f"Held out      {curve.examples} examples, given a training loss up to L"]
    lines.append("                    L      networks   mean loss [95 %]              accuracy [95 %]")
    for place in spread(curve.loss.size, 6):
        accuracy = "no classes"
        if curve.accuracy is not None:
            accuracy = band_text(curve.accuracy, place)
        lines.append(
            f"           {curve.loss[place]:10.4g} {curve.count[place]:13,}   "
            f"{band_text(curve.mean_loss, place):28}  {accuracy}"
        )
    return lines
