"""Every sampler against the exact laws that it claims to draw from.

Each law is judged at the rate of false alarm of ``tests/rates.py``, by default at 200,000 networks: a share
of them that is off by 0.01 is found. ``make test-full`` judges it at a million too, which find 0.005.
"""

import itertools

import numpy as np
import pytest
from scipy import stats

from tests import seeds
from tests.rates import ALPHA

from .laws import draw, gaussian_cdf, judge, linear_layer, mixed_cdf, relu_layer, single_example

pytestmark = pytest.mark.usefixtures("each_backend")

X = np.array([1.0, -2.0, 0.5, 1.5])
NORM = float(X @ X)
Y = 1.3
SAMPLERS = ("direct", "projected", "radial")


@pytest.fixture(params=[200_000, pytest.param(10**6, marks=pytest.mark.full)])
def networks(request):
    """Return how many networks are drawn."""
    return request.param


def by_default(sampler):
    """Return all samplers; the default suite takes one."""
    return [name if name == sampler else pytest.param(name, marks=pytest.mark.full) for name in SAMPLERS]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("init", "variance"), [("normal", 0.49), ("he_normal", 0.49 * 2 / 4)])
def test_linear_model_is_noncentral_chi_square(tmp_path, networks, sampler, init, variance):
    values = single_example(tmp_path, X, Y)
    drawn = draw({**values, "depth": 0, "init": init, "gain": 0.7, "sampler": sampler}, networks)
    judge(drawn.losses, gaussian_cdf(Y, variance * NORM))


def test_linear_model_with_biases(tmp_path, networks):
    values = single_example(tmp_path, X, Y)
    for sampler in ("direct", "projected"):
        drawn = draw(
            {
                **values,
                "depth": 0,
                "init": "lecun_normal",
                "bias": True,
                "bias_scale": 0.8,
                "sampler": sampler,
            },
            networks,
        )
        judge(drawn.losses, gaussian_cdf(Y, NORM / 4 + 0.64))


@pytest.mark.parametrize(
    ("sampler", "width"),
    [
        *(("direct", 2), ("projected", 7), ("radial", 64)),
        *(
            pytest.param(sampler, width, marks=pytest.mark.full)
            for sampler, width in itertools.product(SAMPLERS, (2, 7, 64))
            if (sampler, width) not in (("direct", 2), ("projected", 7), ("radial", 64))
        ),
    ],
)
def test_relu_network_of_one_hidden_layer(tmp_path, networks, sampler, width):
    values = single_example(tmp_path, X, Y)
    drawn = draw({**values, "depth": 1, "width": width, "sampler": sampler}, networks)
    # He: the hidden layer has variance 2 ||x||^2 / 4, the output 2 / width times the squared norm.
    cdf = mixed_cdf(Y, *relu_layer(2 * NORM / 4 * 2 / width, width))
    dead = 0.5**width
    near = 1e-6 * Y**2
    atoms = np.abs(drawn.losses - Y**2) <= near
    living_nearby = np.diff(cdf([Y**2 - near, Y**2 + near]))[0] - dead
    assert stats.binomtest(int(atoms.sum()), networks, dead + living_nearby).pvalue > ALPHA
    below = drawn.losses[~atoms]

    def living(loss):
        return (cdf(loss) - dead * (np.asarray(loss) >= Y**2)) / (1 - dead)

    judge(below, living, cusp=Y)


@pytest.mark.parametrize(
    ("sampler", "activation"),
    [
        *(("direct", "abs"), ("projected", "linear"), ("radial", "abs")),
        *(
            pytest.param(sampler, activation, marks=pytest.mark.full)
            for sampler, activation in (("direct", "linear"), ("projected", "abs"), ("radial", "linear"))
        ),
    ],
)
def test_norm_preserving_activations(tmp_path, networks, sampler, activation):
    values = single_example(tmp_path, X, Y)
    drawn = draw(
        {
            **values,
            "depth": 1,
            "width": 5,
            "activation": activation,
            "init": "lecun_normal",
            "sampler": sampler,
        },
        networks,
    )
    judge(drawn.losses, mixed_cdf(Y, *linear_layer(NORM / 4 / 5, 5)))


@pytest.mark.parametrize(
    ("width", "depth", "sampler"),
    [
        pytest.param(*shape, sampler, marks=[] if number % 3 == place else [pytest.mark.full])
        for number, shape in enumerate([(1, 3), (2, 1), (2, 8), (4, 2), (5, 8)])
        for place, sampler in enumerate(SAMPLERS)
    ],
)
def test_atom_has_the_mass_of_dead_networks(tmp_path, sampler, width, depth):
    values = single_example(tmp_path, X, Y)
    drawn = draw({**values, "width": width, "depth": depth, "sampler": sampler}, 2 * 10**5)
    dead = 1 - (1 - 0.5**width) ** depth
    atoms = int(np.count_nonzero(np.abs(drawn.losses - Y**2) <= 1e-6 * Y**2))
    assert stats.binomtest(atoms, len(drawn.losses), dead).pvalue > ALPHA


@pytest.mark.parametrize("sampler", ["direct", "projected"])
@pytest.mark.parametrize("count", [1, 4, 16])
def test_orthonormal_regression_is_noncentral_chi_square(tmp_path, networks, sampler, count):
    rng = seeds.generator(0)
    x = np.linalg.qr(rng.normal(size=(20, 20)))[0][:count]
    y = rng.normal(size=count)
    values = single_example(tmp_path, x, y)
    drawn = draw({**values, "depth": 0, "init": "normal", "gain": 0.6, "sampler": sampler}, networks)
    variance = 0.36
    judge(
        drawn.losses,
        lambda loss: stats.ncx2.cdf(np.asarray(loss) * count / variance, count, y @ y / variance),
    )


@pytest.mark.parametrize("sampler", by_default("projected"))
def test_sphere_of_a_linear_model_is_a_beta_law(tmp_path, networks, sampler):
    # On the sphere of radius g in R^n, w.x / (g ||x||) is 2 Beta((n-1)/2, (n-1)/2) - 1.
    values = single_example(tmp_path, X, 0.0)
    drawn = draw({**values, "depth": 0, "init": "sphere", "gain": 2.0, "sampler": sampler}, networks)
    judge(drawn.losses, stats.beta(0.5, 1.5, scale=4 * NORM).cdf)


@pytest.mark.parametrize("sampler", by_default("direct"))
def test_ball_of_a_linear_model_is_a_beta_law(tmp_path, networks, sampler):
    # The marginal of the uniform ball in R^n is that of the sphere in R^(n+2).
    values = single_example(tmp_path, X, 0.0)
    drawn = draw({**values, "depth": 0, "init": "ball", "gain": 2.0, "sampler": sampler}, networks)
    judge(drawn.losses, stats.beta(0.5, 2.5, scale=4 * NORM).cdf)


@pytest.mark.parametrize("sampler", by_default("radial"))
def test_orthogonal_linear_model_is_a_beta_law(tmp_path, networks, sampler):
    values = single_example(tmp_path, X, 0.0)
    drawn = draw({**values, "depth": 0, "init": "orthogonal", "gain": 2.0, "sampler": sampler}, networks)
    judge(drawn.losses, stats.beta(0.5, 1.5, scale=4 * NORM).cdf)


@pytest.mark.parametrize(
    ("init", "law"),
    [
        ("uniform", stats.uniform(-0.7, 1.4)),
        ("laplace", stats.laplace(scale=0.7)),
        ("student_t", stats.t(3, scale=0.7)),
    ],
)
def test_a_single_weight_has_its_init_law(tmp_path, networks, init, law):
    # One input of 1 and target 0: L = w^2.
    values = single_example(tmp_path, [1.0], 0.0)
    drawn = draw({**values, "depth": 0, "init": init, "gain": 0.7}, networks)
    assert drawn.facts.experiment.sampler == "direct"
    judge(drawn.losses, lambda loss: law.cdf(np.sqrt(loss)) - law.cdf(-np.sqrt(loss)))
