"""Tails whose loss has a floor, ties and lattices, against exact laws and enumeration.

Seeds are fixed. Linear models: exact laws of quadratic forms, whose weights come from eigenvalues in 60
digits. z-scores of one experiment at its depths are as good as one: their mean square over n experiments is
that of n standard normals. Bounds are chi-square quantiles for a false alarm in one of 10,000. Binary
networks: the mean over populations of V against counts of all networks, at the rate of ``tests/rates.py``.
"""

import itertools
import math

import mpmath
import numpy as np
import pytest
import torch
from scipy import stats

from geomreg_tui.splitting.curve import tail_curve
from geomreg_tui.splitting.latent import Latent
from geomreg_tui.statistics.quadratic_form import QuadraticForm
from tests import seeds
from tests.rates import sigmas
from tests.size import sized
from tests.statistics.tail import LN10, Goal, descend, space_of, walk

FALSE_ALARM = 1e-4
DEPTHS = 20
INPUTS = ("plain", "repeated", "nearly repeated", "dead", "dependent")
TARGETS = ("any", "in reach", "zero", "constant")


def degenerate(rng):
    """Return inputs (n, inputs), targets (n,) and whether there are biases, of any rank."""
    inputs, n, biases = int(rng.integers(1, 6)), int(rng.integers(1, 9)), bool(rng.integers(2))
    x, y = rng.standard_normal((n, inputs)), rng.standard_normal(n)
    kind, aim = rng.choice(INPUTS), rng.choice(TARGETS)
    if kind == "repeated" and n > 1:
        x[1] = x[0]
    if kind == "nearly repeated" and n > 1:
        x[1] = x[0] + 10.0 ** -rng.uniform(3, 12) * rng.standard_normal(inputs)
    if kind == "dead":
        x[rng.integers(n)] = 0
    if kind == "dependent" and inputs > 1:
        x[:, 1] = 2 * x[:, 0]
    targets = {"any": y, "in reach": x @ rng.standard_normal(inputs), "zero": 0 * y, "constant": 0 * y + 1}
    return x, targets[aim], biases


def law_above_floor(x, y, biases):
    """Return the exact law of the loss above its floor, and the floor."""
    with mpmath.workdps(60):
        rows = [[mpmath.mpf(float(v)) for v in row] + [mpmath.mpf(1)] * biases for row in x]
        matrix = mpmath.matrix(rows)
        values, vectors = mpmath.eigsy(matrix * matrix.T)
        along = vectors.T * mpmath.matrix([mpmath.mpf(float(v)) for v in y])
        random = [v > mpmath.mpf(10) ** -45 * max(values) for v in values]
        count = len(y)
        weights = [float(v / count) for v, is_random in zip(values, random, strict=True) if is_random]
        squares = [float(a**2 / count) for a, is_random in zip(along, random, strict=True) if is_random]
        floor = mpmath.fsum(a**2 for a, r in zip(along, random, strict=True) if not r) / count
        return QuadraticForm(np.array(weights), np.array(squares)), float(floor)


def linear_model(folder, x, y, biases):
    path = folder / "examples.npz"
    np.savez(path, x=x, y=y)
    fixed = {"depth": 0, "init": "normal", "standardize": False, "loss": "mse"}
    return {**fixed, "data": str(path), "examples": len(y), "bias": biases}


def z_scores(descent, law):
    """Return z-scores of log V at depths evenly spaced in it."""
    finite = np.isfinite(descent.log_excess)
    excess, volume, variance = (
        getattr(descent, name)[finite][::-1] for name in ("log_excess", "log_volume", "variance")
    )
    at = np.interp(np.linspace(volume[0], -0.5, DEPTHS), volume, excess)
    error = np.sqrt(np.interp(at, excess, variance))
    return (np.interp(at, excess, volume) - law.log_cdf(np.exp(at))) / error


def repeats(values, count, **plan):
    """Walk independent populations down."""
    return [descend({**values, "seed": seeds.seed(number)}, **plan) for number in range(count)]


def scores_of_degenerate_models(folder, cases):
    scores = []
    for seed in cases:
        x, y, biases = degenerate(seeds.generator(seed))
        law, floor = law_above_floor(x, y, biases)
        found = walk(
            space_of(linear_model(folder, x, y, biases)),
            Goal(log_volume=-40 * LN10),
            population=300,
            seed=seed,
        )
        if not law.weights.size:  # all networks are one
            assert found.population.status == ("floor" if floor else "zero loss")
            continue
        assert found.population.status == "volume reached"
        assert found.result.certain
        rounding = 1e-13 * float(np.mean(y**2))
        assert math.exp(found.result.log_floor) == pytest.approx(floor, rel=1e-9, abs=rounding)
        scores.append(z_scores(found.result, law))
    return np.array(scores)


def assert_calibrated(scores):
    count = len(scores)
    each = np.sqrt((scores**2).mean(axis=1))
    low, high = stats.chi2.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], count)
    assert low < (each**2).sum() < high
    assert each.max() < stats.norm.isf(FALSE_ALARM / 2 / count / DEPTHS)


def test_linear_models_of_any_rank_have_their_exact_tail_above_the_floor(tmp_path):
    assert_calibrated(scores_of_degenerate_models(tmp_path, range(sized(15, 25))))


@pytest.mark.full
def test_many_linear_models_of_any_rank_have_their_exact_tail_above_the_floor(tmp_path):
    assert_calibrated(scores_of_degenerate_models(tmp_path, range(1000, 1500)))


@pytest.mark.parametrize(
    "apart", [1e-7, 1e-12, *(pytest.param(a, marks=pytest.mark.full) for a in (1e-3, 1e-5, 1e-9))]
)
def test_nearly_equal_inputs_with_contradictory_targets(tmp_path, apart):
    """The loss comes to rest at the contradiction, as far as any V that there is."""
    x, y = np.array([[1.0, 0, 0], [1, apart, 0], [0.5, 2, 1]]), np.array([1.0, -1.0, 0.3])
    law, floor = law_above_floor(x, y, False)
    assert floor == 0
    found = walk(space_of(linear_model(tmp_path, x, y, False)), Goal(log_volume=-30 * LN10), population=2000)
    descent = found.result
    places = np.searchsorted(-descent.log_volume, np.linspace(0.5, -descent.log_volume[-1], DEPTHS))
    places = places[places < descent.log_volume.size]
    loss, volume = descent.log_loss[places], descent.log_volume[places]
    apart_ = np.abs(volume - law.log_cdf(np.exp(loss)))
    # Where V falls steeply, a loss tells V no better than its rounding allows.
    slope = (law.log_cdf(np.exp(loss + 1e-9)) - law.log_cdf(np.exp(loss - 1e-9))) / 2e-9
    allowed = 4.5 * np.sqrt(descent.variance[places]) + 1e-14 * np.abs(slope)
    assert (apart_ < allowed).all()
    assert found.population.status in ("volume reached", "resolution")


def test_v_is_reported_above_a_floor_and_the_exponent_is_taken_there():
    """Ten inputs and a bias: rank 11, so lambda is 5.5, whatever the floor."""
    values = {"data": "diabetes", "depth": 0, "bias": True, "examples": 30}
    descents = repeats(values, 3, log10_volume=-60, population=400)
    curve = tail_curve(descents)
    known = np.isfinite(curve.exponent)
    assert curve.floor.kind == "exact"
    assert curve.exponent[known][-1] == pytest.approx(5.5, abs=0.01)


def test_a_floor_that_no_volume_was_asked_for_ends_the_descent():
    values = {"data": "gaussian", "inputs": 1, "examples": 2, "depth": 0}
    descent = descend(values, loss=1e-3, population=50)
    assert descent.status == "floor"
    assert descent.certain
    assert descent.log_volume[-1] < -15  # down to where losses are told from the floor no more


def test_a_network_with_more_conditions_than_weights_comes_to_a_floor():
    values = {"data": "sine", "examples": 8, "width": 2, "depth": 1}
    curve = tail_curve(
        [descend({**values, "seed": seeds.seed(seed)}, loss=1e-3, population=100) for seed in range(2)]
    )
    assert curve.floor.kind == "found"
    assert curve.log10_volume.max() <= 0
    assert (np.diff(curve.log10_volume) <= 0).all()
    known = np.isfinite(curve.exponent)
    # A relu network scales as a whole: near its best fit the loss is quadratic in two numbers.
    assert curve.exponent[known][-1] == pytest.approx(1.0, abs=0.15)


BINARY = [
    {"inputs": 3, "examples": 2, "width": 2, "depth": 1},
    {"inputs": 2, "examples": 3, "width": 3, "depth": 1, "activation": "tanh"},
    {"inputs": 6, "examples": 3, "depth": 0},
    {"inputs": 2, "examples": 2, "width": 2, "depth": 2, "activation": "abs"},
]
LOSSES = ("mse", "mae", "huber")


def enumerated(values):
    """Return the natural logarithms of the losses of all binary networks of an experiment."""
    space = space_of(values)
    signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=space.signs)), dtype=torch.float64)
    with torch.inference_mode():
        outputs = space._outputs(Latent(torch.zeros(len(signs), 0, dtype=torch.float64), signs))
        losses = space.sampler.objective.per_example(outputs, training=True).mean(dim=1)
    with np.errstate(divide="ignore"):
        return np.log(losses.numpy())


def volume_at(descent, log_loss):
    """Return V of the losses up to one, by the points of a descent."""
    low = descent.log_loss <= log_loss + 1e-7
    return math.exp(descent.log_volume[low].max()) if low.any() else 0.0


@pytest.mark.parametrize(
    ("values", "loss"),
    [
        pytest.param(values, loss, marks=[] if number % len(LOSSES) == place else [pytest.mark.full])
        for number, values in enumerate(BINARY)
        for place, loss in enumerate(LOSSES)
    ],
)
def test_binary_networks_against_enumeration(values, loss):
    assert_is_enumeration({"data": "gaussian", "init": "binary", "loss": loss, **values})


NUMBERS = [
    {"data": "gaussian", "inputs": 3, "examples": 4, "width": 3, "depth": 1},
    {"data": "gaussian", "inputs": 2, "examples": 3, "width": 2, "depth": 1, "bias": True},
    {"data": "sine", "examples": 5, "width": 2, "depth": 2, "activation": "tanh"},
    {"data": "gaussian", "inputs": 12, "examples": 4, "depth": 0},
]
CLASSES = [
    {"data": "moons", "examples": 6, "width": 4, "depth": 1},
    {"data": "moons", "examples": 5, "width": 3, "depth": 1, "activation": "abs", "gain": 3.0},
    {"data": "xor", "examples": 4, "width": 2, "depth": 2, "activation": "tanh"},
]
CLASS_LOSSES = ("cross_entropy", "bce", "hinge", "zero_one")
ENUMERATED = [*itertools.product(NUMBERS, LOSSES), *itertools.product(CLASSES, [*LOSSES, *CLASS_LOSSES])]
CHEAP = [(CLASSES[k % 2], loss) for k, loss in enumerate(CLASS_LOSSES)]


@pytest.mark.parametrize(
    ("values", "loss"),
    [*CHEAP, *(pytest.param(*each, marks=pytest.mark.full) for each in ENUMERATED if each not in CHEAP)],
)
def test_binary_networks_of_up_to_twelve_weights_against_enumeration(values, loss):
    wide = loss == "cross_entropy" and values.get("width") == 4  # two outputs
    experiment = {"init": "binary", "loss": loss, **values, **({"width": 3} if wide else {})}
    assert space_of(experiment).signs <= 12
    assert_is_enumeration(experiment, population=sized(150, 400), runs=12)


def assert_is_enumeration(experiment, *, population=100, runs=8):
    """Assert that the tail gives V at the lowest losses, and prints nothing below the smallest V."""
    losses = enumerated(experiment)
    sites = np.unique(np.round(losses, 9))[:6]
    exact = np.array([(losses <= site + 1e-7).mean() for site in sites])
    descents = [
        descend({**experiment, "seed": seeds.seed(seed)}, log10_volume=-8, population=population)
        for seed in range(runs)
    ]
    assert {descent.status for descent in descents} <= {"floor", "zero loss", "plateau"}
    volumes = np.array([[volume_at(descent, site) for site in sites] for descent in descents])
    error = volumes.std(axis=0, ddof=1) / math.sqrt(runs)
    # Levels that adapt to the population are biased by a few particles.
    within = sigmas(sites.size, freedom=runs - 1) * error + 3 / population * exact
    assert (np.abs(volumes.mean(axis=0) - exact) < within).all()
    curve = tail_curve(descents)
    least = -len(losses).bit_length() + 1  # log2 of one network
    printed = [curve.log10_volume.min(initial=0.0), *(v for v in [curve.log10_zero, curve.log10_bound] if v)]
    printed += [curve.floor.log10_volume] if curve.floor else []
    assert min(printed) >= least * math.log10(2) - 1e-12
    lowest = curve.log10_zero if curve.floor is None else curve.floor.log10_volume
    if lowest is None:  # only where some populations have not met the lowest loss
        assert min(volumes[:, 0]) == 0
    else:
        assert lowest == pytest.approx(math.log10(exact[0]), abs=0.25)


def test_a_tail_of_the_share_of_errors_against_enumeration():
    """A plateau at each of few losses; V at each is that of all binary networks."""
    experiment = {"data": "moons", "examples": 6, "width": 2, "depth": 1, "init": "binary", "bias": True}
    experiment |= {"loss": "zero_one"}
    space = space_of(experiment)
    assert space.discrete
    losses = enumerated(experiment)
    descents = [
        descend({**experiment, "seed": seeds.seed(s)}, log10_volume=-8, population=100) for s in range(12)
    ]
    for site in np.unique(losses):
        exact = (losses <= site).mean()
        found = np.array([volume_at(descent, site) if site > -np.inf else 0.0 for descent in descents])
        if site == -np.inf:
            found = np.array([math.exp(d.log_volume[d.log_loss == -np.inf].max()) for d in descents])
        error = found.std(ddof=1) / math.sqrt(len(found))
        assert abs(found.mean() - exact) < 4 * error + 0.03 * exact
