"""The report of a run as one HTML page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import geomreg_tui
from geomreg_tui.experiment import Experiment
from geomreg_tui.formatting import number_text
from geomreg_tui.rendering import Figure, Table, render
from geomreg_tui.report.command import RESOLVED
from geomreg_tui.report.deep_tail import (
    HELD_OUT_HEADINGS,
    agreement_text,
    curve_headings,
    curve_rows,
    exponent_text,
    failure_text,
    floor_text,
    goal_text,
    held_out_rows,
    populations_text,
)
from geomreg_tui.report.drawing import inline_svg
from geomreg_tui.report.figures import draw_panel
from geomreg_tui.report.glossary import GLOSSARY
from geomreg_tui.report.observed import HEADINGS as OBSERVABLE_HEADINGS
from geomreg_tui.report.observed import (
    LABELS,
    LAW_HEADINGS,
    WALK_HEADINGS,
    law_rows,
    observable_rows,
    observed_text,
    walk_rows,
)
from geomreg_tui.report.observed_figures import draw_observables, observables_drawn
from geomreg_tui.report.observed_tail import AT_LOSS_HEADINGS, at_loss_rows
from geomreg_tui.report.results import Result
from geomreg_tui.report.training import (
    FINAL_HEADINGS,
    counts_text,
    dimension_text,
    final_rows,
    path_rows,
    plan_text,
)
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
from geomreg_tui.splitting.joined import DeepTail

__all__ = ["about", "environment_table", "run_page"]


def run_page(result: Result) -> str:
    """Return the report of a run: everything that its text report says, with figures.

    Raises:
        ExperimentError: if matplotlib is not installed.
        RunDirectoryError: if the plan of the run cannot be read.
    """
    facts, summary = result.facts, result.summary
    state = state_text(result)
    sampled = f"{summary.samples:,} networks of {facts.parameters:,} parameters" + (
        f" ({state})" if state else ""
    )
    if result.status.elapsed_s > 0:
        sampled += f", {rate_text(summary.samples / result.status.elapsed_s)} networks/s"
    return render(
        "run.html.j2",
        title=facts.describe(),
        subtitle=sampled,
        warnings=result.warnings,
        density=_density_figure(result),
        losses=_loss_table(result),
        quantiles=_quantile_table(result),
        modes=_mode_table(result),
        notes=result.modes.notes,
        volume_figure=_volume_figure(result),
        volumes=_volume_table(result),
        below=_below_text(result),
        observed_figure=_observed_figure(result),
        observed=_observed_tables(result),
        tail=_tail_tables(result.tail) if result.tail is not None else (),
        training_figure=_training_figure(result),
        training_gradients_figure=_training_gradients_figure(result),
        training=_training_tables(result),
        held_out_figure=_held_out_figure(result),
        held_out=_held_out_table(result),
        experiment=_experiment_table(result),
        command=result.command,
        conditions=_conditions(result),
        environment=environment_table(result.environments),
        terms=GLOSSARY,
        about=f"{about()} Run {result.path.name}.",
    )


def about() -> str:
    """Return what made a page."""
    return f"Made by geomreg-tui {geomreg_tui.__version__}."


def environment_table(environments: Sequence[Mapping[str, Any]]) -> Table:
    """Return versions and device that the bits of a run depend on, one row for each environment."""
    names = dict.fromkeys(name for environment in environments for name in environment)
    keys = ["from_chunk", *(name for name in names if name != "from_chunk")]
    headings = [key.replace("_", " ") for key in keys]
    rows = [[environment.get(key, "-") for key in keys] for environment in environments]
    return Table("What the bits of this run depend on", headings, rows)


def _density_figure(result: Result) -> Figure | None:
    if not result.summary.histogram.count.size:
        return None
    facts, modes = result.facts, result.modes
    said = (
        f"Density of the loss on 0 to {number_text(modes.range[1])}. "
        f"Zero mode mass {mass_text(modes.zero_mass)}, "
        f"central mode mass {mass_text(modes.central_mass)}. Null loss {number_text(facts.null_loss)}, "
        f"constant loss {number_text(facts.constant_loss)}."
    )
    caption = (
        "Density of the loss of random networks, with the band that holds all bars at once (95 %). "
        "The atom at L_0 has no width and is not drawn as a bar."
    )
    return Figure(inline_svg(draw_panel(result, "density"), "density", said), caption)


def _loss_table(result: Result) -> Table:
    facts, moments, histogram = result.facts, result.summary.moments, result.summary.histogram
    rows = [
        ("null loss L_0", number_text(facts.null_loss, 6)),
        ("constant loss L_c", number_text(facts.constant_loss, 6)),
        ("mean", number_text(moments.mean, 6)),
        ("standard deviation", number_text(moments.std, 6)),
        ("smallest", number_text(moments.minimum if moments.count else math.nan)),
        ("largest", number_text(moments.maximum if moments.count else math.nan)),
        ("losses of 0, as computed", f"{histogram.zero:,}"),
        ("losses of 0, known to be exact", f"{facts.exact_zeros(result.summary):,}"),
        ("equal to L_0 to within rounding (atom)", f"{result.distribution.at_null:,}"),
        ("dead networks", "not counted" if result.summary.dead is None else f"{result.summary.dead:,}"),
        ("NaN or infinite", f"{histogram.nonfinite:,}"),
    ]
    return Table("Landmarks, moments and counts; shares are of the finite losses", ("", "loss"), rows, [1])


def _quantile_table(result: Result) -> Table:
    values = result.distribution.quantile(QUANTILES)
    names = [f"{share:.1%}" for share in QUANTILES]
    row = ["loss", *(number_text(float(value)) for value in values)]
    return Table("Quantiles of the loss", ["share", *names], [row], range(1, len(row)))


def _mode_table(result: Result) -> Table:
    modes, landmark, null = result.modes, result.landmark, result.facts.null_loss
    peaks = modes.log2_peak_ratio
    rows = [
        ("dominance D_0", mass_text(landmark.landmark), "up to L_0/4 against within L_0/8 of L_0"),
        ("log10 ratio Λ", ratio_text(landmark), zero_side_text(landmark)),
        ("excess dominance D_E", mass_text(modes.excess), "above the density between the modes"),
        (
            "zero mode, mass",
            mass_text(modes.zero_mass),
            "at L = 0" if modes.zero_mode else "not significant",
        ),
        (
            "central mode, mass",
            mass_text(modes.central_mass),
            central_text(modes, null),
        ),
        ("atom at L_0, mass", mass_text(result.at_null), at_null_text(result)),
        ("dead networks, share", dead_text(result), ""),
        (
            "basin dominance D",
            mass_text(modes.dominance),
            f"linear axis, {bins_text(modes)}",
        ),
    ]
    if math.isfinite(peaks):
        rows.append(("peak ratio, log2(zero / central)", log_text(peaks), "depends on the bin width"))
    rows.append(("unimodal?", dip_text(modes), ""))
    rows.append(("contracting below the central mode", contracting_text(modes), ""))
    if modes.log_modes:
        places = ", ".join(number_text(mode.loss) for mode in modes.log_modes)
        rows.append(("log axis", f"modes at L = {places}", "the density in log L is another density"))
    return Table("Modes of the density, with 95 % intervals", ("", "estimate [95 %]", "where"), rows)


def _volume_figure(result: Result) -> Figure | None:
    curve = result.volume
    if not curve.loss.size:
        return None
    volume, loss = log_text(float(curve.log10_volume[0])), log_text(float(curve.log10_loss[0]))
    deepest = f"down to log10 V = {volume} at log10 L = {loss}"
    said = f"Volume fraction against loss, both as logarithms, {deepest}."
    caption = f"Volume fraction V(ε), {deepest}, the deepest point that the sample supports."
    return Figure(inline_svg(draw_panel(result, "volume"), "volume-fraction", said), caption)


def _volume_table(result: Result) -> Table | None:
    curve, lebesgue = result.volume, result.lebesgue
    if not curve.loss.size:
        return None
    headings = ["log10 L", "log10 V(L)", "standard error", "local exponent λ", "standard error of λ"]
    if lebesgue:
        headings += [f"log10 Lebesgue volume in the {lebesgue.support}", "radius of the ball of equal volume"]
    rows = []
    for place in spread(curve.loss.size, 12):
        columns = (curve.log10_loss, curve.log10_volume, curve.std, curve.exponent, curve.exponent_std)
        row = [log_text(float(column[place])) for column in columns]
        if lebesgue:
            row.append(log_text(float(lebesgue.log10_volume[place])))
            row.append(number_text(float(lebesgue.radius[place]), 5))
        rows.append(row)
    return Table("Volume fractions", headings, rows, range(len(headings)))


def _below_text(result: Result) -> str:
    """Return what is known of volumes below those in the table."""
    if not result.volume.loss.size:
        return "There are no finite losses above 0."
    bound = "; ".join(below_lines(result))
    return f"{bound[0].upper()}{bound[1:]}."


def _tail_tables(deep: DeepTail) -> list[Table]:
    known = [
        ("volume at the end", goal_text(deep)),
        ("status", deep.status_text),
        ("populations", populations_text(deep)),
        *(("failed", text) for text in [failure_text(deep)] if text),
        *(("floor", text) for text in [floor_text(deep)] if text),
        ("local exponent λ at the end", exponent_text(deep)),
        ("agreement", agreement_text(deep)),
    ]
    tables = [Table("Multilevel splitting below what plain sampling sees", ("", ""), known)]
    if deep.curve is not None:
        rows, headings = curve_rows(deep), curve_headings(deep)
        tables.append(Table("Volume fractions down the tail", headings, rows, range(len(headings))))
        if deep.curve.held_out is not None:
            rows = [tuple(row) for row in held_out_rows(deep.curve.held_out)]
            tables.append(Table("Held-out performance down the tail", HELD_OUT_HEADINGS, rows, range(3)))
    return tables


def _observed_figure(result: Result) -> Figure | None:
    names = observables_drawn(result)
    if not names:
        return None
    caption = "Density of each observable over networks, with its mean and, dashed, that of theory."
    if any(result.observables[name].get("at_loss") for name in names):
        caption += " Below, its median among networks of low loss, down the tail."
    return Figure(inline_svg(draw_observables(result), "observables", caption), caption)


def _observed_tables(result: Result) -> list[Table]:
    if result.observed is None:
        return []
    about = [
        ("observed", observed_text(result.observed)),
        ("why", result.observed.planned.arrangement.reason),
    ]
    rows = observable_rows(result.observables)
    tables = [
        Table("Networks whose gradients and walks were observed", ("", ""), about),
        Table("Observables over networks", OBSERVABLE_HEADINGS, rows, range(1, len(OBSERVABLE_HEADINGS))),
    ]
    if laws := law_rows(result.observables):
        tables.append(Table("What theory expects of their means", LAW_HEADINGS, laws))
    if steps := walk_rows(result.observables):
        tables.append(Table("A step of a walk", WALK_HEADINGS, steps, (1,)))
    for name, found in result.observables.items():
        if rows := at_loss_rows(found, 12):
            title = f"Down the tail: {LABELS[name]} among networks of loss up to L"
            tables.append(Table(title, AT_LOSS_HEADINGS, rows, range(len(AT_LOSS_HEADINGS))))
    return tables


def _training_figure(result: Result) -> Figure | None:
    if result.training is None or not result.training.step.size:
        return None
    caption = (
        "Training loss by step: the median over the trajectories with its 95 % interval, the middle 50 and "
        "90 % of them, and the first ones whole. Below, how rare in weight space the median loss is."
    )
    said = f"{counts_text(result.training)}. {caption}"
    return Figure(inline_svg(draw_panel(result, "training"), "training", said), caption)


def _training_gradients_figure(result: Result) -> Figure | None:
    if result.training is None or not (result.training.plan.observed and result.training.step.size):
        return None
    caption = (
        "Gradients of the trained networks by step: medians over the trajectories and the middle 50 % of "
        "them, of the smallest and the mean cosine of two examples' gradients, and of how far the empirical "
        "NTK has moved from that of the start, as a share of it."
    )
    drawing = inline_svg(draw_panel(result, "training_gradients"), "training-gradients", caption)
    return Figure(drawing, caption)


def _training_tables(result: Result) -> list[Table]:
    overview = result.training
    if overview is None:
        return []
    volume = result.volume_of_loss
    about = [("networks are trained by", plan_text(overview.plan)), ("they ended", counts_text(overview))]
    about += [("failed", reason) for reason in overview.failures]
    dimension = dimension_text(overview)
    about += [("dimension of the updates", dimension)] if dimension else []
    headings, rows = path_rows(overview, volume, 12)
    return [
        Table("Trained networks", ("", ""), about),
        Table("How the fitted ended", FINAL_HEADINGS, final_rows(overview, volume)),
        Table("Medians of the paths", headings, rows, range(len(headings))),
    ]


def _held_out_figure(result: Result) -> Figure | None:
    curve = result.held_out
    if curve is None or not curve.loss.size:
        return None
    what = "Held-out loss" if curve.accuracy is None else "Held-out accuracy"
    caption = f"{what} on {curve.examples} examples, of the networks whose training loss is at most ε."
    return Figure(inline_svg(draw_panel(result, "held_out"), "held-out-curve", caption), caption)


def _held_out_table(result: Result) -> Table | None:
    curve = result.held_out
    if curve is None or not curve.loss.size:
        return None
    rows = []
    for place in spread(curve.loss.size, 8):
        accuracy = "no classes" if curve.accuracy is None else band_text(curve.accuracy, place, bounded=True)
        rows.append(
            (
                number_text(float(curve.loss[place])),
                f"{curve.count[place]:,}",
                band_text(curve.mean_loss, place),
                accuracy,
            )
        )
    headings = ("training loss up to", "networks", "mean held-out loss [95 %]", "accuracy [95 %]")
    return Table(f"On {curve.examples} held-out examples", headings, rows, range(4))


def _experiment_table(result: Result) -> Table:
    facts, asked = result.facts, result.run.asked
    rows: list[tuple[str, object, str]] = []
    for key, field in Experiment.model_fields.items():
        value = getattr(facts.experiment, key)
        given = key in asked.model_fields_set and getattr(asked, key) == value
        if value is None or not (given or key in RESOLVED or value != field.get_default()):
            continue
        why = facts.sampler_reason if key == "sampler" else "" if given else "fixed when the run began"
        shown = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
        if isinstance(value, tuple):
            shown = ", ".join(str(part) for part in value)
        rows.append((key.replace("_", " "), shown, why))
    rows += [
        ("inputs and outputs", f"{facts.input_size:,} and {facts.output_size:,}", ""),
        ("parameters P", f"{facts.parameters:,}", ""),
        (
            "typical radius",
            number_text(facts.init_radius),
            "square root of the mean squared norm of the weights",
        ),
        *(("about the data", note, "") for note in facts.data_notes),
        ("digest", facts.experiment.digest(), "SHA-256 of the experiment"),
        ("digest of the histogram", result.summary.histogram.digest(), "equal for equal networks"),
    ]
    return Table(
        "What was sampled; keys that are left out have their defaults", ("key", "value", "note"), rows
    )


def _conditions(result: Result) -> list[str]:
    """Return the conditions under which the command draws the same networks."""
    said = "It draws the same networks, to the same bits where versions and device are those below."
    if result.warnings:
        said = "It draws the same experiment; for the reasons given at the top, not all the same networks."
    digest = result.facts.experiment.data_sha256
    return [said, f"The data file must have the SHA-256 {digest}."] if digest else [said]
