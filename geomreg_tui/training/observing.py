"""What is observed of the gradients of networks that are trained, each from its weights alone.

With Theta_t (N C, N C) the empirical NTK after t steps, by what is trained, and K_t (N, N) the Gram matrix
of what the examples contribute to the gradient of the loss, as :mod:`geomreg_tui.gradients.observables` has
them:

- *confusion*: the smallest and the mean cosine of two examples' gradients, from K_t;
- *ntk*: ||Theta_t - Theta_0|| / ||Theta_0||, Frobenius norms: 0 where outputs are linear in what is trained,
  and small where training is lazy (Jacot, Gabriel & Hongler 2018; Chizat, Oyallon & Bach 2019).

Networks go through one after the other, in memory of their own, so the bits of one do not depend on others.
Theta_0 is computed again from the start of the trajectory, which its index gives: nothing is kept of it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.experiment import Experiment
from geomreg_tui.gradients.layers import DrawnLayer, Layer
from geomreg_tui.gradients.observables import confusion
from geomreg_tui.gradients.observer import Observer, Pass, WholePass
from geomreg_tui.gradients.perceptron import PerceptronPass, gram
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.losses.slopes import slope_of_loss
from geomreg_tui.networks import MLP
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.shapes import LayerShape
from geomreg_tui.training.networks import Networks, Parameters
from geomreg_tui.training.plan import TrainingPlan
from geomreg_tui.training.subspace import Subspaces

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

__all__ = ["TrainingObserver"]

_NUMBERS = 2**24  # of the NTKs of a block: all of it is recorded in about a second


class TrainingObserver:
    """What observes the gradients of networks that are trained.

    Attributes:
        block: networks that are best recorded in one go.
    """

    def __init__(self, experiment: Experiment, plan: TrainingPlan, sampler: Sampler) -> None:
        """Make ready.

        Args:
            experiment: the resolved experiment.
            plan: says what is observed, and what is trained.
            sampler: the experiment made ready.

        Raises:
            ExperimentError: if that cannot be observed, or does not fit into memory.
        """
        asked = GradientPlan(plan.observe, 1, plan.pairs, method="direct")
        self._observer = Observer(experiment, asked, str(sampler.device), sampler=sampler)
        self._experiment, self._observe = experiment, plan.observe
        network = sampler.network
        readout = plan.train == "readout"
        self._shapes = tuple(network.shapes[-1:] if readout else network.shapes)
        self._perceptron = readout or isinstance(network, MLP)
        self.block = max(1, _NUMBERS // self._observer.columns**2)

    def observe(
        self,
        networks: Networks,
        parameters: Parameters,
        start: Parameters,
        inputs: Float[Tensor, "#networks training *input_shape"],
        targets: Float[Tensor, "1 outputs training"],
    ) -> NDArray[np.float64]:
        """Return the plan's measures of gradients, (networks, measures); NaN where a network has none.

        Args:
            networks: what is trained.
            parameters: of the networks, as they are now.
            start: the same, as it was at the start of their trajectories.
            inputs: of the training examples, (networks, N, *input_shape), or (1, ...) when shared by all.
            targets: as the loss sees them, (1, C, N).
        """
        found = []
        for place in range(len(parameters[0])):
            x = _alone(inputs, place if len(inputs) > 1 else 0)[0]
            one = networks.of(torch.tensor([place], device=x.device))
            now, then = (tuple(_alone(tensor, place) for tensor in each) for each in (parameters, start))
            first = self._run(one, then, x) if "ntk" in self._observe else None
            found.append(self._measures(self._run(one, now, x), first, targets))
        values: NDArray[np.float64] = torch.stack(found).cpu().numpy()
        values[~np.isfinite(values)] = math.nan
        return values

    def _measures(self, done: Pass, start: Pass | None, targets: Tensor) -> Float64[Tensor, " rows"]:
        """Return the measures of one network, in the order of the plan; no start without the NTK."""
        found: list[Tensor] = []
        if "confusion" in self._observe:
            slopes = slope_of_loss(self._experiment.loss, done.outputs, targets)
            seen = confusion(done.gram(slopes), self._observer.pairs)
            found += [seen.minimum, seen.mean]
        if start is not None:
            first = self._observer.ntk(start)
            moved = self._observer.ntk(done) - first
            found.append(moved.norm(dim=(1, 2)) / first.norm(dim=(1, 2)))
        return torch.cat(found)

    def _run(self, networks: Networks, parameters: Parameters, x: Tensor) -> Pass:
        """Run one network forward."""
        if isinstance(networks, Subspaces):
            return _SubspacePass(self._run_all(networks.weights(parameters), x), networks.frames)
        return self._run_all(parameters, x)

    def _run_all(self, parameters: Parameters, x: Tensor) -> WholePass:
        """Run one network forward whose parameters are all weights that are trained."""
        rest = iter(parameters)
        layers = [(next(rest), next(rest) if shape.bias else None) for shape in self._shapes]
        if not self._perceptron:
            return self._observer.run(layers, 1)
        each = iter(layers)

        def layer(shape: LayerShape, activations: Tensor) -> Layer:
            return DrawnLayer(*next(each), activations)

        return PerceptronPass(self._experiment, self._shapes, x, layer)


class _SubspacePass:
    """A forward pass of one network in a subspace of weight space, from which one goes back.

    Attributes:
        outputs: (1, C, N).
    """

    def __init__(self, whole: WholePass, frame: Float[Tensor, "1 rows rank"]) -> None:
        """Take a pass with all weights, and the R of the subspace, (1, P, D)."""
        self._whole, self._frame = whole, frame
        self.outputs = whole.outputs

    def gram(self, top: Float[Tensor, "1 outputs columns"]) -> Float64[Tensor, "1 columns columns"]:
        """Return the Gram matrix of gradients within the subspace, as :meth:`PerceptronPass.gram`."""
        return gram(self._whole.projections(top, self._frame))


def _alone(tensor: Tensor, place: int) -> Tensor:
    """Return one network of a tensor, (1, *size), where the sums of products begin as they always do."""
    return tensor[place : place + 1].clone(memory_format=torch.contiguous_format)
