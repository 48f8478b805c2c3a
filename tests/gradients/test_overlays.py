"""Laws beside what was sampled: only where they hold, and sampled means follow them."""

import json
import math

import pytest

from geomreg_tui.gradients.plan import parse_plan
from geomreg_tui.gradients.store import Planned
from geomreg_tui.report import load_result, report_text
from tests.rates import sigmas
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
    ],
)  # fmt: skip
def test_a_law_is_named_where_it_holds_and_nowhere_else(values, names):
    asked = ["confusion", "ntk", "walk"]
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
