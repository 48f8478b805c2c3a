"""Experiments to train, and the same networks as modules of torch."""

import itertools

from torch import nn
from torch.nn import functional

from geomreg_tui.engine import InProcess, Pace
from geomreg_tui.experiment import Experiment
from geomreg_tui.runner.preparing import prepare
from geomreg_tui.training.ensemble import Ensemble
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.store import PlannedTraining
from geomreg_tui.training.trajectories import Block
from tests import seeds
from tests.making import begin_run, make_engine, preparation
from tests.torch_activations import ACTIVATIONS


def experiment(**values):
    """Return an experiment on iris in float64, small unless said otherwise."""
    few = {"data": "iris", "examples": 6, "width": 4, "depth": 1, "dtype": "float64", "seed": seeds.seed(7)}
    return Experiment.parse({**few, **values})


def ensemble(plan=None, **values):
    return Ensemble(experiment(**values), plan or TrainingPlan(lr=0.1))


def trained(plan, trajectories=16, **values):
    """Train some trajectories to their end and return the result."""
    block = Block(ensemble(plan, **values), range(trajectories))
    block.advance()
    return block.result()


PLAN = TrainingPlan("momentum", 0.02, trajectories=11, steps=60, to_loss=0.2)
VALUES = {"examples": 12, "held_out": 8, "chunk_size": 500}


def begun(path, plan=PLAN, size=4, **values):
    """Return a new run that an engine may take, with an ensemble in groups of ``size``."""
    prepared = prepare(preparation(experiment(**{**VALUES, **values})))
    planned = PlannedTraining(plan, 2, size)
    run, lease = begin_run(path, prepared.facts, prepared.environment, 1000, more=[planned])
    lease.release()
    return run


def gone_on_with(run, executor=None):
    """Take a run to its end in this process, and return how it ended."""
    return make_engine(run, executor or InProcess(), pace=Pace(commit=0.0, obey=0.0, publish=0.0)).run()


class Module(nn.Module):
    """One network of an ensemble as an independent module of torch."""

    def __init__(self, made, parameters, network):
        super().__init__()
        self.activation = ACTIVATIONS[made.experiment.activation]
        self.norm, self.residual = made.experiment.layer_norm, made.experiment.residual
        self.layers = nn.ModuleList()
        rest = iter(parameters)
        for _, group in itertools.groupby(made.networks.layer_of):
            weights = next(rest)[network]
            layer = nn.Linear(
                weights.shape[1], weights.shape[0], bias=len(list(group)) == 2, dtype=weights.dtype
            )
            layer.weight.data.copy_(weights)
            if layer.bias is not None:
                layer.bias.data.copy_(next(rest)[network])
            self.layers.append(layer)

    def forward(self, x):
        for layer in self.layers[:-1]:
            z = layer(x)
            if self.norm:
                z = functional.layer_norm(z, z.shape[1:])
            z = self.activation(z)
            x = z + x if self.residual and x.shape[1] == z.shape[1] else z
        return self.layers[-1](x)


def torch_loss(name, outputs, targets):
    """Return the mean loss of outputs (examples, C) by torch's own functions; targets (examples, C)."""
    match name:
        case "mse":
            return functional.mse_loss(outputs, targets)
        case "mae":
            return functional.l1_loss(outputs, targets)
        case "huber":
            return functional.huber_loss(outputs, targets)
        case "cross_entropy":
            return functional.cross_entropy(outputs, targets.argmax(dim=1))
        case "bce":
            return functional.binary_cross_entropy_with_logits(outputs, targets)
        case "hinge":
            if outputs.shape[1] == 1:
                return functional.relu(1 - outputs * targets).mean()
            return functional.multi_margin_loss(outputs, targets.argmax(dim=1))
    raise ValueError(name)


def assert_close(found, expected, tolerance):
    """Assert that tensors agree to a tolerance relative to the largest number."""
    assert found.shape == expected.shape
    size = max(float(expected.abs().max()), 1e-300)
    assert float((found - expected).abs().max()) <= tolerance * size, (found, expected)
