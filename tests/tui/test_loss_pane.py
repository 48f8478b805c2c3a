"""What the loss pane draws, against the losses themselves: density, histogram, cumulative share, zoom."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

from geomreg_tui.statistics import LossDistribution
from geomreg_tui.tui.axes import Scale
from geomreg_tui.tui.bars import Bins, squeezed
from geomreg_tui.tui.widgets.loss import LossPane
from geomreg_tui.tui.widgets.measure import Measure

from .driving import opened
from .fakes import NULL_LOSS, losses_of, summary_of

DRAWN = 20_000  # networks of a fake preview


def pane_of(driver) -> LossPane:
    return driver.explorer.query_one(LossPane)


async def test_v_goes_round_the_three_measures_and_says_which() -> None:
    async with opened() as driver:
        pane = pane_of(driver)
        seen = []
        for _ in range(4):
            seen.append(str(pane.border_subtitle))
            await driver.pilot.press("v")
        assert seen == [
            "density per unit loss, linear axis",
            "networks in each bar, linear axis",
            "share with loss ≤ L, linear axis",
            "density per unit loss, linear axis",
        ]


@pytest.mark.parametrize("each", [1, 4, 7])
@pytest.mark.parametrize("log_axis", [False, True])
@pytest.mark.parametrize("measure", list(Measure))
def test_heights_and_bands_are_those_of_the_losses(measure: Measure, log_axis: bool, each: int) -> None:
    losses = np.random.default_rng(5).gamma(1.5, size=4000)
    distribution = LossDistribution(summary_of(losses, atoms=300), NULL_LOSS)
    ends = (-2.0, 1.0) if log_axis else (0.0, 6.0)
    bins = Bins.of(Scale(*ends, (), (), log_axis), 60, measure, each)
    assert bins.edges[0] == (0.01 if log_axis else 0.0)
    assert bins.edges[-1] == (10.0 if log_axis else 6.0)
    assert len(bins.widths) == -(-60 // each)
    heights = bins.heights(distribution)
    everything = np.concatenate([losses, np.full(300, NULL_LOSS)])
    if measure is Measure.CUMULATIVE:
        wanted = np.array([np.mean(everything <= edge) for edge in bins.edges[1:]])
    else:
        counts, _ = np.histogram(losses, bins.edges)
        widths = np.diff(np.log10(bins.edges) if log_axis else bins.edges)
        wanted = counts if measure is Measure.COUNT else counts / everything.size / widths
    # The base bins are finer than the columns: a network near an edge may be counted beside it.
    np.testing.assert_allclose(heights, wanted, atol=3 * wanted.max() / counts_scale(measure))
    low, high = bins.bands(distribution, heights)
    assert np.all(high >= heights - 1e-12)
    assert np.all(low <= heights + 1e-12)
    for loss in (0.0, 0.03, 0.7, 5.9, 6.0, 9.9, 50.0):
        found = bins.at(loss, distribution)
        inside = np.flatnonzero((bins.edges[:-1] <= loss) & (loss <= bins.edges[1:]))
        if not inside.size:
            assert np.isnan(found.estimate)
        else:
            assert found == (heights[inside[-1]], low[inside[-1]], high[inside[-1]])


def counts_scale(measure: Measure) -> float:
    return 4000 if measure is Measure.CUMULATIVE else 300


def test_the_band_of_cumulative_shares_covers_the_law() -> None:
    """In 400 samples of a known law; a band of 95 % misses more than 35 times with probability 2e-4."""
    generator = np.random.default_rng(11)
    bins = Bins.of(Scale(0.0, 8.0, (), ()), 100, Measure.CUMULATIVE)
    law = 1 - np.exp(-bins.edges[1:])
    missed = 0
    for _ in range(400):
        distribution = LossDistribution(summary_of(generator.exponential(size=500)), NULL_LOSS)
        low, high = bins.bands(distribution, bins.heights(distribution))
        missed += bool(np.any((law > high + 1e-3) | (law < low - 1e-3)))
    assert missed <= 35


@pytest.mark.parametrize("axis", ["linear", "log"])
async def test_zoom_shows_the_lowest_tenth_each_time(axis: str) -> None:
    async with opened() as driver:
        pane = pane_of(driver)
        if axis == "log":
            await driver.pilot.press("l")
        losses = losses_of(driver.session.experiment, DRAWN)
        assert "Out" not in driver.text("#keys")
        for level in (1, 2):
            await driver.pilot.press("z")
            await driver.pilot.pause()
            scale = pane.axis
            assert scale is not None
            high = 10**scale.high if axis == "log" else scale.high
            # The title tells which part is drawn of the losses and the 200 networks at the null loss.
            told = float(re.search(r"lowest ([\d.]+) %", str(pane.border_title)).group(1))
            assert told == pytest.approx(100 * np.sum(losses <= high) / (DRAWN + 200), rel=0.06)
            quantile = np.quantile(losses, 10.0**-level)
            assert quantile * 0.99 <= high <= quantile * (10 if axis == "log" else 2)
        assert "Z Out" in driver.text("#keys")
        ticks = re.findall(r"\d+\.?\d*(?:e.\d+)?", driver.text("#loss").split("\n")[-2])
        assert ticks
        await driver.pilot.press("Z", "Z")
        await driver.pilot.pause()
        assert "lowest" not in str(pane.border_title)
        assert "Out" not in driver.text("#keys")


async def test_zoom_ends_where_there_are_too_few_losses() -> None:
    async with opened() as driver:
        for _ in range(8):
            await driver.pilot.press("z")
        assert pane_of(driver).zoom == 2  # a thousandth of 20,200 losses would be 20
        assert any("Too few losses" in note.message for note in driver.app._notifications)


async def test_a_pin_and_the_theory_follow_the_measure() -> None:
    async with opened() as driver:
        await driver.pilot.press("p", "v", "v")
        await driver.settled()
        text = driver.text("#loss")
        assert "•" in text  # the pinned one, which is the same distribution
        assert "theory: a uniform law" in text
        top = float(re.search(r"(\d\.\d+)┤", text).group(1))
        assert top == 1.0


@pytest.mark.parametrize("log_axis", [False, True])
@pytest.mark.parametrize(
    "losses",
    [
        np.random.default_rng(1).normal(0.7, 0.01, 100_000),
        0.6 + np.random.default_rng(2).exponential(0.2, 100_000),
        np.random.default_rng(3).chisquare(1, 100_000),
        np.random.default_rng(4).lognormal(0, 5, 100_000),
    ],
    ids=["narrow", "above a floor", "down to zero", "many decades"],
)
def test_every_zoom_changes_what_is_drawn(losses, log_axis):
    distribution = LossDistribution(summary_of(losses), NULL_LOSS)
    facts = SimpleNamespace(null_loss=NULL_LOSS, constant_loss=0.5)
    pane = LossPane()
    pane.set_axis(log_axis)
    pane._view = SimpleNamespace(
        distribution=distribution, comparisons=(), snapshot=SimpleNamespace(facts=facts)
    )
    seen = [pane._axis(pane._view, facts, 60)]
    while pane.zoom_by(1):
        seen.append(pane._axis(pane._view, facts, 60))
        scale = seen[-1]
        assert scale.high <= seen[-2].high
        assert scale[:2] != seen[-2][:2]
        edges = np.linspace(scale.low, scale.high, 61)
        edges = 10.0**edges if log_axis else edges
        assert np.histogram(losses, edges)[0].sum() > 0
        for place, label in zip(scale.ticks, scale.labels, strict=True):  # L itself, at any zoom
            assert place == pytest.approx(np.log10(float(label)) if log_axis else float(label))
    if not (log_axis is False and losses.min() > 0.5):  # there 0 stays on view, and the rest hardly moves
        assert len(seen) > 2
    while pane.zoom_by(-1):
        pass
    assert pane.zoom == 0


@pytest.mark.parametrize("near", [0.01, 0.3, 1.0, 5.0])
def test_losses_are_squeezed_where_half_of_those_with_bars_are_near_zero(near: float) -> None:
    losses = np.random.default_rng(21).lognormal(-1, 2, 4000)
    everything = np.append(losses, np.zeros(3000))  # which a log axis cannot show
    distribution = LossDistribution(summary_of(everything, atoms=2000), NULL_LOSS)
    assert squeezed(distribution, near) == (np.mean(losses <= near) >= 0.5)
    nothing = LossDistribution(summary_of(np.zeros(10)), NULL_LOSS)
    assert not squeezed(nothing, near)
