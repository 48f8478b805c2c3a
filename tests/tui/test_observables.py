"""Observables in the loss pane: chosen with a key, drawn from what was observed, asked of runs that begin."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.rundir import RunState
from geomreg_tui.tui.pins import Pins
from geomreg_tui.tui.view import build_view
from geomreg_tui.tui.widgets.measure import Measure
from geomreg_tui.tui.widgets.observable import SHOWN, Asked, ObservablePlot, asked_of_runs
from geomreg_tui.tui.widgets.rows import Piece

from .driving import opened
from .fakes import descent, members, observed, snapshot_of, tail

DIGITS = Experiment.parse({"data": "digits", "examples": 16})


def view_of(seen=None, deep=None, state=RunState.DONE):
    made = snapshot_of(DIGITS, 5_000, state)
    more = {"gradients": seen, "splitting": deep}
    results = {**made.results, **{name: part for name, part in more.items() if part is not None}}
    return build_view(replace(made, results=results), 0, Pins(), dip=False)


def rows_of(view, name, measure, log_axis, width, height):
    asked = Asked(name, measure, log_axis, False, 1, None, None)
    drawn = ObservablePlot().draw(view, asked, width, height)
    if isinstance(drawn, str):
        return [[Piece(drawn)]]
    above, canvas = drawn
    return [*above, *canvas.rows()]


def text_of(rows):
    return "\n".join("".join(piece.text for piece in row) for row in rows)


def deep_tail_of():
    return tail(*(replace(descent(at), observed=members(at / 10)) for at in (0.0, 0.2)))


@pytest.mark.parametrize("size", [pytest.param((120, 40), marks=pytest.mark.full), (80, 24)])
async def test_the_key_goes_round_and_a_run_that_begins_observes_what_is_chosen(size) -> None:
    async with opened(size=size) as driver:
        if size == (80, 24):
            await driver.pilot.press("]")
        pane = driver.explorer._panes.loss
        seen = []
        for _ in range(5):
            seen.append(str(pane.border_title))
            await driver.pilot.press("o")
        assert seen[0] == seen[4] == "Loss distribution"
        assert seen[1:4] == ["Gradient confusion", "Gradient norm", "Sharpness"]
        await driver.until(lambda: "not observed here" in " ".join(driver.text("#loss").split()))
        assert "Start, Tail and Train" in " ".join(driver.text("#loss").split())
        await driver.pilot.press("escape", "space")
        await driver.until(lambda: driver.source.runs)
        assert driver.source.observed[0].observe == ("confusion", "gradient_norm", "sharpness")
        run = driver.source.runs[0]
        run.samples, run.state, run.observed = run.target, RunState.DONE, observed()
        await driver.until(lambda: "of 4,000 networks" in driver.text("#loss"))
        assert "law: mean -0.5" in driver.text("#loss")
        assert "smallest cosine" in driver.text("#loss")


async def test_while_the_loss_is_on_view_nothing_is_observed_and_others_do_not_zoom() -> None:
    async with opened() as driver:
        await driver.pilot.press("escape", "z", "o", "z")
        assert driver.explorer._panes.loss.zoom == 1
        await driver.pilot.press("o", "o", "o", "space")
        await driver.until(lambda: driver.source.runs)
        assert driver.source.observed == [None]


def test_runs_are_asked_for_what_their_experiments_have() -> None:
    assert asked_of_runs(DIGITS) == ("confusion", "gradient_norm", "sharpness")
    assert asked_of_runs(DIGITS.replace(loss="mae")) == ("confusion", "gradient_norm")
    assert asked_of_runs(DIGITS.replace(examples=1)) == ("gradient_norm", "sharpness")
    assert asked_of_runs(Experiment.parse({"data": "digits", "loss": "zero_one"})) == ()
    view = view_of()
    one = replace(view.snapshot.facts, experiment=DIGITS.replace(examples=1))
    view = replace(view, snapshot=replace(view.snapshot, facts=one))
    rows = rows_of(view, "confusion_min", Measure.DENSITY, False, 60, 12)
    assert "one example, which has no pairs; try examples 2 or more" in " ".join(text_of(rows).split())


@pytest.mark.parametrize("log_axis", [False, True])
@pytest.mark.parametrize("measure", list(Measure))
@pytest.mark.parametrize("name", SHOWN)
def test_what_is_drawn_is_what_was_observed(name, measure, log_axis, monkeypatch) -> None:
    """The bars of a plot against the numbers that were put in, counted by numpy."""
    from geomreg_tui.tui.widgets import observable

    drawn = {}
    heights = observable._heights

    def kept(places, counts, edges, total, chosen):
        drawn["found"] = (edges, *heights(places, counts, edges, total, chosen))
        return drawn["found"][1:]

    monkeypatch.setattr(observable, "_heights", kept)
    seen = observed()
    rows = rows_of(view_of(seen, deep_tail_of()), name, measure, log_axis, 70, 20)
    assert len(rows) == 20
    assert all(sum(len(piece.text) for piece in row) <= 70 for row in rows)
    edges, bars, low, high = drawn["found"]
    middles, counts = seen.observations.values[name].histogram.middles()
    values = np.repeat(middles, counts)
    values = np.log10(values) if log_axis and name != "confusion_min" else values
    total = values.size
    if measure is Measure.CUMULATIVE:
        expected = np.array([(values <= edge).mean() for edge in edges[1:]])
        assert np.abs(bars - expected).max() < 0.02
        assert bars[-1] > 0.98
    else:
        per = np.ones(bars.size) if measure is Measure.COUNT else np.diff(edges) * total
        expected = np.histogram(values, edges)[0] / per
        np.testing.assert_allclose(bars, expected, rtol=1e-12)
    assert np.all((high >= bars - 1e-12) | (bars == 0))
    assert np.all(low <= bars + 1e-12)


def test_the_legend_has_mean_law_and_low_loss() -> None:
    rows = rows_of(view_of(observed(), deep_tail_of()), "confusion_min", Measure.DENSITY, False, 100, 20)
    text = text_of(rows)
    seen = observed().observations.values["confusion_min"]
    assert f"mean {seen.moments.mean:.3f} of 4,000 networks" in text
    assert "law: mean -0.5, infinite width" in text
    assert "low L: median -0.8" in text
    assert "low L is log10 V = -17" in text
    assert re.search(r"^ +low L,? *law", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (None, "is not observed here"),
        ("waiting", "they come after the losses"),
        ("dead", "no network has gradients that could be compared"),
    ],
)
def test_what_is_missing_is_said(change, said) -> None:
    seen = None
    if change is not None:
        seen = observed(1)
        values = seen.observations.values["confusion_min"]
        none = type(values).empty(8)
        if change == "dead":
            none = type(values).from_values([1.0], [math.nan], 8, [True])
        parts = {"confusion_min": none}
        seen = replace(seen, observations=replace(seen.observations, values=parts))
    rows = rows_of(view_of(seen), "confusion_min", Measure.DENSITY, False, 60, 12)
    assert said in " ".join(text_of(rows).split())


def test_the_plan_of_a_run_is_no_larger_than_the_run() -> None:
    from geomreg_tui.tui.widgets.loss import LossPane

    pane = LossPane()
    assert pane.observing(DIGITS, 500) is None
    pane.observable = "sharpness"
    plan = pane.observing(DIGITS, 500)
    assert plan == GradientPlan(("confusion", "gradient_norm", "sharpness"), 500)
    assert pane.observing(Experiment.parse({"data": "digits", "loss": "zero_one"}), 500) is None
