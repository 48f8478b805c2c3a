"""How far rounding moves outputs: networks of float32 evaluated in float64 and by mpmath."""

import mpmath
import numpy as np
import pytest
import torch

from geomreg_tui.experiment import Experiment
from geomreg_tui.inits import Stream
from geomreg_tui.sampling.rounding import usual_moved_size
from geomreg_tui.sampling.sampler import Sampler
from tests import seeds

CPU = torch.device("cpu")
EPS = float(np.finfo(np.float32).eps)
NETWORKS = 200


class Recorded(Stream):
    """Keeps the numbers that it hands out."""

    def __init__(self, seed):
        super().__init__(seeds.torch_generator(seed), CPU, torch.float32)
        self.kept = []

    def keep(self, drawn):
        self.kept.append(drawn.clone())
        return drawn

    def normal(self, *size, std=1.0):
        return self.keep(super().normal(*size, std=std))

    def uniform(self, *size, bound=1.0):
        return self.keep(super().uniform(*size, bound=bound))


class Replayed(Stream):
    """Hands out, in float64, numbers that were kept."""

    def __init__(self, kept):
        super().__init__(torch.Generator(), CPU, torch.float64)
        self.kept = list(kept)

    def normal(self, *size, std=1.0):
        return self.kept.pop(0).double()

    def uniform(self, *size, bound=1.0):
        return self.kept.pop(0).double()


@pytest.fixture
def samplers(tmp_path):
    """Return samplers of an experiment on the same data in float32 and float64, targets all 0."""
    generator = seeds.generator(1)
    x = generator.normal(size=(4, 6)).astype(np.float32)
    np.savez(tmp_path / "zeros.npz", x=x, y=np.zeros(4))

    def build(values):
        base = {"data": str(tmp_path / "zeros.npz"), "examples": 4, "standardize": False, "loss": "mse"}
        more = {"sampler": "direct", **base, **values}
        return [Sampler(Experiment.parse({**more, "dtype": name})) for name in ("float32", "float64")]

    return build


@pytest.mark.parametrize(
    "values",
    [
        {"depth": 0},
        {"depth": 1, "width": 1, "activation": "linear"},
        {"depth": 1, "width": 16},
        {"depth": 3, "width": 256},
        {"depth": 2, "width": 16, "init": "he_uniform"},
        {"depth": 2, "width": 16, "gain": 10.0, "activation": "linear"},
        {"depth": 2, "width": 16, "gain": 0.01},
        {"depth": 3, "width": 16, "residual": True},
        {"depth": 3, "width": 16, "layer_norm": True},
        {"depth": 1, "width": 16, "bias": True, "bias_scale": 100.0},
        {"depth": 10, "width": 64, "activation": "tanh", "gain": 3.0},  # which amplifies what is small
    ],
)
def test_outputs_that_should_be_targets_of_0_have_losses_of_the_size_of_the_resolution(samplers, values):
    """Outputs of float32 networks, less what they are in float64, are rounding and nothing else."""
    single, double = samplers(values)
    recorded = Recorded(2)
    with torch.inference_mode():
        rounded = single.outputs(NETWORKS, recorded).double()
        exact = double.outputs(NETWORKS, Replayed(recorded.kept))
    losses = (rounded - exact).square().mean(dim=(1, 2))
    end = single.facts.resolution
    assert end / 30 < float(losses.median()) < 30 * end
    assert float((losses > 1000 * end).double().mean()) < 0.05
    # That of outputs alone: their size where they come near 0 does not matter, and targets are 0.
    size = usual_moved_size(single.outputs, 32, CPU, torch.float32)
    assert end == pytest.approx((EPS * size) ** 2, rel=0.9)


def test_float64_is_a_judge_of_float32_says_mpmath(samplers):
    single, double = samplers({"depth": 1, "width": 5, "bias": False})
    recorded = Recorded(3)
    with torch.inference_mode():
        rounded = single.outputs(20, recorded)
        judged = double.outputs(20, Replayed(recorded.kept))
    first, second = recorded.kept
    errors = []
    with mpmath.workdps(40):
        for network in range(20):
            for example, x in enumerate(single.x.tolist()):
                total = mpmath.mpf(0)
                for unit in range(5):
                    z = mpmath.fdot(first[network, unit].tolist(), x)
                    total += max(z, mpmath.mpf(0)) * second[network, 0, unit].item()
                assert abs(judged[network, 0, example].item() - total) < 1e-14
                errors.append(float((rounded[network, 0, example].item() - total) ** 2))
    assert single.facts.resolution / 30 < np.mean(errors) < 30 * single.facts.resolution


@pytest.mark.parametrize("loss", ["mse", "mae", "huber", "hinge"])
@pytest.mark.parametrize("gain", [1.0, 100.0])
def test_the_resolution_grows_with_outputs_as_the_loss_does(loss, gain):
    """A linear model's outputs are gain times those of gain 1, and targets do not change."""
    data = "moons" if loss == "hinge" else "diabetes"
    values = {"data": data, "examples": 8, "depth": 0, "loss": loss}
    one, more = (
        Sampler(Experiment.parse({**values, "gain": each})).facts.resolution for each in (1e-9, 1e-9 + gain)
    )
    power = {"mse": 2, "huber": 2}.get(loss, 1)
    assert 0.1 * gain**power < more / one < 10 * gain**power + 10


def test_networks_whose_outputs_are_no_numbers_are_left_out():
    values = {"data": "gaussian", "inputs": 3, "examples": 2, "depth": 6, "width": 8, "gain": 1e30}
    facts = Sampler(Experiment.parse(values)).facts
    assert 0 < facts.resolution < np.inf
