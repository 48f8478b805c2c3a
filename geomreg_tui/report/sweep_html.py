"""The report of a sweep as one HTML page."""

from __future__ import annotations

from geomreg_tui.experiment import Experiment
from geomreg_tui.formatting import exact_text, number_text
from geomreg_tui.report.drawing import inline_svg
from geomreg_tui.report.html import GLOSSARY, about, environment_table
from geomreg_tui.report.markup import definitions, escaped, figure, page, section, table, warning_list
from geomreg_tui.report.sweep_figures import MOST_DENSITIES, draw_densities, draw_directions, draw_tails
from geomreg_tui.report.sweep_results import Sweep
from geomreg_tui.report.sweeps import (
    MEASURES,
    TAIL_HEADINGS,
    grid_lines,
    tail_rows,
    tail_verdict_lines,
    verdict_line,
    without_networks,
)
from geomreg_tui.report.wording import log_text, mass_text, ratio_text
from geomreg_tui.statistics.trends import LOG10_RATIO, measure_of
from geomreg_tui.sweeps.volumes import TailComparison

__all__ = ["sweep_page"]

_TERMS = (
    *GLOSSARY,
    (
        "Kendall's τ-b",
        "Rank correlation of a factor and D_0 (or the log10 ratio), -1 to 1; positive when more of the "
        "factor moves mass to the zero mode.",
    ),
    (
        "direction",
        "Monotone where every step between neighbouring values of the factor is resolved and of one sign "
        "(5 % for all steps together, by Holm's procedure); not monotone where resolved steps have both "
        "signs; mostly towards one side where only the interval of τ-b excludes 0; otherwise no direction. "
        "A p-value is given from five values on.",
    ),
    (
        "V at equal loss",
        "V(ε) of each point's deep tail at the smallest loss that all points have come to; contracting where "
        "more of the factor leaves less of it. V_P(r) is the volume of the ball of P dimensions, P "
        "being the number of parameters, with the typical radius r of the weights.",
    ),
)


def sweep_page(sweep: Sweep) -> str:
    """Return the report of a sweep.

    Raises:
        ExperimentError: if matplotlib is not installed.
        RunDirectoryError: if the plan of its first run cannot be read.
    """
    factors = " and ".join(factor.key.replace("_", " ") for factor in sweep.factors)
    networks = sum(result.summary.samples for result in sweep.results)
    subtitle = f"{len(sweep.points):,} points, {networks:,} networks in all · {sweep.describe()}"
    parts = [
        warning_list(sweep.warnings),
        section("direction", "Direction", [_direction_figure(sweep), *_verdicts(sweep)]),
        section("points", "Points", [_point_table(sweep)]),
        section("tail", "Deep tail", _tails(sweep, sweep.tails)) if sweep.tails is not None else "",
        section("densities", "Densities", [_density_figure(sweep)]),
        section("experiment", "Experiment", [_experiment_table(sweep)]),
        section("again", "The same sweep again", [f"<pre><code>{escaped(sweep.command)}</code></pre>"]),
        section("environment", "Environment", [environment_table(sweep.results[0])]),
        section("terms", "Terms", [definitions(_TERMS)]),
    ]
    return page(f"Sweep over {factors}", subtitle, parts, f"{about()} Sweep {sweep.path.resolve().name}.")


def _direction_figure(sweep: Sweep) -> str:
    factors = " and against ".join(factor.key for factor in sweep.factors)
    measure = measure_of([point.landmark for point in sweep.points])
    said = f"{MEASURES[measure]} against {factors}. " + " ".join(f"{verdict_line(v)}." for v in sweep.judged)
    caption = "Dominance D_0 with its 95 % interval: -1 is central only, +1 zero only."
    if measure == LOG10_RATIO:
        caption = "Log10 ratio Λ of losses near 0 to losses near L_0, with its 95 % interval."
    return figure(inline_svg(draw_directions(sweep), "direction-figure", said), caption)


def _verdicts(sweep: Sweep) -> list[str]:
    if not sweep.judged:
        return ["<p>No direction: that needs a factor with two or more numbers for values.</p>"]
    lines = [verdict_line(verdict) for verdict in sweep.judged]
    for verdict in sweep.judged_grid:
        lines += grid_lines(verdict)
    items = "".join(f"<li>{escaped(line)}</li>" for line in lines)
    return [f"<ul>{items}</ul>"]


def _tails(sweep: Sweep, found: TailComparison) -> list[str]:
    lines = [line for verdict in found.verdicts for line in tail_verdict_lines(verdict)]
    factors = " and against ".join(factor.key for factor in sweep.factors)
    at = log_text(found.log10_loss)
    said = f"log10 V at log10 L = {at} against {factors}. " + " ".join(f"{x}." for x in lines)
    caption = (
        "Above: log10 V at the smallest loss that all points have come to, "
        f"log10 L = {at}, with its 95 % interval. Below: log10 of the volume of the "
        "ball of P dimensions whose radius is the typical one of the weights."
    )
    headings = [*(factor.key.replace("_", " ") for factor in sweep.factors), *TAIL_HEADINGS]
    words = {place for place, factor in enumerate(sweep.factors) if not factor.ordered}
    numbers = [place for place in range(len(headings) - 1) if place not in words]
    items = "".join(f"<li>{escaped(line)}</li>" for line in lines)
    return [
        figure(inline_svg(draw_tails(sweep), "tail-figure", said), caption),
        f"<ul>{items}</ul>" if items else "",
        table(
            "V at equal loss; std is its standard error", headings, tail_rows(sweep.points, found), numbers
        ),
    ]


def _point_table(sweep: Sweep) -> str:
    keys = [factor.key.replace("_", " ") for factor in sweep.factors]
    headings = [*keys, "P", "networks", "D_0", "log10 ratio Λ", "zero side", "D_E"]
    headings += ["zero mode", "central mode", "at L_0", "dead", "basin D", "null loss L_0"]
    rows = []
    for point in sweep.points:
        modes = point.modes
        shares = point.distribution.at_null_share, point.distribution.dead
        masses = (modes.zero_mass, modes.central_mass, *shares, modes.dominance)
        rows.append(
            [
                *map(exact_text, point.settings),
                f"{point.facts.parameters:,}",
                f"{point.summary.samples:,}",
                mass_text(point.landmark.landmark),
                ratio_text(point.landmark),
                point.landmark.zero_side,
                mass_text(modes.excess),
                *(mass_text(mass) for mass in masses),
                number_text(point.facts.null_loss),
            ]
        )
    for gone in without_networks(sweep.failed):
        rows.append([*map(exact_text, gone.settings), "failed", "0", *["-"] * 10])
    words = [place for place, factor in enumerate(sweep.factors) if not factor.ordered]
    words.append(headings.index("zero side"))
    numbers = [place for place in range(len(headings)) if place not in words]
    return table("Dominance and masses with 95 % intervals", headings, rows, numbers)


def _density_figure(sweep: Sweep) -> str:
    caption = (
        "Density of the loss at each point, on one loss axis; dashed: null loss L_0, dotted: constant L_c."
    )
    if len(sweep.points) > MOST_DENSITIES:
        caption = f"{MOST_DENSITIES} of {len(sweep.points):,} points. {caption}"
    said = f"Small multiples of the density of the loss, one for each of the points. {caption}"
    return figure(inline_svg(draw_densities(sweep), "density-figure", said), caption)


def _experiment_table(sweep: Sweep) -> str:
    swept = {factor.key for factor in sweep.factors}
    rows = []
    for key, field in Experiment.model_fields.items():
        values = {str(getattr(point.facts.experiment, key)): None for point in sweep.points}
        default = str(field.get_default())
        if key in swept or list(values) == [default] or list(values) == ["None"]:
            continue
        shown = list(values)
        text = ", ".join(shown[:6]) + (", …" if len(shown) > 6 else "")
        rows.append((key.replace("_", " "), text))
    return table("What the points share; keys that are left out have their defaults", ("key", "value"), rows)
