"""Norms of the networks of a tail: they change no other bits, and are there only where they are asked for."""

import json
from dataclasses import replace

import numpy as np
import pytest

from geomreg_tui.splitting.curve import tail_curve
from geomreg_tui.splitting.plan import TailPlan, plan_from_values, plan_values
from geomreg_tui.splitting.result import HELD_OUT_SHARES, PopulationResult, Tail
from tests.unit.test_tail_observables import GOAL, VALUES, bits, gone_down

NORMS = ("held_norm_quantiles", "held_distance_quantiles")
CASES = [
    VALUES,
    {**VALUES, "loss": "mae", "init": "uniform", "sampler": "direct"},
    pytest.param(
        {**VALUES, "arch": "conv", "data": "digits", "channels": 2, "inputs": None}, marks=pytest.mark.full
    ),
]


@pytest.mark.parametrize("values", CASES)
def test_they_depend_on_no_stop_and_change_no_other_bits(values):
    whole = gone_down(values, norms=True)
    assert bits(gone_down(values, norms=True, stops=True)) == bits(whole)
    assert len(whole.held_loss) >= 3
    assert np.isfinite(whole.held_norm_quantiles).all()
    assert (np.diff(whole.held_distance_quantiles) > 0).all()
    plain = gone_down(values, norms=False)
    assert not set(NORMS) & plain.to_parts()[1].keys()
    assert bits(replace(whole, **dict.fromkeys(NORMS, np.empty((0, 5))))) == bits(plain)


@pytest.mark.parametrize("init", ["orthogonal", "sphere"])
def test_laws_that_give_the_norm_themselves_have_none(init):
    result = gone_down({**VALUES, "init": init}, norms=True)
    assert result.held_loss.size
    assert result.held_norm_quantiles.shape == (result.held_loss.size, 5)
    assert np.isnan(result.held_norm_quantiles).all()
    assert tail_curve([result]).held_out.norm_quantiles == {}


def test_plans_name_them_and_are_as_before_without():
    plain = TailPlan(log10_volume=-5.0)
    assert "norms" not in plan_values(plain)
    asked = replace(plain, norms=True)
    assert plan_from_values(json.loads(json.dumps(plan_values(asked)))) == asked


def test_curves_have_them_where_all_populations_do():
    result = gone_down(VALUES, norms=True)
    tail = Tail(TailPlan(**GOAL, repeats=2), "tempered", "reduced", (result, result))
    held_out = tail_curve(tail.populations).held_out
    for place, share in enumerate(HELD_OUT_SHARES):
        np.testing.assert_allclose(held_out.norm_quantiles[share], result.held_norm_quantiles[:, place])
        np.testing.assert_allclose(
            held_out.distance_quantiles[share], result.held_distance_quantiles[:, place]
        )
    assert set(held_out.to_json()["norm_quantiles"]) == {str(share) for share in HELD_OUT_SHARES}
    mixed = tail_curve((result, gone_down(VALUES, norms=False))).held_out
    assert (mixed.norm_quantiles, mixed.distance_quantiles) == ({}, {})
    assert "norm_quantiles" not in mixed.to_json()


def test_impossible_ones_are_refused():
    values, arrays = gone_down(VALUES, norms=True).to_parts()
    for name in NORMS:
        with pytest.raises(ValueError, match=name):
            PopulationResult.from_parts(values, {**arrays, name: arrays[name][:, :4]})
