"""Tails in which singular values of the readout's root are spread over all scales: V has a factor ln(1/eps).

A linear network with a hidden layer of k units on N orthonormal examples with targets 0 has N L = A B, A and
B independent, chi-square with k and N degrees of freedom. For k = N its tail has multiplicity 2.

Each statistical test fails a correct program at the rate of ``tests/rates.py``, all its comparisons together,
where standard errors are right or too large and estimates normal.
"""

import math

import mpmath
import numpy as np
import pytest
import torch
from scipy import integrate, special, stats

from geomreg_tui.splitting.hidden_moves import HiddenMoves
from geomreg_tui.splitting.spectrum import spectrum_of, spread_over
from tests import seeds
from tests.rates import ALPHA, deviations, sigmas
from tests.size import sized
from tests.statistics.tail import LN10, Goal, orthonormal, space_of, walk

LOGS = np.arange(-1500, 15, 0.05)


def log_chi2(freedom, log_x):
    """Return log P(chi-square <= x), by the first term of its series where x is small."""
    half, shape = log_x - math.log(2), freedom / 2
    large = special.gammainc(shape, np.exp(np.clip(half, -40, 50)))
    return np.where(half < -40, shape * half - special.gammaln(shape + 1), np.log(large))


def log_product(width, examples, log_loss):
    """Return log P(A B <= N eps), the trapezoidal rule over log A, which has spectral accuracy there."""
    half = LOGS - math.log(2)
    density = width / 2 * half - np.exp(half) - special.gammaln(width / 2)
    inside = log_chi2(examples, log_loss + math.log(examples) - LOGS)
    return float(special.logsumexp(density + inside)) + math.log(LOGS[1] - LOGS[0])


def zeros(folder, examples, width, **more):
    """Return a linear network with targets 0 on orthonormal examples."""
    network = {"depth": 1, "width": width, "activation": "linear"}
    return {**orthonormal(folder, examples, 0), **network, **more}


@pytest.mark.parametrize("log_loss", [-1.0, -10.0, -40.0, -300.0, -1300.0])
def test_the_law_of_one_example_and_one_unit_is_that_of_a_bessel_function(log_loss):
    """P(|w v| <= s) = (2 / pi) times the integral of K_0 from 0 to s; near 0 K_0(t) = -ln(t / 2) - gamma."""
    with mpmath.workdps(30):
        size = mpmath.e ** (mpmath.mpf(log_loss) / 2)
        inner = size * (1 + mpmath.log(2) - mpmath.euler - mpmath.log(size))
        if size > 1e-8:
            inner = mpmath.quad(lambda t: mpmath.besselk(0, t), [0, size / 100, size])
        exact = float(mpmath.log(2 / mpmath.pi * inner))
    assert log_product(1, 1, log_loss) == pytest.approx(exact, abs=1e-8)


@pytest.mark.parametrize(
    ("examples", "width", "volume", "population", "runs"),
    [
        (1, 1, -5, 60, 6),
        *(
            pytest.param(*each, marks=pytest.mark.full)
            for each in [
                (1, 1, -8, 60, 6),
                (1, 1, -300, 300, 12),
                (1, 2, -30, 300, 12),
                (2, 2, -20, 300, 12),
                (3, 3, -30, 300, 12),
            ]
        ),
    ],
)
def test_volumes_with_a_logarithm_are_exact_to_within_their_errors(
    tmp_path, examples, width, volume, population, runs
):
    space = space_of(zeros(tmp_path, examples, width))
    check_volumes(space, lambda log_loss: log_product(width, examples, log_loss), volume, population, runs)


@pytest.mark.full
def test_volumes_with_a_squared_logarithm_are_exact_to_within_their_errors(tmp_path):
    """With two hidden layers of a unit L is a product of three chi-squares of one degree of freedom."""
    table = np.arange(-600, 20, 0.05)
    law = np.array([log_product(1, 1, one) for one in table])
    half = LOGS - math.log(2)
    density = half / 2 - np.exp(half) - special.gammaln(0.5)

    def log_law(log_loss):
        inside = np.interp(log_loss - LOGS, table, law)
        inside[log_loss - LOGS < table[0]] = -math.inf
        return float(special.logsumexp(density + inside)) + math.log(LOGS[1] - LOGS[0])

    check_volumes(space_of(zeros(tmp_path, 1, 1, depth=2)), log_law, -30, 300, 12)


def check_volumes(space, log_law, volume, population, runs):
    """Compare several runs with the law, at twenty losses down to a log10 V."""
    volumes = np.linspace(-1, volume, 20)
    grid = np.linspace(1, 2.5 * volume * LN10, sized(50, 400))
    law = np.array([log_law(one) for one in grid])
    losses = np.interp(volumes * LN10, law[::-1], grid[::-1])
    exact = np.array([log_law(one) for one in losses])
    scores = []
    for seed in range(runs):
        walked = walk(space, Goal(log_volume=(volume - 1) * LN10), population=population, seed=seed)
        found, error = walked.at(losses)
        scores.append((found - exact) / error)
    means, spread = np.mean(scores, axis=0), np.std(scores, axis=0, ddof=1)
    assert np.abs(means).max() < sigmas(2 * len(volumes)) / math.sqrt(runs)
    assert spread.max() < deviations(runs - 1, 2 * len(volumes))[1]


GAINS = [1e-75, 1e-90, 1e-120, 1e-140, 1e70]


@pytest.mark.parametrize("gain", GAINS)
def test_a_gain_shifts_the_curve_even_where_squares_of_outputs_underflow(tmp_path, gain):
    """Outputs have two factors of the gain, and losses four, which may be far below the smallest number."""
    space = space_of(zeros(tmp_path, 1, 1, gain=gain))
    walked = walk(space, Goal(log_volume=-7 * LN10), population=100)
    assert walked.population.status == "volume reached"
    shifted = np.linspace(-2, -24, 12)
    exact = np.array([log_product(1, 1, one) for one in shifted])
    assert exact[-1] > -6 * LN10
    found, error = walked.at(shifted + 4 * math.log(gain))
    assert np.abs((found - exact) / error).max() < sigmas(len(shifted) * len(GAINS))


def test_a_descent_ends_where_sizes_that_cancel_are_rounding(tmp_path):
    """A residual unit, 1 + w, is told apart from 0 down to 1e-16, and no volume is given below."""
    space = space_of(zeros(tmp_path, 1, 1, depth=2, residual=True))
    walked = walk(space, Goal(log_volume=-60 * LN10), population=sized(50, 100))
    assert walked.population.status == "resolution"
    assert walked.log_loss[-1] > 2 * math.log(1e-16)


@pytest.mark.full
def test_a_descent_ends_where_numbers_end_and_gives_no_volume_to_a_loss_of_0(tmp_path):
    """A weight below 1e-308 loses its digits and ends in 0; V(0) is 0."""
    space = space_of(zeros(tmp_path, 1, 1))
    walked = walk(space, Goal(log_volume=-400 * LN10), population=200)
    assert walked.population.status == "resolution"
    losses = walked.log_loss
    assert -1418 < losses[-1] < -1350
    exact = np.array([log_product(1, 1, one) for one in losses[-50:]])
    found, error = walked.at(losses[-50:])
    assert np.abs((found - exact) / error).max() < sigmas(50)


@pytest.mark.parametrize(
    ("value", "log_tau", "rounding"),
    [
        (1e-300, -math.inf, False),
        (1e-307, -math.inf, True),
        (5e-324, -math.inf, True),
        (5e-324, -690.0, False),  # which has the Z of 0
        (0.0, -math.inf, False),
    ],
)
def test_singular_values_near_the_smallest_number_are_rounding_unless_tau_is_far_above(
    value, log_tau, rounding
):
    roots = torch.tensor([[[1.0]], [[value]]], dtype=torch.float64)
    spectrum = spectrum_of(roots, torch.zeros(1, 1, dtype=torch.float64))
    sizes = spectrum.log_values[:, 0].clamp_min(-1e4) / 2  # of terms that do not cancel
    assert spectrum.is_rounding(sizes, log_tau) == rounding


@pytest.mark.parametrize("width", [1, 3])
def test_moves_over_all_scales_leave_the_law_invariant_and_come_to_it(tmp_path, width):
    """w begins where the prior draws it, with sizes near 1, and comes to the prior times Z(tau)."""
    log_tau, count = -30.0, 400
    space = space_of(zeros(tmp_path, 1, width))
    generator = seeds.torch_generator(width)
    with torch.inference_mode():
        hidden = torch.randn(count, space.hidden, dtype=torch.float64, generator=generator)
        root = space.readout_root(hidden)[:, 0, 0]
        size = float((root / hidden.norm(dim=1)).mean())
        here = -torch.log1p((root / math.exp(log_tau)).square()) / 2
        walk_over = HiddenMoves(space, hidden, here, log_tau, 0.0, 0.5, generator, 32.0)
        for _ in range(120):
            walk_over.sweep()
        found = walk_over.hidden.norm(dim=1).log().numpy()
    logs = np.linspace(-60, 4, 20_001)
    density = width * logs - np.exp(2 * logs) / 2 - np.logaddexp(0, 2 * (logs + math.log(size) - log_tau)) / 2
    share = integrate.cumulative_simpson(np.exp(density - density.max()), x=logs, initial=0)
    assert stats.kstest(found, lambda x: np.interp(x, logs, share / share[-1])).pvalue > ALPHA


@pytest.mark.parametrize("power", [1.0, 2.0, 5.0])
def test_sizes_whose_density_is_finite_at_0_are_not_spread(power):
    """P(size <= s) = s**power; the rate of false alarm at power 1 is that of 6 standard errors."""
    uniform = torch.rand(1500, dtype=torch.float64, generator=seeds.torch_generator(1))
    assert spread_over(uniform.log() / power, -100.0) == 0


@pytest.mark.parametrize("width", [8.0, 30.0, 700.0])
def test_sizes_even_over_logarithms_are_spread_over_their_range(width):
    uniform = torch.rand(1500, dtype=torch.float64, generator=seeds.torch_generator(2))
    assert spread_over(-width * uniform, -width) == pytest.approx(width + 1, rel=0.02)
