"""Runs side by side as text, CSV and figures."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from geomreg_tui.columns import table_lines, wrapped_lines
from geomreg_tui.errors import ExperimentError, Problem, one_line, plain_text
from geomreg_tui.formatting import exact_text, interval_text, number_text, probability_text
from geomreg_tui.report.drawing import (
    COLOURS,
    FIGURES,
    figure_bytes,
    figure_text,
    legend_above,
    new_figure,
    style,
)
from geomreg_tui.report.runs_compared import QUANTILES, ComparedRun, RunsCompared
from geomreg_tui.rundir.store import write_bytes
from geomreg_tui.statistics.intervals import WIDTH, Interval

__all__ = ["COMPARED_FORMATS", "compared_text", "draw_compared", "export_compared"]

COMPARED_FORMATS = (".json", ".csv", *FIGURES)
_SMALLEST_P = 1e-6
_MARKERS = ("o", "s", "^", "D", "v", "P")
_LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
_SIZE = (10.0, 3.6)  # inches
_POINTS = 400


def compared_text(compared: RunsCompared, width: int | None = None) -> str:
    """Return runs side by side as plain text.

    Args:
        compared: the runs.
        width: cells of a line; None for no limit.
    """
    runs = compared.runs
    lines = [f"!!! {text}" for text in compared.warnings]
    rows = [[run.letter, run.name, f"{run.result.summary.samples:,}", _apart(run)] for run in runs]
    lines += table_lines(["", "run", "networks", "differs in"], rows, width, left=(0, 1, 3), wrap_last=True)
    lines += ["", "Differences are from A, with 95 % intervals:"]
    rows = [[run.letter, _value(run, "d0"), _change(run, "d0"), *_ks(run)] for run in runs]
    lines += table_lines(["", "D_0", "difference", "KS distance", "p"], rows, width, left=(0,))
    lines.append("")
    rows = [[run.letter, _value(run, "at_null_loss"), _change(run, "at_null_loss")] for run in runs]
    lines += table_lines(["", "mass at L_0", "difference"], rows, width, left=(0,))
    lines += ["", "Quantiles of the loss:"]
    rows = [
        [f"{100 * share:g} %" if run is runs[0] else "", run.letter, _value(run, name), _change(run, name)]
        for share in QUANTILES
        for name in (f"quantile_{share}",)
        for run in runs
    ]
    lines += table_lines(["share", "", "loss", "difference"], rows, width, left=(0, 1))
    if math.isfinite(compared.loss):
        lines += ["", f"Volume at equal loss, L = {number_text(compared.loss)}:"]
        rows = [[run.letter, _value(run, "log10_volume"), _change(run, "log10_volume")] for run in runs]
        lines += table_lines(["", "log10 V", "difference"], rows, width, left=(0,))
    if any(run.tail_status for run in runs):
        lines += ["", "Deep tails, each where it ends:"]
        rows = [[run.letter, *_tail(run), run.tail_status or "no tail"] for run in runs]
        headings = ["", "log10 L", "log10 V", "status"]
        lines += table_lines(headings, rows, width, left=(0, 3), wrap_last=True)
    lines += ["", *wrapped_lines(_NOTE, width)]
    return plain_text("\n".join(lines))


_NOTE = (
    "KS is the largest difference of the two distribution functions, p that of no difference. V at equal "
    "loss is taken at the smallest loss at which all know it to a standard error of 0.1 in log10 V, if any."
)


def draw_compared(compared: RunsCompared) -> Any:
    """Return a figure: distributions of the loss, V of low loss with its 95 % band, and D_0.

    Raises:
        ExperimentError: if matplotlib is not installed.
    """
    with style():
        figure = new_figure(*_SIZE)
        left, middle, right = figure.subplots(1, 3, width_ratios=[3, 3, 2])
        for number, run in enumerate(compared.runs):
            colour = list(COLOURS.values())[number]
            _draw_cumulative(left, run, colour, _LINES[number])
            _draw_volume(middle, run, colour, _LINES[number])
            _draw_dominance(right, run, number, colour)
        left.set(xscale="log", xlabel=figure_text("loss L"), ylabel="share with a loss up to L")
        left.set_ylim(0, 1)
        middle.set(xlabel="log10 L", ylabel="log10 V(L)")
        if math.isfinite(compared.loss):
            middle.axvline(math.log10(compared.loss), color="0.6", linewidth=0.8)
        places = range(len(compared.runs))
        right.set_yticks(places, [run.letter for run in compared.runs])
        right.set(xlabel="D_0, 95 %", ylim=(len(compared.runs) - 0.5, -0.5))
        right.axvline(0, color="0.6", linewidth=0.8)
        legend_above(left)
    return figure


def export_compared(
    compared: RunsCompared, path: Path, force: bool = False, *, option: str = "--force"
) -> None:
    """Write runs side by side in the format that the name of the file asks for.

    Args:
        compared: the runs.
        path: ``.json``, ``.csv`` with one row for each measure of each run, or a figure.
        force: replace a file that is there.
        option: what a person writes for ``force``.

    Raises:
        ExperimentError: if the format is unknown or needs a package that is not there, or the file exists
            and ``force`` is not given.
        RunDirectoryError: if it cannot be written.
    """
    kind = path.suffix.lower()
    if kind not in COMPARED_FORMATS:
        rule = f"allowed ends are {', '.join(COMPARED_FORMATS)}"
        raise ExperimentError([Problem("out", repr(path.name), rule)])
    if path.exists() and not force:
        raise ExperimentError([Problem("out", f"{path}, which exists", f"{option} replaces it")])
    if kind in FIGURES:
        write_bytes(path, figure_bytes(draw_compared(compared), kind[1:]))
    elif kind == ".json":
        write_bytes(path, (json.dumps(compared.to_json(), indent=2, allow_nan=False) + "\n").encode())
    else:
        write_bytes(path, _csv(compared).encode())


def _csv(compared: RunsCompared) -> str:
    """Return the measures as CSV; what is undefined is empty."""
    columns = compared.columns()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in zip(*columns.values(), strict=True):
        writer.writerow(["" if isinstance(cell, float) and math.isnan(cell) else cell for cell in row])
    return text.getvalue()


def _apart(run: ComparedRun) -> str:
    """Return in what a run differs from the others; the experiment where that is nothing."""
    parts = [f"{key.replace('_', ' ')} {_setting(value)}" for key, value in run.settings.items()]
    return one_line(", ".join(parts)) or f"nothing: {run.result.facts.describe()}"


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(map(str, value)) if isinstance(value, tuple) else exact_text(value)


def _text(interval: Interval) -> str:
    if not math.isfinite(interval.estimate):
        return "-"
    return interval_text(interval)


def _value(run: ComparedRun, name: str) -> str:
    return _text(run.measures[name].value)


def _change(run: ComparedRun, name: str) -> str:
    return "" if run.distance is None else _text(run.measures[name].change)


def _ks(run: ComparedRun) -> list[str]:
    """Return the distance of a run from the first, and its p-value."""
    if run.distance is None:
        return ["", ""]
    p = probability_text(run.distance.p_value, _SMALLEST_P).removeprefix("= ")
    return [number_text(run.distance.statistic), p]


def _tail(run: ComparedRun) -> list[str]:
    """Return where the tail of a run ends."""
    return ["-", "-"] if run.tail is None else [number_text(run.tail[0]), _text(run.tail[1])]


def _label(run: ComparedRun) -> str:
    return figure_text(f"{run.letter}  {run.name}")


def _draw_cumulative(axes: Any, run: ComparedRun, colour: str, dashes: Any) -> None:
    """Draw the distribution function of the positive losses."""
    ends = run.result.distribution.quantile([0.001, 0.999])
    low = max(float(ends[0]), 1e-12 * max(float(ends[1]), 1e-300))
    losses = np.geomspace(low, max(float(ends[1]), low * 1.001), _POINTS)
    axes.plot(losses, run.result.distribution.cdf(losses), color=colour, linestyle=dashes, label=_label(run))


def _draw_volume(axes: Any, run: ComparedRun, colour: str, dashes: Any) -> None:
    """Draw V of low loss with its 95 % band."""
    curve = run.volume_of_loss
    axes.plot(curve.log10_loss, curve.log10_volume, color=colour, linestyle=dashes)
    band = WIDTH * curve.std
    upper = np.minimum(curve.log10_volume + band, 0.0)
    axes.fill_between(
        curve.log10_loss, curve.log10_volume - band, upper, color=colour, alpha=0.2, linewidth=0
    )


def _draw_dominance(axes: Any, run: ComparedRun, place: int, colour: str) -> None:
    """Draw D_0 with its interval."""
    value = run.measures["d0"].value
    if math.isfinite(value.estimate):
        ends = [[value.estimate - value.low], [value.high - value.estimate]]
        axes.errorbar(
            [value.estimate], [place], xerr=ends, fmt=_MARKERS[place], color=colour, capsize=3, markersize=5
        )
