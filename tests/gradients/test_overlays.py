"""Laws beside what was sampled: only where they hold, and sampled means follow them."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from geomreg_tui.gradients.plan import LABELS, parse_plan
from geomreg_tui.gradients.store import Planned
from geomreg_tui.report import load_result, report_text
from geomreg_tui.report.figures import draw_figure
from geomreg_tui.report.html import run_page
from geomreg_tui.report.observed_figures import draw_observables, observables_drawn
from tests import seeds
from tests.rates import ALPHA, sigmas
from tests.training.making import gone_on_with

from .making import begun, observed, observer

CONFUSION = ("confusion_min", "confusion_mean", "confusion_negative")


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, {"ntk_trace": "exact at this width", **dict.fromkeys(CONFUSION, "infinite width"),
              "walk_correlation": "infinite width"}),
        ({"depth": 0}, dict.fromkeys(("ntk_trace", *CONFUSION, "walk_correlation"), "exact")),
        ({"bias": True}, {"walk_correlation": "infinite width"}),
        ({"activation": "tanh"}, {"walk_correlation": "infinite width"}),
        ({"init": "glorot_normal"}, {"walk_correlation": "infinite width"}),
        ({"loss": "mae"}, {"ntk_trace": "exact at this width"}),
        ({"pairs": 3}, {"ntk_trace": "exact at this width", "walk_correlation": "infinite width"}),
        ({"layer_norm": True}, {}),
        ({"residual": True}, {}),
        ({"observe": ["sharpness"], "depth": 0, "init": "uniform"}, {"sharpness": "exact"}),
        ({"observe": ["sharpness"], "depth": 0, "loss": "huber"}, {}),
        ({"observe": ["sharpness"]}, {"sharpness": "infinite width"}),
        ({"observe": ["sharpness"], "bias": True}, {}),
    ],
)  # fmt: skip
def test_a_law_is_named_where_it_holds_and_nowhere_else(values, names):
    values = dict(values)
    asked = values.pop("observe", ["confusion", "ntk", "walk"])
    found = observer(asked, **values).laws()
    assert {name: law.name for name, law in found.items()} == names
    for law in found.values():
        assert math.isfinite(law.mean)


def test_laws_that_need_normal_weights_are_not_named_for_others():
    assert observer(["confusion", "ntk"], init="uniform").laws() == {}


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "abs", "linear"])
@pytest.mark.parametrize(("width", "outputs"), [([3, 5], 1), ([4, 2, 3], 3)])
def test_the_mean_trace_is_exact_at_any_width(activation, width, outputs):
    """Of narrow layers, with one output and several."""
    loss = "mse" if outputs == 1 else "cross_entropy"
    made = observer(["ntk"], activation=activation, width=width, depth=len(width), loss=loss, gain=0.8)
    assert made.sampler.objective.outputs == outputs
    values = observed(made, 8_000, 60, len(width))["ntk_trace"]
    law = made.laws()["ntk_trace"]
    assert law.name == "exact at this width"
    assert abs(values.mean() - law.mean) < sigmas(8) * values.std() / math.sqrt(len(values))


def test_confusion_of_linear_models_is_exact():
    made = observer(["confusion"], depth=0)
    values, laws = observed(made, 20_000, 61), made.laws()
    for name in CONFUSION:
        error = math.hypot(values[name].std() / math.sqrt(len(values[name])), laws[name].error)
        assert abs(values[name].mean() - laws[name].mean) < sigmas(3) * error, name


def test_confusion_of_wide_layers_is_approached():
    """At width 500 what is left of 1 / width is below 0.01."""
    made = observer(["confusion"], width=500, depth=2)
    values, laws = observed(made, 500, 62), made.laws()
    for name in CONFUSION:
        error = math.hypot(values[name].std() / math.sqrt(len(values[name])), laws[name].error)
        assert abs(values[name].mean() - laws[name].mean) < sigmas(3) * error + 0.01, name


def test_laws_are_kept_said_and_change_no_pack(tmp_path):
    run = begun(tmp_path / "run", parse_plan("confusion,ntk,walk", observed="60"))
    planned = Planned.read(run)
    assert set(planned.laws) == {"ntk_trace", *CONFUSION, "walk_correlation"}
    assert Planned.from_json(json.loads(json.dumps(planned.to_json()))) == planned
    without = Planned(planned.plan, planned.arrangement)
    assert "laws" not in without.to_json()
    gone_on_with(run)
    result = load_result(run.path)
    document = json.loads((run.path / "summary.json").read_text())
    for name, law in planned.laws.items():
        assert document["observables"][name]["law"] == {
            "name": law.name,
            "mean": law.mean,
            "error": law.error,
        }
    assert "exact at this width" in report_text(result)
    assert_drawn(draw_observables(result), result, planned.laws)
    axes = [part for part in draw_figure(result).axes if part.get_visible()]
    assert [part.get_xlabel() for part in axes[2:]] == [LABELS[name] for name in observables_drawn(result)]
    assert "and, dashed, that of theory" in run_page(result)


def assert_drawn(figure, result, laws):
    """Each panel has the mean of what was observed, that of theory dashed, and a density of area 1."""
    names = observables_drawn(result)
    assert names == ["confusion_min", "confusion_mean", "confusion_negative", "ntk_trace"]
    for axes, name in zip([part for part in figure.axes if part.get_visible()], names, strict=True):
        assert axes.get_xlabel() == LABELS[name]
        solid, *dashed = axes.lines
        mean = result.observables[name]["mean"]
        assert list(solid.get_xdata()) == [mean, mean]
        assert [line.get_xdata()[0] for line in dashed] == [laws[name].mean]
        density, edges, _ = axes.patches[0].get_data()
        assert 0.95 < float((density * np.diff(edges)).sum()) < 1 + 1e-9


@pytest.mark.parametrize("init", ["he_normal", "uniform", "orthogonal", "binary"])
@pytest.mark.parametrize("bias", [False, True])
def test_sharpness_of_linear_models_is_a_constant_whatever_the_law(init, bias):
    made = observer(["sharpness"], depth=0, init=init, bias=bias)
    values, law = observed(made, 20, 63)["sharpness"], made.laws()["sharpness"]
    assert law.name == "exact"
    assert values == pytest.approx(np.full(20, law.mean), rel=1e-12)


def test_sharpness_of_one_example_follows_the_law_of_its_trace():
    """One hidden layer, one example: Theta_11 = q A + (2 |x|**2 / n) B with independent A and B, both
    chi-square(K) for K ~ Binomial(n, 1/2) active units, and q = 2 |x|**2 / n_0. Sharpness is twice that."""
    values = {"data": "gaussian", "inputs": 3, "examples": 1, "width": 4, "depth": 1}
    made = observer(["ntk", "sharpness"], **values)
    found, laws = observed(made, 4_000, 64), made.laws()
    assert laws["sharpness"].name == "exact at this width"
    assert laws["sharpness"].mean == pytest.approx(2 * laws["ntk_trace"].mean)
    sharp = found["sharpness"]
    assert abs(sharp.mean() - laws["sharpness"].mean) < sigmas(2) * sharp.std() / math.sqrt(len(sharp))
    generator, square = seeds.generator(65), float((made.sampler.x[0] ** 2).sum())
    active = generator.binomial(4, 0.5, 40_000)
    first, second = (np.where(active, generator.chisquare(np.maximum(active, 1)), 0.0) for _ in range(2))
    exact = 2 * (2 * square / 3 * first + 2 * square / 4 * second)
    assert stats.ks_2samp(np.round(sharp, 9), np.round(exact, 9), method="asymp").pvalue > ALPHA / 2


def test_sharpness_of_wide_layers_comes_down_to_that_of_the_limit():
    """With one hidden layer E Theta is the limit at any width, and the largest eigenvalue is convex: its mean
    is never below that of the limit, and comes near. At width 500 what is left of 1 / width is below 1 %."""
    gaps = []
    for width in (4, 32, 500):
        made = observer(["sharpness"], width=width, depth=1)
        values, law = observed(made, 500, 66, width)["sharpness"], made.laws()["sharpness"]
        assert law.name == "infinite width"
        error = sigmas(4) * values.std() / math.sqrt(len(values)) / law.mean
        gaps.append(values.mean() / law.mean - 1)
        assert gaps[-1] > -error
    assert abs(gaps[2]) < error + 0.01
