"""Sampled networks approach the infinite-width limit as their width grows."""

import numpy as np
import pytest
from scipy import stats

from geomreg_tui.experiment import Experiment
from geomreg_tui.sampling import work as sampling
from geomreg_tui.statistics import theory
from tests.rates import ALPHA

from .laws import draw

pytestmark = pytest.mark.usefixtures("each_backend")

COUNT = 20_000


@pytest.mark.parametrize(
    ("activation", "bias"),
    [
        *(("relu", False), ("erf", True), ("gelu", False)),
        *(
            pytest.param(*each, marks=pytest.mark.full)
            for each in [("relu", True), ("erf", False), ("gelu", True)]
        ),
    ],
)
def test_the_gap_to_the_limit_falls_with_width(activation, bias):
    values = {"data": "gaussian", "inputs": 5, "examples": 3, "depth": 2, "bias": bias}
    # With probability 1 - ALPHA no share of draws is further than this from its law.
    noise = stats.kstwo.isf(ALPHA, COUNT)
    gaps = []
    for width in (4, 32, 256):
        keys = {**values, "activation": activation, "width": width}
        ready = sampling.prepare(Experiment.parse(keys))
        laws = theory.overlays(ready.facts.experiment, ready.x, ready.targets)
        (limit,) = (law for law in laws if law.name == "infinite width")
        losses = draw(keys, COUNT).losses
        found = stats.kstest(losses, lambda loss, law=limit: np.interp(loss, law.loss, law.cdf))
        gaps.append(found.statistic)
    # Deviations are of order 1 / width: each time that it is eightfold they fall to a quarter at the most.
    assert gaps[0] > noise
    assert gaps[1] < (gaps[0] + noise) / 4 + noise
    assert gaps[2] < (gaps[0] + noise) / 16 + noise
