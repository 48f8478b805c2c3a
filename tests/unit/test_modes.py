"""Modes and dominance on laws with known answers. Truths come from the laws, never from the analysis."""

import json
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from geomreg_tui.statistics import LossDistribution, analyse_modes
from geomreg_tui.statistics.finite_width import finite_width_law
from geomreg_tui.statistics.unimodal import largest_hump
from geomreg_tui.summary import LossHistogram, Moments, Summary
from geomreg_tui.summary.histogram import bin_edge, bin_index
from tests import seeds
from tests.patience import work_seconds
from tests.rates import fewest, most, sigmas

NULL = 1.0
BINS = 128


def distribution_of(losses, bits=12):
    losses = np.asarray(losses, dtype=float)
    histogram = LossHistogram.from_losses(losses, bits, NULL, 1e-12)
    return LossDistribution(Summary(histogram, Moments.from_losses(losses, NULL)), NULL)


def drawn(cdf, samples, generator, atom=0.0, zero=0.0, bits=10, extent=(2.0**-14, 2.0**10)):
    """Draw the base histogram of a law, an atom and zeros by multinomial counts: however many samples."""
    first, last = bin_index(np.array(extent), bits)
    names = np.arange(first, last + 1)
    reached = cdf(bin_edge(names, bits))
    reached[0], reached[-1] = 0, 1
    share = np.diff(reached) * (1 - atom - zero)
    count = generator.multinomial(samples, np.concatenate([share, [atom, zero]]))
    kept = np.flatnonzero(count[:-2])
    histogram = LossHistogram(bits, names[kept], count[kept], int(count[-1]), int(count[-2]), 0)
    return LossDistribution(Summary(histogram, Moments(NULL)), NULL)


def mixture(*parts):
    return lambda loss: sum(share * law.cdf(loss) for share, law in parts)


LOW, HIGH = stats.beta(1, 4, scale=0.4), stats.beta(4, 4, loc=0.45, scale=0.6)
SLOPE, BELL = stats.expon(scale=0.15), stats.truncnorm(-1 / 0.18, np.inf, loc=1, scale=0.18)


def waves(number):
    """Return the cdf of 1 + 0.8 cos(2 pi number x) on [0, 1]: modes at k / number, antimodes halfway."""
    turn = 2 * np.pi * number
    return lambda x: np.where(x < 1, x + 0.8 * np.sin(turn * np.minimum(x, 1)) / turn, 1.0)


def lopsided(x):
    """Return the density of 0.3 SLOPE + 0.7 BELL."""
    return 0.3 * SLOPE.pdf(x) + 0.7 * BELL.pdf(x)


def lowest_of_lopsided():
    """Return the place of its antimode."""
    return optimize.minimize_scalar(lopsided, bounds=(0.2, 0.9), method="bounded").x


def valley():
    """Return the mass below its antimode."""
    return float(mixture((0.3, SLOPE), (0.7, BELL))(lowest_of_lopsided()))


# name: (cdf, atom, zeros, positions of the modes, whether the first is at 0)
KNOWN = {
    "one mode": (stats.gamma(5).cdf, 0, 0, [4.0], False),
    "one mode far from 0": (stats.norm(8, 0.5).cdf, 0, 0, [8.0], False),
    "two modes": (mixture((0.4, stats.norm(3, 0.5)), (0.6, stats.norm(6, 0.5))), 0, 0, [3.0, 6.0], False),
    "three modes": (waves(2), 0, 0, [0, 0.5, 1.0], True),
    "mode at the boundary": (stats.chi2(1).cdf, 0, 0, [0], True),
    "boundary and centre": (mixture((0.3, LOW), (0.7, HIGH)), 0, 0, [0, 0.75], True),
    "zeros and centre": (HIGH.cdf, 0, 0.2, [0, 0.75], True),
    "one mode and an atom": (stats.gamma(5).cdf, 0.3, 0, [4.0], False),
    "boundary and an atom": (stats.expon().cdf, 0.3, 0, [0], True),
    "plateau off 0": (stats.trapezoid(0.3, 0.7, loc=1, scale=4).cdf, 0, 0, [3.0], False),
    "heavy tail": (stats.invgamma(2.5, scale=14).cdf, 0, 0, [4.0], False),
}


DRAWS = 10  # samples of one law: a false mode is found in 3 % of them at most, as stated


def as_high(cdf, position, width, samples):
    """Return the ends of the losses about a mode whose bins may hold as many as its own by counting noise."""
    steps = np.arange(-400, 401) * width / 8
    share = cdf(position + steps + width / 2) - cdf(position + steps - width / 2)
    expected = samples * np.maximum(share, 0)
    lower = expected[400] - expected > sigmas(BINS * DRAWS) * np.sqrt(expected[400] + expected)
    below, above = np.flatnonzero(lower[:400]), np.flatnonzero(lower[401:])
    return position + steps[below[-1]] - width, position + steps[401 + above[0]] + width


@pytest.mark.parametrize("samples", [10_000, 10**6, 10**9])
@pytest.mark.parametrize("name", KNOWN)
def test_known_modes_are_found_and_no_others(name, samples):
    cdf, atom, zero, positions, at_zero = KNOWN[name]
    generator = seeds.generator(1)
    right = covered = 0
    for _ in range(DRAWS):
        part = drawn(cdf, samples, generator, atom, zero)
        found = analyse_modes(part, replicates=20, dip_samples=0)
        assert sum(mode.mass for mode in found.modes) + found.atom_mass.estimate == pytest.approx(1)
        covered += found.atom_mass.low <= atom <= found.atom_mass.high
        if found.ambiguous or len(found.modes) != len(positions):
            continue
        right += 1
        assert [mode.at_zero for mode in found.modes] == [at_zero] + [False] * (len(positions) - 1)
        for mode, position in zip(found.modes, positions, strict=True):
            if mode.at_zero:
                assert mode.loss == position
            else:
                low, high = as_high(cdf, position, found.bin_width, samples * (1 - atom - zero))
                assert low <= mode.loss <= high
            assert mode.low <= mode.loss <= mode.high
        assert math.isnan(found.log2_peak_ratio) == (not at_zero or found.central_mode is None)
    assert right >= fewest(DRAWS, 0.97)
    assert covered >= fewest(DRAWS, 0.95)


def test_a_hundred_samples():
    # Out of 100 samples each, the right number of modes in all but the 3 % that are stated.
    generator = seeds.generator(2)
    one = two = 0
    for _ in range(100):
        one += len(analyse_modes(distribution_of(generator.gamma(5, size=100)), dip_samples=0).modes) == 1
        losses = np.r_[generator.exponential(0.05, 50), generator.normal(1, 0.1, 50)]
        found = analyse_modes(distribution_of(losses), dip_samples=0)
        two += len(found.modes) == 2 and found.modes[0].at_zero
    assert one >= fewest(100, 0.97, comparisons=2)
    assert two >= fewest(100, 0.97, comparisons=2)


def test_a_plateau_from_0_is_one_mode_and_its_place_is_left_open():
    # A false second mode is found in 3 % of samples.
    generator = seeds.generator(3)
    wrong, shut = 0, 0
    for _ in range(150):
        found = analyse_modes(drawn(stats.uniform.cdf, 10**6, generator), replicates=20, dip_samples=0)
        wrong += len(found.modes) != 1
        shut += not (found.dominance.low == -1 and found.dominance.high == 1)
    assert wrong <= most(150, 0.03, comparisons=2)
    # The highest of 128 bins lies in the lower quarter of them, and the mode is called one at 0, in 25 %.
    assert shut <= most(150, 0.25 + 0.03, comparisons=2)


def test_one_mode_is_not_split_by_noise():
    # As above, for three unimodal laws and 50 samples each.
    generator = seeds.generator(4)
    for law in (stats.gamma(5), stats.expon(), stats.norm(8, 2)):
        wrong = sum(
            len(analyse_modes(drawn(law.cdf, 10**5, generator), replicates=2, dip_samples=0).modes) != 1
            for _ in range(50)
        )
        assert wrong <= most(50, 0.03, comparisons=3)


# name: (cdf, atom, zero mode's mass, central mass): by construction, by symmetry, or by the lowest density.
COVERAGE = {
    "empty valley": (mixture((0.3, LOW), (0.7, HIGH)), 0, 0.3, 0.7),
    "atom": (mixture((0.3, LOW), (0.7, HIGH)), 0.2, 0.24, 0.76),
    "symmetric valley": (waves(1), 0, 0.5, 0.5),
    "three modes": (waves(2), 0, 0.25, 0.5),
    "lopsided valley": (mixture((0.3, SLOPE), (0.7, BELL)), 0, valley(), 1 - valley()),
}


LONG = ("three modes", "empty valley")  # as the lopsided valley, and as the atom, but for that


def coverage(name, samples, runs):
    cdf, atom, zero, central = COVERAGE[name]
    generator = seeds.generator(samples)
    truth = (zero, central, (zero - central) / (zero + central))
    held = np.zeros(3)
    for _ in range(runs):
        part = drawn(cdf, samples, generator, atom, extent=(2.0**-12, 4.0))
        found = analyse_modes(part, dip_samples=0, replicates=150)
        intervals = (found.zero_mass, found.central_mass, found.dominance)
        held += [
            interval.low <= value <= interval.high for interval, value in zip(intervals, truth, strict=True)
        ]
    return held


@pytest.mark.parametrize(
    ("name", "samples", "runs"),
    [
        *((name, 20_000, 100) for name in COVERAGE if name not in LONG),
        *(
            pytest.param(*each, marks=pytest.mark.full)
            for each in (*((name, 20_000, 200) for name in COVERAGE), ("symmetric valley", 10**6, 200))
        ),
    ],
)
def test_intervals_cover_their_level(name, samples, runs):
    # 95 % +- 2 %, of which so few samples can only refute more: six bounds, true coverage 93 % or 97 %.
    # With 10^6 the place of the antimode is most of the uncertainty: binomial ones would be half as wide.
    held = coverage(name, samples, runs)
    assert np.all(held >= fewest(runs, 0.93, comparisons=6))
    assert np.all(held <= most(runs, 0.97, comparisons=6))


@pytest.mark.full
@pytest.mark.parametrize("samples", [3000, 20_000, 10**5])
@pytest.mark.parametrize("name", COVERAGE)
def test_intervals_cover_95_percent_in_two_thousand_samples(name, samples):
    # 95 % +- 1 %; the standard error of the coverage is 0.5 %.
    held = coverage(name, samples, 2000)
    assert np.all(held >= fewest(2000, 0.94, comparisons=6)), held
    assert np.all(held <= most(2000, 0.96, comparisons=6)), held


def test_an_unseen_zero_mode_is_bounded_by_the_bin_at_0():
    found = analyse_modes(drawn(stats.norm(5, 1).cdf, 10_000, seeds.generator(5)))
    assert found.zero_mode is None
    assert found.zero_mass.estimate == found.zero_mass.low == 0
    assert found.zero_mass.high == pytest.approx(1 - 0.025 ** (1 / 10_000))
    assert found.dominance.estimate == -1
    assert found.dominance.high == pytest.approx(2 * found.zero_mass.high - 1)


def test_atom_belongs_to_the_central_mass():
    # Nothing lies between the modes, so that each mass is a binomial share.
    found = analyse_modes(drawn(mixture((0.3, LOW), (0.7, HIGH)), 10**6, seeds.generator(6), atom=0.5))
    for estimate, share in (
        (found.atom_mass.estimate, 0.5),
        (found.zero_mass.estimate, 0.15),
        (found.central_mass.estimate, 0.85),
        (found.central_mode.mass, 0.35),
    ):
        assert abs(estimate - share) < sigmas(4) * math.sqrt(share * (1 - share) / 10**6)


@pytest.mark.parametrize(
    ("losses", "dominance"),
    [
        ([], None),
        ([math.nan] * 50, None),
        ([math.inf] * 50 + [math.nan], None),
        ([0.3], None),
        ([1e-320], None),
        ([1.79e308], None),
        ([0.3] * 5, None),
        ([0.0], None),
        ([0.0] * 500, 1),
        ([NULL], -1),
        ([NULL] * 500, -1),
        ([0.0] * 100 + [NULL] * 300, -0.5),
        ([0.3] * 500, -1),
        ([5e-324] * 500, 1),
        ([1e-310] * 300 + [3e-310] * 300, None),
        ([1.79e308] * 500, -1),
        ([5e-324, 1.79e308] * 300, None),
        ([math.nan, 0.0, NULL, math.inf], -1),
    ],
)
def test_next_to_nothing_gives_undefined_and_never_a_crash(losses, dominance):
    found = analyse_modes(distribution_of(losses))
    plain = json.loads(json.dumps(found.to_json(), allow_nan=False))
    if dominance is not None:
        assert found.dominance.estimate == pytest.approx(dominance)
        assert found.dominance.low <= dominance <= found.dominance.high
    elif not found.modes and not found.atom_mass.estimate > 0:
        assert plain["dominance"] == plain["zero_mass"] == plain["central_mass"] == [None, None, None]
    if len(losses) < 10:
        assert not found.modes
    assert plain["dip_p"] is None or 0 <= plain["dip_p"] <= 1
    assert found.notes or found.modes


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("bits", [4, 12])
def test_arbitrary_losses_give_strict_json_with_the_contracted_keys(seed, bits):
    generator = seeds.generator(seed)
    pool = np.array([0.0, NULL, math.nan, math.inf, 5e-324, 2e-308, 1e-30, 0.3, 7.0, 1e300, 1.79e308])
    losses = np.concatenate(
        [
            generator.choice(pool, generator.integers(0, 300)),
            np.exp(generator.normal(0, generator.choice([1e-6, 0.1, 3, 50]), generator.integers(0, 3000))),
        ]
    )
    plain = analyse_modes(distribution_of(losses, bits)).to_json()
    json.dumps(plain, allow_nan=False)
    assert {"zero_mass", "central_mass", "atom_mass", "dominance", "log2_peak_ratio", "dip_p"} <= set(plain)
    assert {"contracting", "bins", "range"} <= set(plain)
    for name in ("zero_mass", "central_mass", "atom_mass", "dominance"):
        estimate, low, high = plain[name]
        assert estimate is None or low <= estimate <= high


def test_contraction_and_slope():
    generator = seeds.generator(7)
    triangle = analyse_modes(drawn(stats.triang(0.9, scale=2).cdf, 10**6, generator))
    assert triangle.contracting
    assert triangle.slope.low > 0
    # exp(3 x) on [0, 1], then nothing: its log density has slope 3.
    rising = lambda x: np.where(x < 1, np.expm1(3 * np.minimum(x, 1)) / np.expm1(3), 1.0)  # noqa: E731
    found = analyse_modes(drawn(rising, 10**6, generator))
    assert found.contracting
    assert found.slope.estimate == pytest.approx(3, abs=0.05)
    both = analyse_modes(drawn(mixture((0.3, LOW), (0.7, HIGH)), 10**5, generator))
    assert both.contracting is False
    assert analyse_modes(drawn(stats.expon.cdf, 10**5, generator)).contracting is None


def test_zero_one_losses_have_one_mode_per_hump_and_not_per_value():
    generator = seeds.generator(8)
    one = analyse_modes(distribution_of(generator.binomial(16, 0.5, 10**5) / 16))
    assert one.lattice
    assert [mode.loss for mode in one.modes] == pytest.approx([0.5], abs=1e-3)
    assert any("evenly spaced" in note for note in one.notes)
    assert math.isnan(one.dip.p_value)
    covered = 0
    for _ in range(20):
        mixed = np.where(generator.random(10**5) < 0.3, 0, generator.binomial(64, 0.6, 10**5)) / 64
        two = analyse_modes(distribution_of(mixed), dip_samples=0)
        assert [mode.at_zero for mode in two.modes] == [True, False]
        covered += two.zero_mass.low <= 0.3 <= two.zero_mass.high
    assert covered >= fewest(20, 0.95)


def test_what_the_bins_cannot_show_is_noted():
    generator = seeds.generator(9)
    narrow = analyse_modes(distribution_of(3 * (1 + 1e-5 * generator.random(5000))))
    assert narrow.narrow
    assert narrow.contracting is None
    assert any("bin_bits" in note for note in narrow.notes)
    # All below a hundredth of the null loss but a few, so that the bins are far wider than most of it.
    pareto = analyse_modes(distribution_of(1e-4 / generator.random(10**5) ** 2))
    assert any("falls towards 0" in note for note in pareto.notes)
    assert any("lie in bin 1 of" in note for note in pareto.notes)
    spoiled = analyse_modes(distribution_of(np.r_[generator.gamma(5, size=5000), np.nan, np.inf]))
    assert any("2 losses are NaN or infinite" in note for note in spoiled.notes)
    assert not analyse_modes(distribution_of(generator.gamma(5, size=5000))).notes


def test_log_axis_shows_modes_that_the_linear_one_hides():
    generator = seeds.generator(10)
    losses = np.exp(np.r_[generator.normal(-9, 1, 50_000), generator.normal(0, 0.5, 50_000)])
    found = analyse_modes(distribution_of(losses))
    width = (stats.norm.ppf(0.99) + 9 + 0.5 * stats.norm.ppf(0.99)) / BINS  # the axis is the central 99 %
    for mode, centre, std in zip(found.log_modes, (-9, 0), (1, 0.5), strict=True):
        low, high = as_high(stats.norm(centre, std).cdf, centre, width, 50_000)
        assert low <= math.log(mode.loss) <= high
    assert found.modes[0].at_zero


def test_result_repeats_exactly_and_depends_on_the_counts_alone():
    losses = seeds.generator(11).gamma(1.2, size=20_000)
    parts = [LossHistogram.from_losses(block, 12, NULL, 1e-12) for block in np.split(losses, 8)]
    merged = LossDistribution(Summary(LossHistogram.merge(parts[::-1]), Moments(NULL)), NULL)
    assert analyse_modes(merged).to_json() == analyse_modes(distribution_of(losses)).to_json()


def test_analysis_is_fast_enough_to_be_live():
    part = drawn(mixture((0.3, LOW), (0.7, HIGH)), 10**8, seeds.generator(13), bits=12)
    analyse_modes(part, dip_samples=0)
    taken, unit = [], []
    for _ in range(5):
        start = time.process_time()
        analyse_modes(LossDistribution(part.summary, NULL), dip_samples=0)
        taken.append(time.process_time() - start)
        unit.append(work_seconds())
    assert min(taken) < min(unit)


def one_example(width, depth, samples, generator):
    """Draw losses of He ReLU networks on one example (y^2 = 1, first variance 0.72) from their exact law."""
    law = finite_width_law(0.72, [width] * depth, [2 / width] * depth, "relu", 1.0)
    names = np.arange(*bin_index(np.array([2.0**-24, 2.0**16]), 7))
    reached = np.maximum.accumulate(law.cdf(bin_edge(names, 7)) - law.dead * (bin_edge(names, 7) >= NULL))
    reached[0], reached[-1] = 0, 1 - law.dead
    parts = []
    for size in samples:
        count = generator.multinomial(size, np.append(np.diff(reached), law.dead))
        kept = np.flatnonzero(count[:-1])
        histogram = LossHistogram(7, names[kept], count[kept], 0, int(count[-1]), 0)
        parts.append(LossDistribution(Summary(histogram, Moments(NULL)), NULL))
    return parts


def misses_of_the_limit(experiments):
    """Return how many intervals of D at 10^5, 10^6 and 5 10^6 losses miss that at 10^10, and of how many.

    At 10^10 counting noise is nothing. The tails are narrow enough for bins finer than the valley.
    """
    missed, intervals = 0, 0
    for width, depth in experiments:
        parts = one_example(width, depth, (10**5, 10**6, 5 * 10**6, 10**10), np.random.default_rng(width))
        *found, limit = (analyse_modes(part, dip_samples=0, replicates=100).dominance for part in parts)
        for interval in found:
            gap = max(interval.low - limit.high, limit.low - interval.high)
            intervals += 1
            missed += gap > 0
            assert gap <= 0.02  # never by a leap
    return missed, intervals


def test_intervals_of_dominance_hold_its_limit_whatever_the_sample_size():
    # An interval of 95 % misses a known limit in 5 %; in 7 % at the stated coverage of 93 %.
    missed, intervals = misses_of_the_limit(
        [(5, 1), (6, 1), (8, 1), (9, 1), (12, 1), (8, 2), (10, 2), (12, 2)]
    )
    assert missed <= most(intervals, 0.07)


@pytest.mark.full
def test_intervals_of_dominance_hold_its_limit_in_twenty_experiments():
    widths = [(w, 1) for w in (4, 5, 6, 7, 8, 9, 10, 12, 16, 64)] + [
        (w, 2) for w in (6, 7, 8, 9, 10, 11, 12, 16, 32, 64)
    ]
    missed, intervals = misses_of_the_limit(widths)
    assert missed <= most(intervals, 0.07)


def exact_dominance(width, depth):
    """Return D of the law that :func:`one_example` draws from: its lowest density divides the modes."""
    law = finite_width_law(0.72, [width] * depth, [2 / width] * depth, "relu", 1.0)
    lowest = optimize.minimize_scalar(
        lambda x: float(np.diff(law.cdf(np.array([x - 1 / 256, x + 1 / 256])))[0]),
        bounds=(0.1, 0.8),
        method="bounded",
    ).x
    return 2 * float(law.cdf(np.array([lowest]))[0]) - 1


@pytest.mark.parametrize(
    ("cells", "samples", "draws"),
    [
        ([(7, 2), (4, 3)], 10**5, 20),
        *(
            pytest.param([(4, 1), (7, 2), (3, 2), (4, 3), (8, 3)], size, 60, marks=pytest.mark.full)
            for size in (10**5, 10**6, 5 * 10**6)
        ),
    ],
)
def test_intervals_of_dominance_hold_the_exact_one_of_networks(cells, samples, draws):
    # With the windows about the antimode held fixed in the bootstrap, up to 57 % missed. Stated are 7 %, and
    # no estimate further off than a normal error goes whose standard error is itself an estimate, with twenty
    # degrees of freedom.
    missed, worst = 0, 0.0
    for width, depth in cells:
        truth = exact_dominance(width, depth)
        for part in one_example(width, depth, [samples] * draws, seeds.generator(width, depth, samples)):
            found = analyse_modes(part, dip_samples=0, replicates=100)
            if found.undecided or len(found.modes) < 2:
                continue  # it holds the other reading too
            low, high = found.dominance.low, found.dominance.high
            missed += not low <= truth <= high
            worst = max(worst, abs(found.dominance.estimate - truth) / ((high - low) / 2))
    total = draws * len(cells)
    assert missed <= most(total, 0.07, comparisons=2)
    assert worst <= sigmas(2 * total, freedom=20) / sigmas(alpha=0.05)


def test_a_slight_hump_with_a_large_basin_leaves_dominance_undecided():
    # At width 8 the hump has an excess mass of 0.06 % and would own 56 % of the losses.
    few, many = one_example(8, 1, (10**5, 10**8), np.random.default_rng(1))
    without, both = (analyse_modes(part, dip_samples=0) for part in (few, many))
    assert len(without.modes) == 1
    assert len(both.modes) == 2
    assert both.undecided
    assert both.dominance.low < 0 < 0.99 < both.dominance.high
    assert any("More networks may add a mode" in note for note in both.notes)
    # Excess mass has no leap: few and many losses agree, and no basin is at stake.
    assert without.excess.low < both.excess.estimate < without.excess.high
    assert both.excess.high - both.excess.low < 0.01
    assert both.to_json()["undecided"] is True


@pytest.mark.parametrize("far", [0.26, 1.0, 300.0, 1e6])
@pytest.mark.parametrize("scale", [0.1, 1.0, 1e4, 1e7])
@pytest.mark.parametrize("samples", [300, 30_000])
def test_no_mode_is_at_zero_where_no_loss_is_below_a_quarter_of_the_null_loss(far, scale, samples):
    # Densities that fall from their smallest loss on; in bins that a heavy tail makes wide, they begin at 0.
    generator = np.random.default_rng(samples)
    for losses in (
        far + scale * generator.exponential(size=samples),
        far * (1 + scale * generator.pareto(0.7, size=samples)),
    ):
        found = analyse_modes(distribution_of(losses), dip_samples=0)
        assert found.zero_mode is None
        assert found.zero_mass.estimate == 0
        assert found.zero_mass.high == pytest.approx(1 - 0.025 ** (1 / samples))  # none of so many
        assert found.dominance.estimate == -1


def test_a_density_that_falls_towards_zero_within_the_first_bin_has_no_zero_mode():
    # 100 of the losses are below the null loss, the others above 300 times that, up to 5e5.
    generator = np.random.default_rng(14)
    losses = np.r_[generator.random(100), 300 + 5000 * generator.exponential(size=200_000)]
    losses[-2000:] = 5e5 * generator.random(2000)
    found = analyse_modes(distribution_of(losses), dip_samples=0)
    assert found.bin_width <= NULL / 32 * 1.01  # whatever the tail does
    assert found.zero_mode is None or found.ambiguous
    assert found.dominance.low == pytest.approx(-1, abs=1e-3)
    # With its largest density at 0 on the scale of the null loss too, it has one.
    found = analyse_modes(distribution_of(np.r_[generator.random(300_000) ** 2, losses]), dip_samples=0)
    assert found.zero_mode is not None


@settings(deadline=None)
@given(st.lists(st.integers(0, 2000), min_size=3, max_size=40), st.integers(0, 39))
def test_excess_of_a_hump_is_the_least_that_makes_the_density_fall(count, place):
    # Against the least sup-norm distance between cumulative counts and a concave function above, found by
    # linear programming.
    counts = np.array(count, float)
    mode = int(np.argmax(counts[: place % counts.size + 1]))
    side = counts[mode:]
    found = largest_hump(side, np.ones(side.size), [0])
    total = np.concatenate([[0.0], np.cumsum(side)])
    points = total.size
    rows = [np.concatenate([-row, [0.0]]) for row in np.eye(points)]  # hull >= total
    ends = [-value for value in total]
    for k in range(1, points - 1):  # concave
        row = np.zeros(points + 1)
        row[[k - 1, k, k + 1]] = 1, -2, 1
        rows.append(row)
        ends.append(0.0)
    for k in range(points):  # hull - total <= d
        row = np.zeros(points + 1)
        row[k], row[-1] = 1, -1
        rows.append(row)
        ends.append(total[k])
    least = optimize.linprog(np.eye(points + 1)[-1], np.array(rows), np.array(ends), bounds=(0, None)).fun
    assert (found.excess if found else 0.0) == pytest.approx(least, abs=1e-6 * (1 + total[-1]))
