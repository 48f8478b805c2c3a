"""The report of a sweep as one HTML page."""

from __future__ import annotations

from geomreg_tui.experiment import Experiment
from geomreg_tui.formatting import exact_text, number_text
from geomreg_tui.rendering import Figure, Table, render
from geomreg_tui.report.drawing import inline_svg
from geomreg_tui.report.glossary import GLOSSARY
from geomreg_tui.report.html import about, environment_table
from geomreg_tui.report.sweep_figures import (
    MOST_DENSITIES,
    draw_densities,
    draw_directions,
    draw_observed,
    draw_tails,
    draw_training,
)
from geomreg_tui.report.sweep_measures import (
    law_heading,
    law_rows,
    low_loss_heading,
    low_loss_rows,
    observed_heading,
    observed_notes,
    observed_rows,
    training_heading,
    training_rows,
)
from geomreg_tui.report.sweep_results import Sweep
from geomreg_tui.report.sweeps import (
    MEASURES,
    TAIL_HEADINGS,
    direction_lines,
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
    tails = sweep.tails
    return render(
        "sweep.html.j2",
        title=f"Sweep over {factors}",
        subtitle=subtitle,
        warnings=sweep.warnings,
        directions=_direction_figure(sweep),
        verdicts=direction_lines(sweep.judged, sweep.judged_grid),
        points=_point_table(sweep),
        tail_figure=_tail_figure(sweep, tails) if tails is not None else None,
        tail_verdicts=_tail_lines(tails) if tails is not None else (),
        tails=_tail_table(sweep, tails) if tails is not None else None,
        observed_figure=_observed_figure(sweep),
        observed_notes=observed_notes(sweep.observed) if sweep.observed is not None else (),
        observed=_observed_table(sweep),
        laws=_law_table(sweep),
        low_loss=_low_loss_table(sweep),
        training_figure=_training_figure(sweep),
        training=_training_table(sweep),
        densities=_density_figure(sweep),
        experiment=_experiment_table(sweep),
        command=sweep.command,
        environment=environment_table(sweep.results[0].environments),
        terms=_TERMS,
        about=f"{about()} Sweep {sweep.path.resolve().name}.",
    )


def _direction_figure(sweep: Sweep) -> Figure:
    factors = " and against ".join(factor.key for factor in sweep.factors)
    measure = measure_of([point.landmark for point in sweep.points])
    said = f"{MEASURES[measure]} against {factors}. " + " ".join(f"{verdict_line(v)}." for v in sweep.judged)
    caption = "Dominance D_0 with its 95 % interval: -1 is central only, +1 zero only."
    if measure == LOG10_RATIO:
        caption = "Log10 ratio Λ of losses near 0 to losses near L_0, with its 95 % interval."
    return Figure(inline_svg(draw_directions(sweep), "direction-figure", said), caption)


def _tail_lines(tails: TailComparison) -> list[str]:
    return [line for verdict in tails.verdicts for line in tail_verdict_lines(verdict)]


def _tail_figure(sweep: Sweep, tails: TailComparison) -> Figure:
    factors = " and against ".join(factor.key for factor in sweep.factors)
    at = log_text(tails.log10_loss)
    said = f"log10 V at log10 L = {at} against {factors}. " + " ".join(f"{x}." for x in _tail_lines(tails))
    caption = (
        "Above: log10 V at the smallest loss that all points have come to, "
        f"log10 L = {at}, with its 95 % interval. Below: log10 of the volume of the "
        "ball of P dimensions whose radius is the typical one of the weights."
    )
    return Figure(inline_svg(draw_tails(sweep), "tail-figure", said), caption)


def _training_figure(sweep: Sweep) -> Figure | None:
    if sweep.training is None:
        return None
    caption = (
        "Trained networks against each factor, medians over those that have fitted with 95 % intervals: "
        "held-out loss, or the distance from the start where nothing is held out. Dashed, on the axis at the "
        "right: how rare in weight space the loss is that all are trained to, where that is known."
    )
    return Figure(inline_svg(draw_training(sweep), "training-figure", caption), caption)


def _training_table(sweep: Sweep) -> Table | None:
    if sweep.training is None:
        return None
    rows = training_rows(sweep.factors, sweep.points, sweep.training)
    return _measure_table(sweep, training_heading(sweep.training), rows)


def _observed_figure(sweep: Sweep) -> Figure | None:
    if sweep.observed is None:
        return None
    caption = "Means of observables over networks against each factor, with 95 % intervals."
    if sweep.observed.laws:
        caption += f" Grey crosses: {law_heading(sweep.observed)}."
    return Figure(inline_svg(draw_observed(sweep), "observed-figure", caption), caption)


def _observed_table(sweep: Sweep) -> Table | None:
    if sweep.observed is None:
        return None
    return _measure_table(
        sweep, observed_heading(), observed_rows(sweep.factors, sweep.points, sweep.observed)
    )


def _law_table(sweep: Sweep) -> Table | None:
    if sweep.observed is None or not sweep.observed.laws:
        return None
    rows = law_rows(sweep.factors, sweep.points, sweep.observed)
    return _measure_table(sweep, law_heading(sweep.observed), rows)


def _low_loss_table(sweep: Sweep) -> Table | None:
    if sweep.observed is None or not sweep.observed.low_loss:
        return None
    rows = low_loss_rows(sweep.factors, sweep.points, sweep.observed)
    return _measure_table(sweep, low_loss_heading(), rows)


def _measure_table(sweep: Sweep, caption: str, table: tuple[list[str], list[list[str]]]) -> Table:
    headings, rows = table
    return Table(caption, headings, rows, range(len(sweep.factors), len(headings)))


def _tail_table(sweep: Sweep, tails: TailComparison) -> Table:
    headings = [*(factor.key.replace("_", " ") for factor in sweep.factors), *TAIL_HEADINGS]
    words = [place for place, factor in enumerate(sweep.factors) if not factor.ordered]
    numbers = [place for place in range(len(headings) - 1) if place not in words]
    rows = tail_rows(sweep.points, tails)
    return Table("V at equal loss; std is its standard error", headings, rows, numbers, words)


def _point_table(sweep: Sweep) -> Table:
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
    return Table("Dominance and masses with 95 % intervals", headings, rows, numbers, words)


def _density_figure(sweep: Sweep) -> Figure:
    caption = (
        "Density of the loss at each point, on one loss axis; dashed: null loss L_0, dotted: constant L_c."
    )
    if len(sweep.points) > MOST_DENSITIES:
        caption = f"{MOST_DENSITIES} of {len(sweep.points):,} points. {caption}"
    said = f"Small multiples of the density of the loss, one for each of the points. {caption}"
    return Figure(inline_svg(draw_densities(sweep), "density-figure", said), caption)


def _experiment_table(sweep: Sweep) -> Table:
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
    return Table("What the points share; keys that are left out have their defaults", ("key", "value"), rows)
