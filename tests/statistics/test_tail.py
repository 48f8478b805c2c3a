"""The deep tail against exact laws, other samplers and an independent nested sampler.

Each statistical test fails a correct program at the rate of ``tests/rates.py``, all its comparisons together,
where standard errors are right and estimates normal; the tests of error bars say how nearly they are.
"""

import itertools
import math
from dataclasses import replace

import mpmath
import numpy as np
import pytest
import torch
from scipy import integrate, special, stats

from geomreg_tui.errors import ExperimentError
from geomreg_tui.experiment import Experiment, choices
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.sampling.work import prepare, run_chunk
from geomreg_tui.splitting import tempering
from geomreg_tui.splitting.curve import stitch, tail_curve
from geomreg_tui.splitting.latent import Latent, LatentStream
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.population import Population, tail_experiment
from geomreg_tui.splitting.spaces import LatentSpace, ReducedSpace, build_space
from geomreg_tui.splitting.tempered_curve import TemperedCurve
from geomreg_tui.statistics import LossDistribution, volume_curve
from geomreg_tui.statistics.quadratic_form import squared_error_law
from geomreg_tui.summary import Summary
from tests import seeds
from tests.rates import deviations, sigmas
from tests.size import sized
from tests.statistics import judge
from tests.statistics.tail import (
    LN10,
    Goal,
    descend,
    log_chi_square,
    loss_of_volume,
    orthonormal,
    space_of,
    walk,
)

VOLUMES = (-10, -50, -150, -300)
TEACHER = {"data": "teacher", "inputs": 3}


def z_scores(values, law, runs, *, volumes=VOLUMES, weights=False, **options):
    """Return (runs, volumes) z-scores of log V at the losses of exact volumes."""
    space = space_of(values, weights=weights)
    losses = np.array([loss_of_volume(law, volume * LN10) for volume in volumes])
    exact = np.array([law(loss) for loss in losses])
    scores = []
    for seed in range(runs):
        found, error = walk(space, Goal(log_volume=(volumes[-1] - 2) * LN10), seed=seed, **options).at(losses)
        scores.append((found - exact) / error)
    return np.array(scores)


def assert_calibrated(scores):
    """Assert that columns of independent z-scores have mean 0 and standard deviation 1."""
    runs, comparisons = len(scores), 2 * scores.shape[1]
    low, high = deviations(runs - 1, comparisons)
    deviation = scores.std(axis=0, ddof=1)
    assert np.abs(scores.mean(axis=0)).max() < sigmas(comparisons) / math.sqrt(runs)
    assert deviation.min() > low
    assert deviation.max() < high


@pytest.mark.parametrize(
    ("examples", "target"),
    [
        (1, 0),
        (4, 1),
        *(pytest.param(*each, marks=pytest.mark.full) for each in [(1, 1), (4, 0), (16, 0), (16, 1)]),
    ],
)
def test_the_exact_tail_of_a_linear_model_down_to_1e_300(tmp_path, examples, target):
    scores = z_scores(
        orthonormal(tmp_path, examples, target),
        lambda loss: log_chi_square(examples, target, loss),
        sized(20, 30),
        population=sized(300, 500),
    )
    assert_calibrated(scores)


def log_volume_of_one_example(width, square_norm, target, log_loss):
    """Return log V(eps) of a ReLU network with a hidden layer, He, one output, one example, for eps -> 0.

    Given the layer, f ~ N(0, q) with q = (2 |x|**2 / inputs) (2 / width) G, G chi-square of as many degrees
    of freedom as there are active units. So V is 2 sqrt(eps) E[density of f at y], to a factor of 1 + eps.
    """
    scale, density = 4 * square_norm / width, 0.0
    for active in range(1, width + 1):

        def given(g, active=active):
            return stats.chi2.pdf(g, active) * stats.norm.pdf(target, scale=math.sqrt(scale * g))

        share = stats.binom.pmf(active, width, 0.5)
        density += share * integrate.quad(given, 0, np.inf, epsrel=1e-9)[0]
    return math.log(2 * density) + log_loss / 2


def test_a_population_whose_tau_squared_is_below_the_smallest_float_goes_on(tmp_path):
    """From a level at tau = 1e-295 to V = 1e-300, by the exact law of a network with a hidden layer."""
    path, x, target = tmp_path / "one.npz", np.array([[0.5, -1.0, 0.7]]), 0.8
    np.savez(path, x=x, y=np.array([target]))
    space = space_of({"data": str(path), "examples": 1, "standardize": False, "depth": 1, "width": 6})
    top = log_volume_of_one_example(6, float((x**2).sum()) / 3, target, 0.0)
    scores = []
    for run in range(12):
        generator = seeds.torch_generator(run)
        first = tempering.init(space, 400, seeds.seed(run))
        with torch.inference_mode():
            curve = TemperedCurve(space, first, generator)
            lowest = replace(first, base=curve.base, floor=curve.floor)
            level = tempering._moved(space, lowest, curve, -295 * LN10, generator)
        deep, record = tempering.step(space, level, Goal(log_volume=-300 * LN10), seeds.seed(run))
        assert deep.status == "volume reached"
        log_loss, volume, variance = (
            float(getattr(record, name)[-1]) for name in ("log_excess", "log_volume", "variance")
        )
        scores.append([(volume - top - log_loss / 2) / math.sqrt(variance)])
    assert_calibrated(np.array(scores))


@pytest.mark.full
@pytest.mark.parametrize(
    ("examples", "target"), [(1, 0), (1, 1), (4, 0), (4, 1), (16, 0), (16, 1), (64, 0), (64, 1)]
)
def test_error_bars_hold_over_two_hundred_runs(tmp_path, examples, target):
    scores = z_scores(
        orthonormal(tmp_path, examples, target),
        lambda loss: log_chi_square(examples, target, loss),
        200,
        population=1000,
    )
    assert_calibrated(scores)


@pytest.mark.parametrize(
    ("kernel", "volumes", "runs"),
    [
        ("pcn", (-2, -4), 8),
        ("slice", (-2, -4), 4),
        ("reflect", (-1,), 3),
        pytest.param("pcn", (-2, -4, -8), 30, marks=pytest.mark.full),
        pytest.param("slice", (-2, -4, -8), 30, marks=pytest.mark.full),
        pytest.param("reflect", (-1, -2, -3), 30, marks=pytest.mark.full),
    ],
)
def test_splitting_walks_down_the_same_tail_with_error_bars_that_hold(tmp_path, kernel, volumes, runs):
    scores = z_scores(
        orthonormal(tmp_path, 8, 0),
        lambda loss: log_chi_square(8, 0, loss),
        runs,
        volumes=volumes,
        population=sized(100, 200),
        kernel=kernel,
    )
    assert_calibrated(scores)


@pytest.mark.parametrize("depth", [60, pytest.param(300, marks=pytest.mark.full)])
def test_splitting_reaches_1e_300_where_rounding_lets_it(tmp_path, depth):
    values = orthonormal(tmp_path, 64, 0)
    found = walk(space_of(values), Goal(log_volume=-depth * LN10), kernel="pcn", population=sized(80, 150))
    loss = found.log_loss[-1]
    volume, error = found.at(np.array([loss]))
    assert found.population.status == "volume reached"
    assert abs(volume[0] - log_chi_square(64, 0, loss)) < sigmas() * error[0]


def test_where_rounding_does_not_let_it_splitting_says_so(tmp_path):
    found = walk(
        space_of(orthonormal(tmp_path, 1, 1)), Goal(log_volume=-300 * LN10), kernel="pcn", population=200
    )
    assert found.population.status == "resolution"
    assert found.log_volume[-1] > -20 * LN10


def agreement(first, second, losses):
    """Return the differences of two walks' log V in joint standard errors."""
    (one, one_error), (other, other_error) = first.at(losses), second.at(losses)
    return (one - other) / np.hypot(one_error, other_error)


@pytest.mark.parametrize(
    "values",
    [
        {**TEACHER, "examples": 2, "depth": 0},
        {**TEACHER, "examples": 2, "depth": 1, "width": 8},
        {
            "data": "teacher",
            "inputs": 3,
            "examples": 2,
            "depth": 2,
            "width": 6,
            "bias": True,
            "activation": "tanh",
        },
    ],
)
def test_weights_reduced_normals_and_tempering_give_one_curve(values):
    weights, reduced = space_of(values, weights=True), space_of(values)
    assert isinstance(weights, LatentSpace)
    assert isinstance(reduced, ReducedSpace)
    assert weights.normals > reduced.normals
    goal = Goal(log_loss=-4 * LN10)
    losses = np.array([-1, -2, -3]) * LN10
    walks = [
        walk(weights, goal, kernel="pcn", population=sized(700, 1500)),
        walk(reduced, goal, kernel="pcn", population=sized(700, 1500), seed=1),
        walk(reduced, goal, population=sized(700, 1500), seed=2),
    ]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(agreement(walks[first], walks[second], losses)).max() < sigmas(9)


@pytest.mark.parametrize(
    ("values", "decades"),
    [
        ({**TEACHER, "examples": 3, "depth": 1, "width": 32}, (-1, -2, -3, -4, -6, -8)),
        # Few live units: some networks cannot fit at all.
        ({"data": "gaussian", "inputs": 6, "examples": 2, "depth": 1, "width": 8}, (-1, -2, -4)),
    ],
)
def test_one_hidden_layer_against_the_average_of_exact_laws(values, decades):
    """Given the hidden layer the law is a generalised chi-square; averaged over hidden layers it is exact."""
    space = space_of(values)
    hidden = space.draw(sized(800, 1500), seeds.torch_generator(7)).normals[:, : space.hidden]
    roots = space.readout_root(hidden).numpy()
    losses = np.array(decades) * LN10
    targets = space.targets.T.numpy()
    each = np.array([squared_error_law(root.T @ root, targets).log_cdf(np.exp(losses)) for root in roots])
    exact = special.logsumexp(each, axis=0) - math.log(len(each))
    error = np.exp(each - exact).std(axis=0) / math.sqrt(len(each))
    found, own = walk(space, Goal(log_loss=losses[-1] - LN10), population=sized(500, 1000)).at(losses)
    assert np.abs((found - exact) / np.hypot(own, error)).max() < sigmas(len(decades))


# Closed forms for laws that are not Gaussian, on a linear model.


def ball_volume(dimension, log_radius):
    return dimension / 2 * math.log(math.pi) + dimension * log_radius - special.gammaln(dimension / 2 + 1)


def test_the_uniform_box_has_the_volume_of_a_ball_in_a_cube(tmp_path):
    """With as many orthonormal examples as weights, {L <= eps} is a ball about the targets."""
    size, target = 10, 0.3
    values = {**orthonormal(tmp_path, size, target), "init": "uniform"}
    losses = np.array([-2.0, -3.0, -5.0, -8.0]) * LN10
    exact = [ball_volume(size, (loss + math.log(size)) / 2) - size * math.log(2) for loss in losses]
    found, error = walk(space_of(values), Goal(log_loss=-8.1 * LN10), population=sized(300, 600)).at(losses)
    assert np.abs((found - exact) / error).max() < sigmas(len(losses))


def test_the_uniform_ball_has_the_volume_of_a_ball_in_a_ball(tmp_path):
    size, target = 6, 0.1
    values = {**orthonormal(tmp_path, size, target), "init": "ball"}
    losses = np.array([-3.0, -5.0, -8.0]) * LN10
    exact = [size * (loss + math.log(size)) / 2 for loss in losses]
    found, error = walk(space_of(values), Goal(log_loss=-8.1 * LN10), population=sized(300, 600)).at(losses)
    assert np.abs((found - exact) / error).max() < sigmas(len(losses))


def test_the_sphere_has_the_share_of_a_band(tmp_path):
    """The output on an example of norm 1 is a coordinate; its square is Beta(1/2, (P - 1)/2)."""
    values = {**orthonormal(tmp_path, 1, 0, inputs=12), "init": "sphere"}
    losses = np.array([-2.0, -6.0, -12.0]) * LN10
    with mpmath.workdps(30):
        exact = [
            float(mpmath.log(mpmath.betainc(0.5, 5.5, 0, mpmath.e ** mpmath.mpf(loss), regularized=True)))
            for loss in losses
        ]
    found, error = walk(space_of(values), Goal(log_loss=-12.1 * LN10), population=600).at(losses)
    assert np.abs((found - exact) / error).max() < sigmas(len(losses))


def counting(folder):
    """Return 40 binary weights whose output is the number of +1 minus that of -1; the target is 40."""
    path = folder / "ones.npz"
    np.savez(path, x=np.ones((1, 40)), y=np.array([40.0]))
    return {"data": str(path), "examples": 1, "depth": 0, "init": "binary", "standardize": False}


def test_the_steps_of_a_lattice_of_losses_are_calibrated(tmp_path):
    """The same loss is met many times, each time with another rounding."""
    flips = np.arange(4, 14)
    losses = 2 * np.log10(2 * flips) + 1e-9
    exact = stats.binom.logcdf(flips, 40, 0.5) / LN10
    scores = []
    for seed in range(sized(8, 12)):
        curve = tail_curve(
            [descend({**counting(tmp_path), "seed": seeds.seed(seed)}, population=sized(150, 300))]
        )
        found, error = np.array([curve.at(loss) for loss in losses]).T
        scores.append((found - exact) / error)
    assert_calibrated(np.array(scores))


def test_binary_weights_have_their_binomial_atoms(tmp_path):
    """The smallest loss has V = 2**-40."""
    values = counting(tmp_path)
    found = walk(space_of(values), Goal(), population=sized(400, 800))
    assert found.population.status == "zero loss"
    zero = found.log_loss == -math.inf
    error = math.sqrt(found.variance[zero][0])
    assert abs(found.log_volume[zero][0] + 40 * math.log(2)) < sigmas(5) * error
    curve = tail_curve([descend(values, population=sized(400, 800))])
    for flips in (3, 6, 9, 12):
        volume, error = curve.at(math.log10((2.0 * flips) ** 2) + 1e-9)
        assert abs(volume - stats.binom.logcdf(flips, 40, 0.5) / LN10) < sigmas(5) * error


def test_zero_one_loss_is_walked_through_its_plateaus():
    values = {"data": "xor", "examples": 8, "depth": 1, "width": 8, "loss": "zero_one", "bias": True}
    deep = walk(space_of(values), Goal(), population=sized(500, 1000))
    assert deep.population.status == "zero loss"
    plain = plain_curve(values, sized(50_000, 200_000))
    zero = deep.log_loss == -math.inf
    error = sigmas() * math.sqrt(deep.variance[zero][0])
    assert plain.zero.low < math.exp(deep.log_volume[zero][0] + error)
    assert plain.zero.high > math.exp(deep.log_volume[zero][0] - error)


def test_a_plateau_ends_in_a_named_status(tmp_path):
    path = tmp_path / "zero.npz"
    np.savez(path, x=np.zeros((2, 3)), y=np.ones(2))
    values = {"data": str(path), "examples": 2, "depth": 1, "width": 4, "standardize": False, "loss": "mae"}
    found = walk(space_of(values), Goal(log_volume=-300 * LN10), population=100)
    assert found.population.status == "plateau"
    assert found.log_loss.min() == found.log_loss.max() == 0.0  # log of the loss 1 of the function 0
    curve = tail_curve([descend(values, population=100)])
    assert curve.log10_volume[0] == 0.0


def test_dead_networks_make_a_floor_of_zero_loss(tmp_path):
    """With all targets 0 a network whose units are dead on the example has loss 0: P = 2**-3 for width 3."""
    values = {**orthonormal(tmp_path, 1, 0, inputs=4), "depth": 1, "width": 3, "init": "he_normal"}
    found = walk(space_of(values), Goal(log_volume=-10 * LN10), population=sized(400, 1000))
    assert found.population.status in ("plateau", "zero loss")
    assert abs(found.log_volume.min() + 3 * math.log(2)) < sigmas() * math.sqrt(found.variance[-1])


# Against plain sampling, for experiments as different as can be.

VARIED = [
    {**TEACHER, "examples": 4, "width": 16, "depth": 2},
    {
        "data": "teacher",
        "inputs": 4,
        "examples": 4,
        "width": 16,
        "depth": 2,
        "activation": "tanh",
        "bias": True,
    },
    {
        "data": "teacher",
        "inputs": 4,
        "examples": 6,
        "width": 12,
        "depth": 1,
        "init": "uniform",
        "loss": "mae",
    },
    {
        "data": "iris",
        "examples": 6,
        "width": 16,
        "depth": 1,
        "init": "glorot_normal",
        "loss": "cross_entropy",
    },
    {"data": "iris", "examples": 6, "width": 10, "depth": 2, "init": "orthogonal", "loss": "hinge"},
    {"data": "xor", "examples": 4, "width": 8, "depth": 1, "init": "laplace", "loss": "bce", "bias": True},
    {
        "data": "teacher",
        "inputs": 3,
        "examples": 3,
        "width": 8,
        "depth": 1,
        "init": "student_t",
        "loss": "huber",
        "activation": "erf",
    },
    {"data": "iris", "examples": 6, "width": 8, "depth": 1, "init": "sparse", "loss": "cross_entropy"},
    {"data": "digits", "examples": 4, "arch": "conv", "depth": 1, "channels": 4, "init": "he_normal"},
    {
        "data": "teacher",
        "inputs": 3,
        "examples": 4,
        "width": 8,
        "depth": 2,
        "init": "he_truncated",
        "residual": True,
    },
]


def plain_curve(values, samples):
    """Return V(eps) by plain sampling through the chunks that runs are made of."""
    ready = prepare(tail_experiment(Experiment.parse({**values, "seed": seeds.seed(8)})))
    parts = [ready.facts.empty_summary()]
    while sum(part.samples for part in parts) < samples:
        parts.append(run_chunk(ready.facts.experiment, len(parts) - 1).summary)
    return volume_curve(LossDistribution(Summary.merge(parts), ready.facts.null_loss))


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(
            values,
            id="-".join(str(value) for value in list(values.values())[:6]),
            marks=[pytest.mark.full] if number % 2 else [],
        )
        for number, values in enumerate(VARIED)
    ],
)
def test_plain_sampling_and_the_tail_agree_where_both_see(values):
    sampled = plain_curve(values, sized(20_000, 40_000))
    descents = [descend(values, index, log10_volume=-4.0, population=sized(100, 200)) for index in range(4)]
    curve = tail_curve(descents)
    loss, volume, error, apart = stitch(sampled, curve)
    assert apart is not None
    assert apart < sigmas(6)  # half decades
    assert np.all(np.diff(loss) > 0)
    assert volume[0] < -3.5
    assert np.isfinite(error).all()


RADIAL = [("sphere", "leaky_relu"), ("ball", "relu")]
MORE_RADIAL = itertools.product(["orthogonal", "sphere", "ball", "he_normal"], ["relu", "leaky_relu", "abs"])


@pytest.mark.parametrize(
    ("init", "activation"),
    [*RADIAL, *(pytest.param(*each, marks=pytest.mark.full) for each in MORE_RADIAL if each not in RADIAL)],
)
def test_the_tail_of_one_example_agrees_with_radial_sampling(init, activation):
    values = {"data": "teacher", "inputs": 3, "examples": 1, "depth": 2, "width": 4, "init": init}
    values |= {"activation": activation, "loss": "huber", "gain": 2.0}
    ready = prepare(Experiment.parse({**values, "dtype": "float64", "seed": seeds.seed(9)}))
    assert ready.facts.experiment.sampler == "radial"
    drawn = run_chunk(ready.facts.experiment, 0).summary
    sampled = volume_curve(LossDistribution(drawn, ready.facts.null_loss))
    descents = [descend(values, index, log10_volume=-3.5, population=sized(100, 200)) for index in range(4)]
    apart = stitch(sampled, tail_curve(descents))[3]
    assert apart is not None
    assert apart < sigmas(6)


@pytest.mark.parametrize("sampler", ["direct", "projected"])
@pytest.mark.parametrize("init", choices("init"))
def test_the_loss_of_a_point_does_not_depend_on_its_batch(init, sampler):
    values = {"data": "gaussian", "inputs": 3, "examples": 1, "depth": 2, "width": 2, "init": init}
    try:
        space = space_of({**values, "sampler": sampler, "loss": "mae"})
    except ExperimentError:
        assert sampler == "projected"
        return
    points = space.draw(16, seeds.torch_generator(10))
    whole = space.log_excess(points)
    alone = torch.cat([space.log_excess(Latent(*(part[k : k + 1] for part in points))) for k in range(16)])
    torch.testing.assert_close(whole, alone, rtol=1e-9, atol=1e-9)


def test_radial_sampling_is_no_space():
    with pytest.raises(ExperimentError, match="allowed is projected"):
        build_space(Sampler(Experiment.parse({"data": "gaussian", "examples": 1, "sampler": "radial"})))


# An independent judge, itself judged by an exact law of as many coordinates first.


def test_the_independent_judge_finds_an_exact_volume():
    examples, target, dimension = 4, 1.0, 30
    at = loss_of_volume(lambda loss: log_chi_square(examples, target, loss), -5 * LN10)
    volume, error = judge.log_volume(
        lambda points: ((points[:, :examples] - target) ** 2).mean(axis=1),
        dimension,
        math.exp(at),
        seeds.generator(5),
    )
    assert abs(volume + 5 * LN10) < sigmas(freedom=judge.POPULATIONS - 1) * error


XOR = {"data": "xor", "examples": 4, "depth": 1, "width": 5, "loss": "bce", "init": "normal"}


@pytest.mark.parametrize(
    ("values", "widths", "log10_loss"),
    [
        ({**TEACHER, "examples": 2, "depth": 1, "width": 4}, (3, 4, 1), -2.0),
        ({**TEACHER, "examples": 2, "depth": 2, "width": 3, "activation": "tanh"}, (3, 3, 3, 1), -2.0),
        (XOR, (2, 5, 1), -1.0),
        pytest.param(XOR, (2, 5, 1), -2.0, marks=pytest.mark.full),
    ],
)
def test_an_independent_judge_finds_the_same_volume(values, widths, log10_loss):
    ready = Sampler(Experiment.parse(values))
    x, y = ready.x.double().numpy(), ready.dataset.y
    network = judge.network_loss(
        widths,
        [1.0 if values.get("init") else math.sqrt(2 / n) for n in widths],  # He
        np.tanh if values.get("activation") else lambda z: np.maximum(z, 0),
        x,
        (lambda f: np.logaddexp(0, f) - y * f) if values.get("loss") else (lambda f: (f - y) ** 2),
    )
    parameters = sum(a * b for a, b in itertools.pairwise(widths))
    volume, error = judge.log_volume(network, parameters, 10**log10_loss, seeds.generator(6))
    ours = tail_curve(
        [
            descend({**values, "sampler": "direct"}, k, loss=10**log10_loss, population=sized(300, 600))
            for k in range(4)
        ]
    )
    mine, own = ours.at(log10_loss)
    assert abs(mine * LN10 - volume) < sigmas(freedom=judge.POPULATIONS - 1) * math.hypot(own * LN10, error)


# Laws as maps from latent coordinates.


@pytest.mark.parametrize(
    ("ask", "law"),
    [
        (lambda stream, n: stream.normal(n, 1, std=2.0), stats.norm(scale=2)),
        (lambda stream, n: stream.uniform(n, 1, bound=3.0), stats.uniform(-3, 6)),
        (lambda stream, n: stream.unit(n, 1), stats.uniform()),
        (lambda stream, n: stream.laplace(n, 1), stats.laplace()),
        (lambda stream, n: stream.student_t(n, 1, dof=2.5), stats.t(2.5)),
        (lambda stream, n: stream.chi_square(torch.full((n, 1), 3.0)), stats.chi2(3)),
    ],
)
def test_images_of_normals_have_the_quantiles_of_the_law(ask, law):
    z = torch.linspace(-6, 6, 1001, dtype=torch.float64)
    image = ask(LatentStream(Latent(z[:, None], z[:, :0] if z.dim() > 1 else z[:, None][:, :0])), len(z))[
        :, 0
    ]
    expected = np.where(z < 0, law.ppf(special.ndtr(z.numpy())), law.isf(special.ndtr(-z.numpy())))
    np.testing.assert_allclose(image.numpy(), expected, rtol=1e-9, atol=1e-12)


# Going on from a checkpoint.


@pytest.mark.parametrize("kernel", ["auto", "pcn", "slice"])
def test_a_descent_goes_on_from_a_checkpoint_to_the_same_bits(kernel):
    values = {"data": "digits", "examples": 4, "width": 8, "depth": 1, "held_out": 20}
    experiment = tail_experiment(Experiment.parse(values))
    plan = TailPlan(log10_volume=-3, population=100, kernel=kernel)
    whole, broken = Population(experiment, plan, 3), Population(experiment, plan, 3)
    while whole.advance():
        pass
    while broken.advance():
        broken = Population(experiment, plan, 3, checkpoint=broken.to_parts())
    mine, other = whole.result.to_parts(), broken.result.to_parts()
    assert mine[0] == other[0]
    assert mine[1]["held_loss"].size
    for name, array in mine[1].items():
        np.testing.assert_array_equal(array, other[1][name])
