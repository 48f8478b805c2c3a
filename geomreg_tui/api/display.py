"""How results show themselves: one line, and in a notebook a figure with the numbers."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from geomreg_tui.errors import ExperimentError, one_line
from geomreg_tui.formatting import number_text
from geomreg_tui.rendering import Table, render
from geomreg_tui.report import Result, Sweep
from geomreg_tui.report.deep_tail import goal_text
from geomreg_tui.report.drawing import figure_bytes
from geomreg_tui.report.sweeps import direction_lines
from geomreg_tui.report.wording import (
    below_lines,
    log_text,
    mass_text,
    ratio_text,
    state_text,
    zero_side_text,
)

__all__ = ["run_line", "run_page", "shown", "sphere_page", "sweep_line", "sweep_page"]


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
    return _page(
        facts.describe(),
        draw,
        warnings=result.warnings,
        table=Table("", ("", "estimate [95 %]"), rows),
        path=result.path,
    )


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
    cells = [[_cell(value) for value in row] for row in rows]
    return _page(
        sweep.describe(),
        draw,
        warnings=sweep.warnings,
        table=Table("Points, with 95 % intervals", columns, cells, range(len(columns))),
        lines=direction_lines(sweep.judged, sweep.judged_grid),
        path=sweep.path,
    )


def sphere_page(heading: str, draw: Callable[[], Any], peaks: Sequence[str]) -> str:
    """Return volumes of balls as HTML: a figure, and where the volume and the surface are largest.

    Args:
        heading: radius and dimensions.
        draw: returns the figure.
        peaks: a line for each.
    """
    return _page(heading, draw, lines=peaks)


def shown(figure: Any) -> Any:
    """Return a figure that a notebook shows, whether or not pyplot was ever imported there."""
    figure._repr_png_ = lambda: figure_bytes(figure, "png")
    return figure


def _page(
    heading: str,
    draw: Callable[[], Any],
    *,
    warnings: Sequence[str] = (),
    table: Table | None = None,
    lines: Sequence[str] = (),
    path: object = None,
) -> str:
    """Return an element of a notebook.

    Args:
        heading: also describes the figure.
        draw: returns the figure.
        warnings: what must not be missed.
        table: the numbers.
        lines: what is said below them.
        path: where it is kept.
    """
    return render(
        "notebook.html.j2",
        heading=heading,
        image=_encoded(draw),
        warnings=warnings,
        table=table,
        lines=lines,
        path=path,
    )


def _encoded(draw: Callable[[], Any]) -> str:
    """Return a figure as PNG in base 64; empty where matplotlib is not installed."""
    try:
        return base64.b64encode(figure_bytes(draw(), "png")).decode()
    except ExperimentError:
        return ""


def _numbers(*values: float) -> str:
    return ", ".join(number_text(value) for value in values)


def _cell(value: Any) -> str:
    return number_text(value) if isinstance(value, float) else str(value)
