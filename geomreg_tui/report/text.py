"""The report of a run as text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geomreg_tui.columns import table_lines, wrapped_lines
from geomreg_tui.errors import plain_text
from geomreg_tui.formatting import number_text
from geomreg_tui.report.deep_tail import tail_lines
from geomreg_tui.report.observed import observed_lines
from geomreg_tui.report.observed_tail import at_loss_lines
from geomreg_tui.report.plots import histogram_text
from geomreg_tui.report.results import Result
from geomreg_tui.report.training import training_lines
from geomreg_tui.report.wording import (
    at_null_text,
    band_text,
    below_lines,
    bins_text,
    central_text,
    contracting_text,
    dead_text,
    dip_text,
    log_text,
    mass_text,
    rate_text,
    ratio_text,
    spread,
    state_text,
    zero_side_text,
)
from geomreg_tui.sampling.result import QUANTILES

__all__ = ["report_text"]

_PLOT_BINS = 80
_PLOT_WIDTH = 100
_NARROWEST_PLOT = 30
_LABEL = 14  # cells of the names at the beginning of lines
_NARROW = 48  # cells, below which lines that are broken go on near the left end


def report_text(result: Result, width: int | None = None) -> str:
    """Return the report of a run: what was sampled, the histogram, modes, volume.

    Args:
        result: the run.
        width: cells that a line may take; None for no limit.
    """
    facts, summary = result.facts, result.summary
    state = "" if result.complete else f"  ({state_text(result)})"
    sampled = f"{summary.samples:,} networks of {facts.parameters:,} parameters"
    lines = [facts.describe(), f"{sampled}, sampler {facts.experiment.sampler}{state}"]
    if result.status.elapsed_s > 0:
        lines[-1] += f", {rate_text(summary.samples / result.status.elapsed_s)} networks/s"
    lines += [f"!!! {warning}" for warning in result.warnings]
    indent = _LABEL if width is None or width >= _NARROW else 2
    room = None if width is None else width - indent
    parts = [
        _loss_lines(result, indent, room),
        _mode_lines(result),
        _volume_lines(result, indent, room),
        observed_lines(result.observed, result.observables, indent, room),
        tail_lines(result.tail, indent, room),
        at_loss_lines(result.observables, indent, room),
        training_lines(result.training, result.volume_of_loss, indent, room),
        _held_out_lines(result, indent, room),
    ]
    body = ["\n".join(_wrapped(part, width, indent)) for part in parts if part]
    return "\n".join([*_wrapped(lines, width, 2), "", *_plot(result, width), "\n\n".join(body)])


def _wrapped(lines: Sequence[str], width: int | None, indent: int) -> list[str]:
    return [part for line in lines for part in wrapped_lines(line, width, indent)]


def _plot(result: Result, width: int | None) -> list[str]:
    """Return the histogram, where there is one and room for it."""
    axis, taken = result.modes.range, min(width or _PLOT_WIDTH, _PLOT_WIDTH)
    if not result.summary.histogram.count.size or axis[1] <= axis[0] or taken < _NARROWEST_PLOT:
        return []
    binned = result.distribution.linear_bins(min(_PLOT_BINS, taken - 12), axis[1], atom=False)
    marks = [("L_c", result.facts.constant_loss), ("L_0", result.facts.null_loss)]
    return [histogram_text(binned, marks, taken), ""]


def _beside(label: str, lines: Sequence[str], indent: int) -> list[str]:
    """Return lines with a name before the first of them, or above them where they are indented less."""
    inside = [(" " * indent + line).rstrip() for line in lines]
    if indent < _LABEL:
        return [label, *inside]
    return [f"{label:{_LABEL}}{lines[0]}", *inside[1:]]


def _loss_lines(result: Result, indent: int, room: int | None) -> list[str]:
    moments, histogram = result.summary.moments, result.summary.histogram
    facts = result.facts
    lines = [
        f"Landmarks     null loss L_0 = {number_text(facts.null_loss, 6)}   "
        f"constant loss L_c = {number_text(facts.constant_loss, 6)}"
    ]
    if moments.count:
        lines.append(
            f"Loss          mean {number_text(moments.mean, 6)}   std {number_text(moments.std, 6)}"
            f"   min {number_text(moments.minimum)}   max {number_text(moments.maximum)}"
        )
        values = result.distribution.quantile(QUANTILES)
        names = [f"{share:.1%}" for share in QUANTILES]
        table = table_lines(names, [[number_text(float(value)) for value in values]], room)
        lines += _beside("Quantiles", table, indent)
    else:
        lines.append("Loss          there are no finite losses")
    if histogram.zero:
        exact = facts.exact_zeros(result.summary)
        rest = "" if exact == histogram.zero else f"; {f'{exact:,}' if exact else 'none'} known to be exact"
        lines.append(f"Losses of 0   {histogram.zero:,} in {facts.experiment.dtype}{rest}")
    if histogram.nonfinite:
        many = "losses were" if histogram.nonfinite != 1 else "loss was"
        lines.append(
            f"Not finite    {histogram.nonfinite:,} {many} NaN or infinite; shares are of the others"
        )
    return lines


def _mode_lines(result: Result) -> list[str]:
    modes, landmark = result.modes, result.landmark
    where = central_text(modes, result.facts.null_loss)
    lines = [
        f"Dominance D_0 {mass_text(landmark.landmark)}   "
        "losses up to L_0/4 against those within L_0/8 of L_0; -1 is central only, +1 zero only",
        f"log10 ratio   {ratio_text(landmark)}   of the same two; {zero_side_text(landmark)}",
        f"Excess D_E    {mass_text(modes.excess)}   of the masses above the density between the modes",
        f"Zero mode     mass {mass_text(modes.zero_mass)}",
        f"Central mode  mass {mass_text(modes.central_mass)}" + (f"   {where}" if where else ""),
        f"At L_0        mass {mass_text(result.at_null)}   {at_null_text(result)}",
        f"Dead          {dead_text(result)}",
        f"Basin D       {mass_text(modes.dominance)}   "
        f"of the two modes' masses; linear axis, {bins_text(modes)}",
    ]
    if math.isfinite(modes.log2_peak_ratio):
        lines.append(f"Peak ratio    log2(zero / central) = {log_text(modes.log2_peak_ratio)}")
    lines.append(f"Unimodal?     {dip_text(modes)}")
    lines.append(f"Contracting   below the central mode: {contracting_text(modes)}")
    if modes.log_modes:
        places = ", ".join(number_text(mode.loss) for mode in modes.log_modes)
        lines.append(f"Log axis      the density in log L, another density, has modes at L = {places}")
    return lines + [f"Note          {plain_text(note)}" for note in modes.notes]


def _volume_lines(result: Result, indent: int, room: int | None) -> list[str]:
    curve = result.volume
    if not curve.loss.size:
        return []
    lebesgue = result.lebesgue
    headings = ["log10 L", "log10 V(L)", "std", "local exponent λ"]
    if lebesgue:
        headings += [f"log10 Lebesgue volume in the {lebesgue.support}", "radius of equal ball"]
    rows = []
    for place in spread(curve.log10_loss.size):
        values = (curve.log10_loss, curve.log10_volume, curve.std, curve.exponent)
        row = [log_text(float(column[place])) for column in values]
        if lebesgue:
            row.append(log_text(float(lebesgue.log10_volume[place])))
            row.append(number_text(float(lebesgue.radius[place]), 5))
        rows.append(row)
    lines = _beside("Volume", table_lines(headings, rows, room), indent)
    return [*lines, *(" " * indent + line for line in below_lines(result))]


def _held_out_lines(result: Result, indent: int, room: int | None) -> list[str]:
    curve = result.held_out
    if curve is None or not curve.loss.size:
        return []
    rows = []
    for place in spread(curve.loss.size, 6):
        accuracy = "no classes"
        if curve.accuracy is not None:
            accuracy = band_text(curve.accuracy, place, bounded=True)
        loss = number_text(float(curve.loss[place]))
        rows.append([loss, f"{curve.count[place]:,}", band_text(curve.mean_loss, place), accuracy])
    headings = ("L", "networks", "mean loss [95 %]", "accuracy [95 %]")
    table = table_lines(headings, rows, room, left=(2, 3))
    first = f"{curve.examples:,} examples, given a training loss up to L"
    return [*_beside("Held out", [first], indent), *((" " * indent + line).rstrip() for line in table)]
