"""Landmark and excess-mass dominance against exact laws, from which all truths come."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from geomreg_tui.experiment import Experiment
from geomreg_tui.report.results import sample
from geomreg_tui.splitting.curve import TailCurve
from geomreg_tui.statistics import LossDistribution, analyse_modes, landmark_dominance
from geomreg_tui.statistics.finite_width import finite_width_law
from geomreg_tui.summary import LossHistogram, Moments, Summary
from geomreg_tui.summary.histogram import bin_edge, bin_index
from tests import seeds
from tests.rates import fewest, most
from tests.unit.test_modes import COVERAGE, distribution_of, drawn, lopsided, lowest_of_lopsided

NULL = 1.0
WIDTHS = (2, 4, 6, 8, 10, 12, 16, 64)
# D_0 of He ReLU networks without biases on one example with y^2 = q / 2: 4e6 draws, to within 0.003.
TABLE = {
    1: (-0.452, 0.081, 0.375, 0.504, 0.559, 0.586, 0.611, 0.633),
    2: (-0.758, -0.304, 0.098, 0.332, 0.454, 0.514, 0.568, 0.630),
    3: (-0.876, -0.543, -0.151, 0.148, 0.323, 0.423, 0.518, 0.627),
    4: (-0.931, -0.691, -0.348, -0.035, 0.183, 0.319, 0.456, 0.621),
}


def law_of(width, depth):
    return finite_width_law(2.0, [width] * depth, [2 / width] * depth, "relu", NULL)


def samples_of(law, sizes, generator, bits=9):
    """Draw base histograms of so many losses from an exact law, by multinomial counts."""
    names = np.arange(*bin_index(np.array([2.0**-14, 2.0**7]), bits))
    edges = bin_edge(names, bits)
    reached = np.maximum.accumulate(law.cdf(edges) - law.dead * (edges >= NULL))
    reached[0], reached[-1] = 0, 1 - law.dead
    for size in sizes:
        count = generator.multinomial(size, np.append(np.diff(reached), law.dead))
        kept = np.flatnonzero(count[:-1])
        histogram = LossHistogram(bits, names[kept], count[kept], 0, int(count[-1]), 0)
        yield LossDistribution(Summary(histogram, Moments(NULL)), NULL)


def exact_landmark(law):
    zero, before, until = law.cdf(np.array([0.25, np.nextafter(0.875, 0), 1.125]))
    central = until - before
    return (zero - central) / (zero + central)


def exact_excess(law, step=1 / 256):
    """Return D_E from the law's own density: 1 but for the atom where it has no antimode."""
    edges = np.arange(0, 3, step)
    density = np.diff(law.cdf(edges) - law.dead * (edges >= NULL)) / step
    falls, rises = density[1:-1] < density[:-2], density[1:-1] <= density[2:]
    lows = np.flatnonzero(falls & rises) + 1
    low = int(lows[0]) if lows.size else round(NULL / step)
    level = density[low]
    zero = float((density[:low] - level).sum() * step)
    hump = float(np.cumsum((density[low:] - level) * step).max()) if lows.size else 0.0
    return (zero - max(hump, 0.0) - law.dead) / (zero + max(hump, 0.0) + law.dead)


CELLS = [(width, depth) for depth in TABLE for width in WIDTHS]
SOME = {(2, 1), (8, 2), (10, 3), (12, 4), (64, 1)}


@pytest.mark.parametrize(
    ("width", "depth"),
    [pytest.param(*cell, marks=[] if cell in SOME else pytest.mark.full) for cell in CELLS],
)
def test_the_reference_table_is_reproduced(width, depth):
    law = law_of(width, depth)
    (part,) = samples_of(law, [4 * 10**6], np.random.default_rng(100 * depth + width))
    found, modes = landmark_dominance(part).landmark, analyse_modes(part, dip_samples=0, replicates=200)
    table = TABLE[depth][WIDTHS.index(width)]
    assert exact_landmark(law) == pytest.approx(table, abs=0.003)
    # Twice the reach of a 95 % interval is missed less than once in 10,000; melting modes as D_E allows for.
    reach = found.high - found.low
    assert abs(found.estimate - exact_landmark(law)) <= reach
    excess, truth = modes.excess, exact_excess(law)
    assert abs(excess.estimate - truth) <= 0.01
    assert excess.low - (excess.estimate - excess.low) <= truth <= excess.high + 0.002


@pytest.mark.parametrize(
    ("widths", "depths"), [((2, 8, 12), (1, 3)), pytest.param(WIDTHS, tuple(TABLE), marks=pytest.mark.full)]
)
def test_both_measures_are_monotone_over_width_and_depth(widths, depths):
    landmark, excess = np.zeros((len(depths), len(widths))), np.zeros((len(depths), len(widths)))
    generator = np.random.default_rng(1)
    for row, depth in enumerate(depths):
        for column, width in enumerate(widths):
            (part,) = samples_of(law_of(width, depth), [10**7], generator)
            landmark[row, column] = landmark_dominance(part).landmark.estimate
            excess[row, column] = analyse_modes(part, dip_samples=0, replicates=50).excess.estimate
    # From width 12 on D_E is 1 to within 0.01, and the depths of width 64 differ by 0.003 in D_0.
    assert np.all(np.diff(landmark, axis=1) > 0)
    assert np.all(np.diff(landmark, axis=0) < 0)
    assert np.all(np.diff(excess, axis=1) > -1e-4)
    assert np.all(np.diff(excess, axis=0) < 1e-4)


EXPERIMENTS = [(w, d) for d in (1, 2, 3, 4, 5) for w in (3, 5, 7, 9, 11, 24)]


@pytest.mark.parametrize(
    ("experiments", "sizes"),
    [
        ([(7, 1), (7, 3), (9, 2), (11, 4)], (10**5, 10**6, 10**7)),
        pytest.param(EXPERIMENTS, (10**5, 10**6, 10**7), marks=pytest.mark.full),
    ],
)
def test_intervals_of_one_experiment_overlap_whatever_its_size(experiments, sizes):
    # Two independent 95 % intervals of one truth are disjoint in under 1.5 %; in 4 % at a coverage of 90 %.
    apart = np.zeros(2)
    compared = 0
    for width, depth in experiments:
        found = []
        for part in samples_of(law_of(width, depth), sizes, np.random.default_rng(10 * width + depth)):
            modes = analyse_modes(part, dip_samples=0, replicates=150)
            found.append((landmark_dominance(part).landmark, modes.excess))
        for one in range(len(sizes)):
            for other in range(one):
                compared += 1
                for k in range(2):
                    a, b = found[one][k], found[other][k]
                    apart[k] += a.low > b.high or b.low > a.high
                    assert abs(a.estimate - b.estimate) < 0.15  # never by a leap
    assert np.all(apart <= most(compared, 0.04, comparisons=2))


@pytest.mark.parametrize("size", [10**6, 10**8, 10**10])
def test_the_antimode_is_reached_however_narrow_its_window(size):
    law = finite_width_law(0.718, [8] * 3, [2 / 8] * 3, "relu", NULL)
    lowest = optimize.minimize_scalar(
        lambda x: float(np.diff(law.cdf(np.array([x - 1 / 64, x + 1 / 64])))[0]),
        bounds=(0.15, 0.6),
        method="bounded",
    ).x
    truth = float(law.cdf(np.array([lowest]))[0])
    (part,) = samples_of(law, [size], np.random.default_rng(3))
    zero = analyse_modes(part, dip_samples=0).zero_mass
    assert abs(zero.estimate - truth) <= zero.high - zero.low
    # Over 60 draws of 10^6 the estimates spread by 0.008, so that 95 % are within 0.032.
    assert zero.high - zero.low < (0.04 if size == 10**6 else 0.01)


def excess_of_a_lopsided_valley():
    low = lowest_of_lopsided()
    level = lopsided(low)
    end = optimize.brentq(lambda x: lopsided(x) - level, 1.0, 3.0)
    zero = integrate.quad(lambda x: lopsided(x) - level, 0, low)[0]
    central = integrate.quad(lambda x: lopsided(x) - level, low, end)[0]
    return (zero - central) / (zero + central)


# By construction; by symmetry; as integrals of 0.8 + 0.8 cos(4 pi x) on [0, 1/4] and [1/4, 1].
EXCESS = {
    "empty valley": -0.4,
    "atom": -0.52,
    "symmetric valley": 0.0,
    "three modes": -0.5,
    "lopsided valley": excess_of_a_lopsided_valley(),
}


def exact_windows(name):
    cdf, atom, *_ = COVERAGE[name]
    near, before, until = (float(cdf(np.float64(x))) for x in (0.25, 0.875, 1.125))
    return near * (1 - atom), (until - before) * (1 - atom) + atom


def covered(name, samples, runs):
    """Return how often the intervals of D_0, Lambda and D_E hold their truths."""
    cdf, atom, *_ = COVERAGE[name]
    zero, central = exact_windows(name)
    truths = (zero - central) / (zero + central), math.log10(zero / central), EXCESS[name]
    generator = seeds.generator(samples, 5)
    held = np.zeros(3)
    for _ in range(runs):
        part = drawn(cdf, samples, generator, atom, extent=(2.0**-12, 4.0))
        landmark = landmark_dominance(part)
        modes = analyse_modes(part, dip_samples=0, replicates=150)
        intervals = landmark.landmark, landmark.log10_ratio, modes.excess
        held += [one.low <= truth <= one.high for one, truth in zip(intervals, truths, strict=True)]
    return held


@pytest.mark.parametrize("name", ["atom", "lopsided valley"])
def test_intervals_cover_their_level(name):
    # 95 % +- 2 %, of which 60 samples can only refute more.
    held = covered(name, 20_000, 60)
    assert np.all(held >= fewest(60, 0.93, comparisons=6))


@pytest.mark.full
@pytest.mark.parametrize("samples", [20_000, 10**6])
@pytest.mark.parametrize("name", EXCESS)
def test_intervals_cover_95_percent_in_a_thousand_samples(name, samples):
    held = covered(name, samples, 1000)
    assert np.all(held >= fewest(1000, 0.93, comparisons=10)), held
    assert np.all(held <= most(1000, 0.97, comparisons=10)), held


@pytest.mark.parametrize("deviation", [0.2, 0.5, 1.0, 3.0])
def test_landmarks_at_infinite_width_are_those_of_the_non_central_chi_square(deviation):
    law = stats.ncx2(1, 1 / deviation**2, scale=deviation**2)
    zero, central = law.cdf(0.25), law.cdf(1.125) - law.cdf(0.875)

    def cdf(loss):
        return np.maximum.accumulate(law.cdf(loss))  # its rounding can fall

    found = landmark_dominance(drawn(cdf, 10**9, seeds.generator(21), bits=12))
    # Less than once in 10,000 a truth is outside twice the reach of its interval.
    for interval, truth in (
        (found.landmark, (zero - central) / (zero + central)),
        (found.log10_ratio, math.log10(zero / central)),
    ):
        assert abs(interval.estimate - truth) <= interval.high - interval.low
        assert interval.high - interval.low < 0.01


@pytest.mark.parametrize("scale", [2.0**-40, 1e-7, 0.3, 1e9])
def test_a_change_of_loss_scale_changes_nothing(scale):
    losses = seeds.generator(22).gamma(0.7, size=200_000)
    losses[:3000] = NULL
    found = []
    for factor in (1.0, scale):
        histogram = LossHistogram.from_losses(losses * factor, 12, NULL * factor, 1e-12)
        moments = Moments.from_losses(losses * factor, NULL * factor)
        part = LossDistribution(Summary(histogram, moments), NULL * factor)
        modes = analyse_modes(part, dip_samples=0, replicates=100)
        found.append((landmark_dominance(part), modes.excess))
    (first, excess), (second, other) = found
    # Other base bins: at most the losses of those that the ends of windows are in are counted otherwise.
    assert second.landmark == pytest.approx(first.landmark, abs=2e-3)
    assert second.log10_ratio == pytest.approx(first.log10_ratio, abs=2e-3)
    assert other == pytest.approx(excess, abs=0.02)
    if scale == 2.0**-40:
        assert second == first


@pytest.mark.parametrize("name", EXCESS)
def test_the_number_of_bins_does_not_matter(name):
    cdf, atom, *_ = COVERAGE[name]
    part = drawn(cdf, 10**6, seeds.generator(23), atom, extent=(2.0**-12, 4.0))
    found = [analyse_modes(part, bins=bins, dip_samples=0).excess for bins in (64, 100, 128, 256)]
    for interval in found:
        assert interval.low <= found[2].estimate <= interval.high
        assert abs(interval.estimate - found[2].estimate) < 0.01


@pytest.mark.parametrize("bits", [4, 7, 12])
def test_ends_of_windows_within_base_bins_are_allowed_for(bits):
    losses = seeds.generator(24).random(10**6) * 1.5
    histogram = LossHistogram.from_losses(losses, bits, NULL, 1e-12)
    found = landmark_dominance(LossDistribution(Summary(histogram, Moments.from_losses(losses, NULL)), NULL))
    zero, central = np.sum(losses <= 0.25), np.sum(np.abs(losses - 1) <= 0.125)
    assert found.zero.least <= zero <= found.zero.most
    assert found.central.least <= central <= found.central.most
    assert found.landmark.low <= (zero - central) / (zero + central) <= found.landmark.high


def test_zero_one_losses_at_the_ends_of_windows_count():
    # 16 examples, null loss 1/2: windows [0, 1/8] and [7/16, 9/16], whose ends are values themselves.
    wrong = seeds.generator(25).binomial(16, 0.4, 100_000)
    losses = wrong / 16
    histogram = LossHistogram.from_losses(losses, 12, 0.5, 1e-12)
    found = landmark_dominance(LossDistribution(Summary(histogram, Moments.from_losses(losses, 0.5)), 0.5))
    assert found.zero == (np.sum(wrong <= 2),) * 3
    assert found.central == (np.sum((wrong >= 7) & (wrong <= 9)),) * 3


def tail_curve_of(volume, std, to):
    """Return a deep tail with a known V(eps), as far as this loss."""
    loss = np.linspace(0, math.log10(to), 60)
    none = np.full(loss.size, np.nan)
    curve = TailCurve(
        loss, np.log10(volume(10**loss)), np.full(loss.size, std), none, none, none, none, loss,
        None, None, None, -math.inf, "loss reached", None,
    )  # fmt: skip
    return SimpleNamespace(curve=curve)


def test_lambda_from_the_tail_is_that_of_sampling_where_both_see():
    law = stats.gamma(4, scale=0.3)
    truth = math.log10(law.cdf(0.25) / (law.cdf(1.125) - law.cdf(0.875)))
    part = drawn(law.cdf, 10**6, seeds.generator(26), bits=12)
    sampled = landmark_dominance(part).log10_ratio
    few = drawn(law.cdf, 3000, seeds.generator(27), bits=12)
    deep = landmark_dominance(few, tail_curve_of(law.cdf, 0.004, 1e-3))
    assert deep.zero_side == "tail"
    assert landmark_dominance(part, tail_curve_of(law.cdf, 0.05, 1e-3)).zero_side == "sampled"
    for interval in (sampled, deep.log10_ratio):
        assert abs(interval.estimate - truth) <= interval.high - interval.low
    draws = deep.draw_log10_ratio(np.random.default_rng(0), 100_000)
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx(deep.log10_ratio[1:], abs=0.01)


def test_lambda_goes_on_or_is_a_bound_where_nothing_is_seen_near_zero():
    law = stats.gamma(200, scale=1 / 200)
    part = drawn(law.cdf, 10**5, seeds.generator(28), bits=12)
    bound = landmark_dominance(part)
    truth = math.log10(law.cdf(0.25) / (law.cdf(1.125) - law.cdf(0.875)))
    assert bound.zero_side == "bound"
    assert bound.landmark.estimate == bound.landmark.low == -1
    assert math.isnan(bound.log10_ratio.estimate)
    assert bound.log10_ratio.low == -math.inf
    # None of n, each near 0 with probability p: below 5 % beyond this p.
    most_likely = 1 - 0.05 ** (1 / bound.central.estimate)
    assert bound.log10_ratio.high == pytest.approx(math.log10(most_likely / (1 - most_likely)), abs=1e-3)
    assert truth < bound.log10_ratio.high
    ended = landmark_dominance(part, tail_curve_of(law.cdf, 0.02, 0.4))
    assert ended.zero_side == "bound"
    assert truth < ended.log10_ratio.high < bound.log10_ratio.high - 5
    reached = landmark_dominance(part, tail_curve_of(law.cdf, 0.02, 0.2))
    assert reached.zero_side == "tail"
    assert reached.log10_ratio.estimate == pytest.approx(truth, abs=0.01)
    for found in (bound, ended, reached):
        plain = json.loads(json.dumps(found.to_json(analyse_modes(part).excess), allow_nan=False))
        assert set(plain) == {"landmark", "excess", "log10_ratio", "zero_side", "kappa"}
        assert plain["zero_side"] == found.zero_side


@pytest.mark.parametrize(("null", "losses"), [(0.0, [0.0, 1.0]), (NULL, []), (NULL, [5.0])])
def test_no_windows_or_nothing_in_them_is_undefined(null, losses):
    values = np.array(losses)
    histogram = LossHistogram.from_losses(values, 12, None, 0.0)
    part = LossDistribution(Summary(histogram, Moments.from_losses(values, 0.0)), null)
    found = landmark_dominance(part)
    assert found.to_json(analyse_modes(part).excess)["landmark"] == [None, None, None]
    assert np.all(np.isnan(found.draw(np.random.default_rng(0), 3)))


@pytest.mark.parametrize("far", [0.26, 2.0, 300.0])
def test_no_zero_mode_and_no_dominance_of_it_where_no_loss_is_near_zero(far):
    generator = np.random.default_rng(29)
    part = distribution_of(far + 10 * np.abs(generator.standard_t(1.5, 50_000)))
    modes, landmark = analyse_modes(part, dip_samples=0), landmark_dominance(part)
    assert modes.zero_mode is None
    assert modes.excess.estimate == -1
    assert landmark.zero.most == 0
    assert landmark.landmark.estimate == -1 or math.isnan(landmark.landmark.estimate)


@pytest.mark.full
@pytest.mark.parametrize("law", [{"init": "uniform", "width": 256}, {"init": "student_t", "width": 48}])
def test_wide_networks_on_eight_flowers_have_no_zero_mode(law, tmp_path):
    # Their lowest losses are tens to hundreds of null losses; the heavy tails reach far beyond.
    settings = {"data": "iris", "examples": 8, "depth": 3, "gain": 1, **law}
    found = sample(Experiment.parse(settings), 2000, tmp_path / "run")
    assert found.summary.moments.minimum > found.facts.null_loss / 4
    assert found.modes.zero_mode is None
    assert found.modes.zero_mass.estimate == 0
    assert found.modes.dominance.estimate == found.modes.excess.estimate == -1
    assert found.landmark.zero_side == "bound"
