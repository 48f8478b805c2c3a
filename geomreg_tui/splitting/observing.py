"""Gradients of networks of low loss, from the coordinates that a population has of them.

Coordinates are whole weights, or, of a layer that is reduced, those of W on the span of its inputs A: the
block G = W Q with Q R = A. That decides the way forward, and so the loss. On the complement of Q the weights
are independent of G and of the loss, and normal, however low the loss is. So the way back is exact as
:mod:`geomreg_tui.gradients.layers` has it: W^T D = Q G^T D + (I - Q Q^T) Xi S, S^T S = D^T D. For a
convolution, whose inputs overlap, W is drawn whole (:mod:`geomreg_tui.splitting.weights`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.gradients.layers import DrawnLayer, Layer, ProjectedLayer
from geomreg_tui.gradients.observer import Observer, Pass
from geomreg_tui.gradients.plan import GradientPlan
from geomreg_tui.inits import Stream
from geomreg_tui.networks import MLP
from geomreg_tui.sampling.roots import augment
from geomreg_tui.shapes import LayerShape
from geomreg_tui.splitting.latent import Latent, LatentStream
from geomreg_tui.splitting.plan import TailPlan
from geomreg_tui.splitting.resolution import log_resolution
from geomreg_tui.splitting.spaces import ReducedSpace, Space
from geomreg_tui.splitting.weights import WholeLayers, orthonormal_basis, scaled_weights

if TYPE_CHECKING:
    from jaxtyping import Float64

__all__ = ["TailObserver"]

_MEMBERS = 64  # of a population, at most, that are observed at a loss
_OF_RESIDUALS = ("confusion_min", "confusion_mean", "confusion_negative", "gradient_norm")


class TailObserver:
    """What observes networks of a space.

    Attributes:
        names: the observables, in the order of their rows.
        members: of a population, that are observed at a loss.
    """

    def __init__(self, space: Space, plan: TailPlan) -> None:
        """Make ready.

        Args:
            space: where the networks are.
            plan: says what is observed of them.

        Raises:
            ExperimentError: if that cannot be observed.
        """
        sampler = space.sampler
        experiment = sampler.facts.experiment
        if not isinstance(space, ReducedSpace) and experiment.sampler != "direct":
            got = f"gradients down a tail with init {experiment.init} and sampler {experiment.sampler}"
            rule = "that needs the weights; allowed is sampler direct"
            raise ExperimentError([Problem("observe", got, rule)])
        # A sample of low loss may have no more than half of a population.
        self.members = min(_MEMBERS, plan.population // 2)
        asked = GradientPlan(plan.observe, self.members, plan.pairs, method="direct")
        self.names = asked.observables
        self._space = space
        self._observer = Observer(experiment, asked, str(sampler.device), sampler=sampler)

    def observe(self, latent: Latent, log_loss: float, generator: torch.Generator) -> NDArray[np.float64]:
        """Return the observables of some of the networks, (names, members); NaN where one has none.

        Those of residuals are NaN where residuals are rounding, below a loss that is measured on the
        networks.

        Args:
            latent: a fair sample of networks of at most a loss, at least ``members`` of them.
            log_loss: natural logarithm of that loss.
            generator: random numbers.
        """
        count, device = len(latent.normals), self._space.sampler.device
        chosen = torch.randperm(count, device=device, generator=generator)[: self.members]
        members = Latent(*(part[chosen] for part in latent))
        rounded = log_resolution(self._space, members, log_loss, generator)
        batch = self._observer.arrangement.batch
        parts = []
        for some in zip(*(torch.split(part, batch) for part in members), strict=True):
            seen = self._observer.observed(self._forward(Latent(*some), generator))
            parts.append(torch.stack([seen.values[name] for name in self.names]))
        values: NDArray[np.float64] = torch.cat(parts, dim=1).cpu().numpy()
        values[~np.isfinite(values)] = math.nan
        if rounded is not None and log_loss < rounded:
            values[[name in _OF_RESIDUALS for name in self.names]] = math.nan
        return values + 0.0

    def _forward(self, members: Latent, generator: torch.Generator) -> Pass:
        """Run networks forward, from where their gradients can be had."""
        space, count = self._space, len(members.normals)
        if not isinstance(space, ReducedSpace):
            return self._observer.draw(count, LatentStream(members))
        stream = Stream(generator, space.sampler.device, torch.float64)
        if isinstance(space.sampler.network, MLP):
            return self._observer.run_layers(_ReducedMLP(space, members.normals, stream).layer)
        layers = WholeLayers(space, members.normals, stream)
        outputs = space.sampler.network.forward(space.sampler.x[: space.examples], layers)
        done = self._observer.run(layers.parameters, count)
        done.outputs = outputs  # to the digits that the loss has
        return done


class _ReducedMLP:
    """Perceptrons made from reduced normals, layer by layer."""

    def __init__(self, space: ReducedSpace, normals: Float64[Tensor, "batch D"], stream: Stream) -> None:
        self._space, self._normals, self._stream = space, normals, stream

    def layer(self, shape: LayerShape, activations: Float64[Tensor, "#batch n_in N"]) -> Layer:
        """Return a layer, applied to activations (batch or 1, n_in, N)."""
        space = self._space
        block = space.block(shape, self._normals)
        if not space.reduced(shape):
            return DrawnLayer(*scaled_weights(space, shape, block), activations)
        scale, offset = space.law.row_scales(shape)
        basis = orthonormal_basis(augment(activations, scale, offset))
        return ProjectedLayer(shape, scale, basis, space.root(shape, activations), block, self._stream)
