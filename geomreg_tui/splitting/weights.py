"""Weights of networks of low loss, drawn whole where a population has coordinates of a part of them only.

Of a layer that is reduced a population has the block G = W Q, with Q an orthonormal basis of the span of its
inputs. The rest of W is independent of G and of the loss, and normal, so W = G Q^T + Xi (I - Q Q^T) is an
exact draw of the weights of a network of that loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from geomreg_tui.gradients.layers import DrawnLayer
from geomreg_tui.inits import Stream
from geomreg_tui.networks import apply_matrix
from geomreg_tui.sampling.roots import augment
from geomreg_tui.shapes import LayerShape, parameter_count
from geomreg_tui.splitting.latent import Latent, LatentStream
from geomreg_tui.splitting.spaces import ReducedSpace, Space

if TYPE_CHECKING:
    from jaxtyping import Float64

__all__ = ["WeightSizes", "WholeLayers", "orthonormal_basis", "scaled_weights", "weight_sizes"]

_NUMBERS = 2**23  # weights that are held at once
_Layers = Sequence[tuple[Tensor, Tensor | None]]


class WeightSizes(NamedTuple):
    """How large the weights of networks are, all weights and biases counted.

    Attributes:
        norm: ||theta||, (networks,).
        distance: ||theta - theta_0|| from a theta_0 that is drawn from the init law for each network, apart
            from it, (networks,).
    """

    norm: Float64[Tensor, " networks"]
    distance: Float64[Tensor, " networks"]


class WholeLayers:
    """The layers of networks made from reduced normals, whose weights are completed.

    Attributes:
        parameters: weights (batch, n_out, n_in) and biases (batch, n_out) or None, of each layer so far.
    """

    parameters: list[tuple[Tensor, Tensor | None]]

    def __init__(self, space: ReducedSpace, normals: Float64[Tensor, "batch D"], stream: Stream) -> None:
        self.batch = len(normals)
        self.parameters = []
        self._space, self._normals, self._stream = space, normals, stream

    def weights(self, shape: LayerShape) -> tuple[Tensor, Tensor | None]:
        """Refuse: nothing asks for weights by themselves."""
        raise NotImplementedError("reduced normals are asked for pre-activations")

    def linear(self, shape: LayerShape, activations: Tensor) -> Tensor:
        """Return pre-activations (batch, n_out, columns) of activations (batch or 1, n_in, columns)."""
        space = self._space
        block = space.block(shape, self._normals)
        if not space.reduced(shape):
            self.parameters.append(scaled_weights(space, shape, block))
            return DrawnLayer(*self.parameters[-1], activations).z
        root = space.root(shape, activations)
        basis = orthonormal_basis(augment(activations, *space.law.row_scales(shape)))
        fresh = self._stream.normal(self.batch, shape.n_out, basis.shape[1])
        whole = fresh + (block - fresh @ basis) @ basis.mT
        self.parameters.append(scaled_weights(space, shape, whole))
        return apply_matrix(block, root)


def weight_sizes(space: Space, latent: Latent, generator: torch.Generator) -> WeightSizes | None:
    """Return how large the weights of networks are; None where the coordinates are not those of weights.

    That is so where a layer is projected whose law is not Gaussian: orthogonal weights, spheres and balls,
    whose norm their law gives whatever the loss, or nearly so.

    Args:
        space: where the networks are.
        latent: the networks, (networks, D).
        generator: random numbers, for what is not decided of the weights, and for each theta_0.
    """
    if not isinstance(space, ReducedSpace) and space.sampler.facts.experiment.sampler != "direct":
        return None
    shapes, law, device = space.sampler.network.shapes, space.sampler.law, space.sampler.device
    stream = Stream(generator, device, torch.float64)
    step = max(1, _NUMBERS // parameter_count(shapes))
    norms, distances = [], []
    for some in zip(*(torch.split(part, step) for part in latent), strict=True):
        members = Latent(*some)
        count = len(members.normals)
        layers = _layers_of(space, members, stream)
        shared = law.begin(count, stream)
        start = [law.weights(shape, count, stream, shared) for shape in shapes]
        norms.append(_squared_norm(layers).sqrt())
        moves = [
            (weights - first, None if biases is None or shift is None else biases - shift)
            for (weights, biases), (first, shift) in zip(layers, start, strict=True)
        ]
        distances.append(_squared_norm(moves).sqrt())
    return WeightSizes(torch.cat(norms), torch.cat(distances))


def _layers_of(space: Space, members: Latent, stream: Stream) -> _Layers:
    """Return weights and biases of networks, layer by layer."""
    sampler = space.sampler
    if isinstance(space, ReducedSpace):
        layers = WholeLayers(space, members.normals, stream)
        sampler.network.forward(sampler.x[: space.examples], layers)
        return layers.parameters
    images, count = LatentStream(members), len(members.normals)
    shared = sampler.law.begin(count, images)
    return [sampler.law.weights(shape, count, images, shared) for shape in sampler.network.shapes]


def _squared_norm(layers: _Layers) -> Float64[Tensor, " networks"]:
    parts = [part for layer in layers for part in layer if part is not None]
    return torch.stack([part.flatten(1).to(torch.float64).square().sum(dim=1) for part in parts]).sum(dim=0)


def scaled_weights(space: ReducedSpace, shape: LayerShape, normals: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return weights and biases from normals in units of their standard deviations, (batch, n_out, rows)."""
    scale, offset = space.law.row_scales(shape)
    return normals[..., : shape.n_in] * scale, normals[..., -1] * offset if shape.bias else None


def orthonormal_basis(columns: Float64[Tensor, "batch rows columns"]) -> Float64[Tensor, "batch rows rank"]:
    """Return the orthonormal Q of A = Q R with an R whose diagonal is not negative."""
    basis, root = torch.linalg.qr(columns)
    signs = torch.where(root.diagonal(dim1=1, dim2=2) < 0, -1.0, 1.0).to(root.dtype)
    turned: Tensor = basis * signs.unsqueeze(1)
    return turned
