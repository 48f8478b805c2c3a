"""How results show themselves: one line, and in a notebook a figure with the numbers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from geomreg_tui.errors import ExperimentError, one_line
from geomreg_tui.formatting import number_text
from geomreg_tui.report import Result, Sweep
from geomreg_tui.report.deep_tail import goal_text
from geomreg_tui.report.drawing import figure_bytes
from geomreg_tui.report.markup import escaped, table, warning_list
from geomreg_tui.report.sweeps import grid_lines, verdict_line
from geomreg_tui.report.wording import (
    below_lines,
    log_text,
    mass_text,
    ratio_text,
    state_text,
    zero_side_text,
)

__all__ = ["embedded_figure", "page", "run_line", "run_page", "shown", "sweep_line", "sweep_page"]

_PIXELS = 720  # most that a figure is wide


def run_line(result: Result) -> str:
    """Return a run in one line."""
    state = result.status.state.value
    return one_line(f"{result.facts.describe()}: {result.summary.samples:,} networks, {state}")


def sweep_line(sweep: Sweep) -> str:
    """Return a sweep in one line."""
    failed = f", {len(sweep.failed)} failed" if sweep.failed else ""
    return one_line(f"{sweep.describe()}: {len(sweep.points):,} points{failed}")


def run_page(result: Result, draw: Callable[[], Any]) -> str:
    """Return a run as HTML: what was sampled, a figure, and the numbers with their intervals.

    Args:
        result: the run.
        draw: returns its figure; an ExperimentError where matplotlib is not installed.
    """
    facts, modes, curve = result.facts, result.modes, result.volume
    moments = result.summary.moments
    state = "" if result.complete else f", {state_text(result)}"
    rows = [
        ("networks", f"{result.summary.samples:,} of {facts.parameters:,} parameters{state}"),
        ("null loss L_0, constant loss L_c", _numbers(facts.null_loss, facts.constant_loss)),
    ]
    if moments.count:
        rows.append(
            ("loss: mean, smallest, largest", _numbers(moments.mean, moments.minimum, moments.maximum))
        )
    rows += [
        ("dominance D_0", mass_text(result.landmark.landmark)),
        ("log10 ratio", f"{ratio_text(result.landmark)}; {zero_side_text(result.landmark)}"),
        ("excess dominance D_E", mass_text(modes.excess)),
        ("zero mode, mass", mass_text(modes.zero_mass)),
        ("central mode, mass", mass_text(modes.central_mass)),
        ("basin dominance D", mass_text(modes.dominance)),
    ]
    if curve.loss.size:
        place, volume = (log_text(float(column[0])) for column in (curve.log10_loss, curve.log10_volume))
        rows.append(("deepest volume sampled", f"log10 V = {volume} at log10 L = {place}"))
        rows.append(("below that", "; ".join(below_lines(result))))
    if result.tail is not None:
        rows.append(("deep tail", f"{goal_text(result.tail)}; {result.tail.status_text}"))
    return page(facts.describe(), result.warnings, draw, [_table(rows), _kept(result.path)])


def sweep_page(
    sweep: Sweep, draw: Callable[[], Any], columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> str:
    """Return a sweep as HTML: a figure, a row for each point, and the directions.

    Args:
        sweep: the sweep.
        draw: returns its figure.
        columns: headings.
        rows: of each point.
    """
    shown = [[_cell(value) for value in row] for row in rows]
    lines = [verdict_line(verdict) for verdict in sweep.judged]
    lines += [line for verdict in sweep.judged_grid for line in grid_lines(verdict)]
    directions = "".join(f"<li>{escaped(line)}</li>" for line in lines)
    parts = [
        table("Points, with 95 % intervals", columns, shown, range(len(columns))),
        f"<ul>{directions}</ul>" if directions else "",
        _kept(sweep.path),
    ]
    return page(sweep.describe(), sweep.warnings, draw, parts)


def page(heading: str, warnings: Sequence[str], draw: Callable[[], Any], parts: Iterable[str]) -> str:
    """Return an element of a notebook: heading, warnings, a figure if it can be drawn, and further markup."""
    body = "\n".join(part for part in (embedded_figure(draw, heading), *parts) if part)
    return f"<div>\n<p><strong>{escaped(heading)}</strong></p>\n{warning_list(warnings)}\n{body}\n</div>"


def shown(figure: Any) -> Any:
    """Return a figure that a notebook shows, whether or not pyplot was ever imported there."""
    figure._repr_png_ = lambda: figure_bytes(figure, "png")
    return figure


def embedded_figure(draw: Callable[[], Any], description: str) -> str:
    """Return a figure as an image within the page; empty where matplotlib is not installed."""
    try:
        content = figure_bytes(draw(), "png")
    except ExperimentError:
        return ""
    code = base64.b64encode(content).decode()
    return (
        f'<img alt="{escaped(description)}" style="max-width: min(100%, {_PIXELS}px)" '
        f'src="data:image/png;base64,{code}">'
    )


def _table(rows: Iterable[tuple[str, str]]) -> str:
    return table("", ("", "estimate [95 %]"), rows)


def _numbers(*values: float) -> str:
    return ", ".join(number_text(value) for value in values)


def _kept(path: object) -> str:
    return f"<p><small>Kept in <code>{escaped(path)}</code></small></p>"


def _cell(value: Any) -> str:
    return number_text(value) if isinstance(value, float) else str(value)
