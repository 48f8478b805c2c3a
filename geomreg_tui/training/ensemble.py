"""An ensemble made ready: its examples, its networks, and where each trajectory starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.batched import squared_norm
from geomreg_tui.experiment import Experiment
from geomreg_tui.inits import Stream
from geomreg_tui.losses.slopes import slope_of_loss
from geomreg_tui.networks import MLP
from geomreg_tui.sampling.rng import trajectory_generator
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.shapes import parameter_count
from geomreg_tui.summary import Facts
from geomreg_tui.training.differentiated import DifferentiatedNetworks, readout_inputs
from geomreg_tui.training.networks import Networks, Parameters
from geomreg_tui.training.observing import TrainingObserver
from geomreg_tui.training.perceptron import Perceptrons
from geomreg_tui.training.plan import TrainingPlan, check_plan
from geomreg_tui.training.sketch import CountSketch
from geomreg_tui.training.subspace import Subspaces, check_size, draw_frames

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

__all__ = ["Ensemble", "Examples", "Start"]

_CACHE_BYTES = 2**22  # of a block: parameters four times over, and a pass; measured to be the fastest
_FEWEST_NETWORKS, _MOST_NETWORKS = 2, 256  # products of a single network cost as much as those of two


@dataclass(frozen=True)
class Examples:
    """Training examples as networks see them.

    Attributes:
        inputs: (networks, examples, *input_shape), or (1, ...) when shared by all networks.
        targets: as the loss sees them, (1, C, examples) or (networks, C, examples).
    """

    inputs: Float[Tensor, "#networks examples *input_shape"]
    targets: Float[Tensor, "#networks outputs examples"]

    def picked(self, places: Tensor) -> Examples:
        """Return the examples at places, int64 (networks, picked), of each network."""
        count = len(places)
        rows = torch.arange(count).unsqueeze(1)
        inputs = self.inputs[0][places] if len(self.inputs) == 1 else self.inputs[rows, places]
        return Examples(inputs, self.targets[0].T[places].mT.contiguous())

    def of(self, networks: Tensor) -> Examples:
        """Return the examples of some networks, given by their places, int64 (kept,)."""
        return Examples(
            self.inputs if len(self.inputs) == 1 else self.inputs[networks],
            self.targets if len(self.targets) == 1 else self.targets[networks],
        )


@dataclass(frozen=True)
class Start:
    """Where trajectories start.

    Attributes:
        networks: what is trained, with its derivatives.
        parameters: of these.
        training: the training examples.
        held_out: inputs of the held-out examples, (networks or 1, M, *input_shape).
        squared_size: ||theta_0||**2 over all weights and biases, trained or not, float64 (networks,).
        squared_rest: the part of it that is not trained, float64 (networks,).
    """

    networks: Networks
    parameters: Parameters
    training: Examples
    held_out: Float[Tensor, "#networks held *input_shape"]
    squared_size: Float64[Tensor, " networks"]
    squared_rest: Float64[Tensor, " networks"]


class Ensemble:
    """An experiment and a plan, made ready to train.

    Attributes:
        facts: what the experiment comes to.
        experiment: the resolved experiment.
        plan: how networks are trained.
        networks: what has weights that are trained, with the derivatives by all of these.
        examples: training examples N.
        held_out: held-out examples M.
        batch: examples a step; N or less.
        layers: layers of a network, trained or not.
        sketch: what makes sketches of how far weights have moved.
        observer: what observes gradients; None where none are observed.
        block: networks that are best trained side by side.
        device: where everything is computed.
    """

    facts: Facts
    experiment: Experiment
    plan: TrainingPlan
    networks: Networks

    def __init__(self, experiment: Experiment, plan: TrainingPlan, device: str = "cpu") -> None:
        """Make ready.

        Raises:
            ExperimentError: if the experiment cannot be trained as planned.
            DataError, CapacityError: as :class:`geomreg_tui.sampling.sampler.Sampler`.
        """
        check_plan(plan, experiment)
        self.device = torch.device(device)
        self._sampler = sampler = Sampler(experiment, device)
        self.plan = plan
        self.experiment = sampler.facts.experiment
        self.dtype = sampler.x.dtype
        self.objective = sampler.objective
        self.facts = sampler.facts
        self.examples = sampler.dataset.examples
        self.held_out = len(sampler.x) - self.examples
        self.batch = min(plan.batch or self.examples, self.examples)
        self._shapes = sampler.network.shapes
        self.layers = len(self._shapes)
        self._targets = torch.from_numpy(self.objective.targets.T.copy()).to(self.device, self.dtype)
        self._readout = plan.train == "readout"
        trained = self._shapes[-1:] if self._readout else self._shapes
        if isinstance(sampler.network, MLP) or self._readout:
            self.networks = Perceptrons(self.experiment, trained)
        else:
            self.networks = DifferentiatedNetworks(sampler.network)
        weights = parameter_count(trained)
        self.sketch = CountSketch(weights, plan.sketch, self.experiment.seed)
        if plan.subspace:
            check_size(weights, plan.subspace)
        held = (4 + plan.subspace) * weights + self.networks.elements * self.batch
        size = held * self.dtype.itemsize
        most = _MOST_NETWORKS
        self.observer: TrainingObserver | None = None
        if plan.observe:
            self.observer = TrainingObserver(self.experiment, plan, sampler)
            most = min(most, self.observer.block)
        self.block = max(_FEWEST_NETWORKS, min(most, _CACHE_BYTES // size))

    @property
    def trained_layers(self) -> tuple[int, ...]:
        """For each tensor of parameters, the layer of the whole network that it belongs to."""
        first = self.layers - 1 if self._readout else 0
        return tuple(first + place for place in self.networks.layer_of)

    def start(self, trajectories: Sequence[int]) -> Start:
        """Draw the initial networks of trajectories, each from a stream of its own."""
        drawn = [self._drawn(trajectory) for trajectory in trajectories]
        parameters = tuple(torch.cat(tensors) for tensors in zip(*drawn, strict=True))
        size = squared_norm(parameters)
        rest = torch.zeros_like(size)
        x = self._sampler.x.unsqueeze(0)
        if self._readout:
            trained = 1 + self._shapes[-1].bias
            x = readout_inputs(self._sampler.network, parameters, x[0])
            rest = squared_norm(parameters[:-trained])
            parameters = parameters[-trained:]
        training = Examples(x[:, : self.examples].contiguous(), self._targets.unsqueeze(0))
        networks = self.networks
        if dimensions := self.plan.subspace:
            count = sum(tensor[0].numel() for tensor in parameters)
            frames = draw_frames(self.experiment.seed, trajectories, count, dimensions).to(self.device)
            networks = Subspaces(networks, parameters, frames.to(self.dtype))
            parameters = (parameters[0].new_zeros(len(trajectories), dimensions),)
        return Start(networks, parameters, training, x[:, self.examples :].contiguous(), size, rest)

    def slopes(
        self, outputs: Float[Tensor, "networks outputs examples"], examples: Examples
    ) -> Float[Tensor, "networks outputs examples"]:
        """Return the derivative of each network's loss by its outputs, (networks, C, examples)."""
        return slope_of_loss(self.experiment.loss, outputs, examples.targets)

    def losses(
        self, outputs: Float[Tensor, "networks outputs training"]
    ) -> Float64[NDArray[np.float64], " networks"]:
        """Return the training loss of each network, (networks,), from its outputs on all N examples."""
        losses = self.objective.per_example(outputs, training=True).mean(dim=1)
        array: NDArray[np.float64] = losses.to("cpu", torch.float64).numpy()
        return array

    def held_out_scores(
        self, networks: Networks, parameters: Parameters, held_out: Tensor, outputs: Tensor
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return held-out loss and accuracy of each network, (networks,) both; NaN where there is none.

        Args:
            networks: what is trained.
            parameters: of the networks.
            held_out: inputs of the held-out examples, as in :class:`Start`.
            outputs: outputs on the training examples, (networks, C, N).
        """
        nothing = np.full(len(outputs), np.nan)
        if not self.held_out:
            return nothing, nothing
        joined = torch.cat([outputs, networks.run(parameters, held_out).outputs], dim=2)
        losses = self.objective.per_example(joined)[:, self.examples :].mean(dim=1)
        correct = self.objective.correct(joined)
        loss: NDArray[np.float64] = losses.to("cpu", torch.float64).numpy()
        if correct is None:
            return loss, nothing
        share: NDArray[np.float64] = correct.to("cpu", torch.float64).numpy() / self.held_out
        return loss, share

    def _drawn(self, trajectory: int) -> Parameters:
        """Return all parameters of one initial network."""
        generator = trajectory_generator(self.experiment.seed, trajectory, self.device)
        stream = Stream(generator, self.device, self.dtype)
        law = self._sampler.law
        shared = law.begin(1, stream)
        found: list[Tensor] = []
        for shape in self._shapes:
            weights, biases = law.weights(shape, 1, stream, shared)
            found += [weights] if biases is None else [weights, biases]
        return tuple(found)
