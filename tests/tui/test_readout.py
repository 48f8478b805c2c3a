"""The values at a loss, against the losses that were put in, counted by numpy, and a straight line."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from scipy import stats

from geomreg_tui.splitting.joined import deep_tail
from geomreg_tui.statistics import LossDistribution, volume_curve
from geomreg_tui.statistics.intervals import UNDEFINED
from geomreg_tui.tui.readout import place_texts, readout, readout_texts, volume_at
from tests.seeds import generator
from tests.unit.reading import INTERVAL

from .fakes import DEEPEST, NULL_LOSS, SLOPE, descent, summary_of, tail

DRAWN = 50_000


def curve_of(losses):
    return volume_curve(LossDistribution(summary_of(losses), NULL_LOSS))


def test_v_at_a_loss_is_the_share_of_losses_below_it_with_its_interval() -> None:
    losses = generator(111).chisquare(3, DRAWN)
    curve = curve_of(losses)
    for loss in (0.05, 0.3, 1.0, 2.5, 8.0):
        found = volume_at(loss, curve, None)
        share = np.mean(losses <= loss)
        # V is read between points that are an eighth of an octave apart, on which it is exact.
        assert found.estimate == pytest.approx(math.log10(share), abs=2e-3)
        low, high = stats.binomtest(int(share * DRAWN), DRAWN).proportion_ci(method="exact")
        assert found.low == pytest.approx(math.log10(low), abs=3e-3)
        assert found.high == pytest.approx(math.log10(high), abs=3e-3)


def test_lambda_is_the_slope_of_the_law() -> None:
    """Of a loss with P(L <= e) = e ** 1.5 up to 1; the interval of 95 % is three times as wide here."""
    losses = generator(112).random(DRAWN) ** (1 / 1.5)
    curve = curve_of(losses)
    for loss in (0.1, 0.3):
        slope, std = readout(loss, NULL_LOSS, UNDEFINED, curve, None).exponent
        assert abs(slope - 1.5) < 6 * std
        assert 0 < std < 0.1


def test_below_all_that_was_drawn_there_is_a_bound_and_above_it_all() -> None:
    losses = generator(113).random(1000) + 0.5
    curve = curve_of(losses)
    found = readout(0.01, NULL_LOSS, UNDEFINED, curve, None)
    assert math.isnan(found.volume.estimate)
    assert found.bound == pytest.approx(math.log10(3 / 1000))
    assert readout_texts(found, "density") == ["log10 V < -2.522"]
    above = readout(3.0, NULL_LOSS, UNDEFINED, curve, None).volume
    assert (above.estimate, above.high) == (0.0, 0.0)
    assert above.low == pytest.approx(math.log10(stats.beta.ppf(0.025, 1000, 1)))


def test_losses_of_exactly_zero_have_their_share() -> None:
    losses = np.append(generator(114).random(900), np.zeros(100))
    found = volume_at(0.0, curve_of(losses), None)
    low, high = stats.binomtest(100, 1000).proportion_ci(method="exact")
    assert found.estimate == pytest.approx(-1.0)
    assert (found.low, found.high) == (pytest.approx(math.log10(low)), pytest.approx(math.log10(high)))


def test_down_the_tail_v_and_lambda_are_those_of_its_line() -> None:
    """Populations that go down the line log V = 2 log L, each to be drawn where sampling sees nothing."""
    losses = generator(115).random(DRAWN) ** (1 / SLOPE)
    curve = curve_of(losses)
    deep = deep_tail(tail(descent(0.0), descent(0.0)), curve)
    for place in (-4.0, -9.0, DEEPEST / SLOPE + 0.5):
        found = readout(10.0**place, NULL_LOSS, UNDEFINED, curve, deep)
        assert found.deep
        assert found.volume.estimate == pytest.approx(SLOPE * place, abs=0.02)
        assert found.volume.low <= found.volume.estimate <= found.volume.high
        assert found.exponent[0] == pytest.approx(SLOPE, abs=0.05)
        assert any("(tail)" in text for text in readout_texts(found, "density"))
    assert not readout(0.5, NULL_LOSS, UNDEFINED, curve, deep).deep


def test_what_is_said_reads_back() -> None:
    losses = generator(116).chisquare(3, DRAWN)
    curve = curve_of(losses)
    for loss in generator(117).chisquare(3, 50):
        found = readout(float(loss), 2 * NULL_LOSS, volume_at(loss, curve, None), curve, None)
        texts = place_texts(found.loss, found.per_null) + readout_texts(found, "density")
        assert float(texts[0].removeprefix("L = ")) == pytest.approx(loss, rel=1e-3)
        assert float(texts[1].removeprefix("L/L0 = ")) == pytest.approx(loss / 2, rel=1e-3)
        match = re.search(INTERVAL, texts[3])
        assert match is not None
        assert float(match["low"]) <= found.volume.low
        assert float(match["high"]) >= found.volume.high
        assert float(match["estimate"]) == pytest.approx(found.volume.estimate, abs=1e-3)
