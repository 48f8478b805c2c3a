"""Rotation-invariant laws: they can also draw W restricted to a subspace, at the cost of that subspace.

For an orthonormal basis U (n_in, rank) of any subspace, W U has a law that does not depend on U. So
where activations A = U R span few dimensions, the pre-activations W A = (W U) R need n_out * rank
random numbers instead of n_out * n_in, and nothing is approximated.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from geomreg_tui.inits.base import InitLaw, Stream
from geomreg_tui.lazy import torch
from geomreg_tui.shapes import LayerShape, fan_std

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

__all__ = ["Gaussian", "Orthogonal", "RotationInvariant", "Sphere"]


class RotationInvariant(InitLaw):
    """A law that is invariant under rotations of a layer's input.

    The *augmented* input of a layer is its input times ``row_scales[0]`` and, where the law draws biases
    like weights, one more entry ``row_scales[1]``. Blocks multiply augmented inputs.
    """

    rotation_invariant = True

    @abstractmethod
    def row_scales(self, shape: LayerShape) -> tuple[float, float]:
        """Return the factor on inputs, and the constant input whose weights are the biases (0: none)."""

    @abstractmethod
    def block(
        self,
        shape: LayerShape,
        rank: int,
        batch: int,
        stream: Stream,
        shared: Float64[torch.Tensor, "{batch} layers"] | None,
    ) -> Float[torch.Tensor, "{batch} {shape.n_out} {rank}"]:
        """Draw W U for augmented inputs and any orthonormal U of ``rank`` columns: (batch, n_out, rank)."""

    @abstractmethod
    def undrawn(self, shape: LayerShape) -> int | None:
        """Return how many normals complete a block of rank 1 to what is normalised; None if nothing is."""

    def loose_bias(
        self, shape: LayerShape, batch: int, stream: Stream
    ) -> Float[torch.Tensor, "{batch} {shape.n_out}"] | None:
        """Draw biases (batch, n_out) that are independent of the weights; None where blocks cover them."""
        return None

    def layer_scale(
        self, shape: LayerShape, shared: Float64[torch.Tensor, "batch layers"] | None
    ) -> Float64[torch.Tensor, " batch"] | float:
        """Return the factor on the blocks of a layer: a number, or one for each network, (batch,)."""
        return 1.0


class Gaussian(RotationInvariant):
    """N(0, std**2) weights, std = gain (times the fan-scaled family's); N(0, bias_scale**2) biases.

    Source: ``torch.nn.init.normal_``, ``kaiming_normal_`` (He), ``xavier_normal_`` (Glorot).
    """

    def __init__(
        self, shapes: Sequence[LayerShape], gain: float, bias_scale: float, family: str | None = None
    ) -> None:
        super().__init__(shapes, gain, bias_scale)
        self._family = family

    def row_scales(self, shape: LayerShape) -> tuple[float, float]:
        """Return the standard deviations of weights and of biases."""
        return self._std(shape), self.bias_scale if shape.bias else 0.0

    def block(
        self,
        shape: LayerShape,
        rank: int,
        batch: int,
        stream: Stream,
        shared: Float64[torch.Tensor, "{batch} layers"] | None,
    ) -> Float[torch.Tensor, "{batch} {shape.n_out} {rank}"]:
        """Draw standard normals (batch, n_out, rank)."""
        return stream.normal(batch, shape.n_out, rank)

    def undrawn(self, shape: LayerShape) -> int | None:
        """Return None: nothing is normalised."""
        return None

    def weights(
        self,
        shape: LayerShape,
        batch: int,
        stream: Stream,
        shared: Float64[torch.Tensor, "{batch} layers"] | None,
    ) -> tuple[
        Float[torch.Tensor, "{batch} {shape.n_out} {shape.n_in}"],
        Float[torch.Tensor, "{batch} {shape.n_out}"] | None,
    ]:
        """Draw weights (batch, n_out, n_in), and biases (batch, n_out) where the layer has them."""
        drawn = stream.normal(batch, shape.n_out, shape.n_in, std=self._std(shape))
        return drawn, stream.normal(batch, shape.n_out, std=self.bias_scale) if shape.bias else None

    def weight_moment(self, shape: LayerShape) -> float:
        """Return the variance of a weight."""
        return self._std(shape) ** 2

    def bias_moment(self, shape: LayerShape) -> float:
        """Return bias_scale**2."""
        return self.bias_scale**2

    def _std(self, shape: LayerShape) -> float:
        return self.gain * (fan_std(self._family, shape) if self._family else 1.0)


class Orthogonal(RotationInvariant):
    """gain times a Haar-distributed matrix with orthonormal rows or columns, whichever are fewer.

    Biases are N(0, bias_scale**2). Source: Saxe et al. 2014; ``torch.nn.init.orthogonal_``.

    With m = max(n_out, n_in), W U is the first n_out rows of ``rank`` columns of a Haar matrix of order m.
    Those columns are G T^-1 for a normal matrix G (m, rank) with Cholesky factor T of G^T G; rows of G
    beyond n_out enter through G^T G only, whose law is Wishart, drawn by Bartlett's decomposition.
    """

    def row_scales(self, shape: LayerShape) -> tuple[float, float]:
        """Return gain; biases are drawn apart."""
        return self.gain, 0.0

    def block(
        self,
        shape: LayerShape,
        rank: int,
        batch: int,
        stream: Stream,
        shared: Float64[torch.Tensor, "{batch} layers"] | None,
    ) -> Float[torch.Tensor, "{batch} {shape.n_out} {rank}"]:
        """Draw a block of a Haar matrix, (batch, n_out, rank)."""
        head = stream.normal(batch, shape.n_out, rank)
        exact = head.to(torch.float64)
        gram = exact.mT @ exact
        rest = self._order(shape) - shape.n_out
        if rest:
            factor = _wishart_factor(rest, rank, batch, stream)
            gram += factor.mT @ factor
        upper = torch.linalg.cholesky(gram, upper=True)
        block: torch.Tensor = torch.linalg.solve_triangular(upper, exact, upper=True, left=False)
        return block.to(stream.dtype)

    def undrawn(self, shape: LayerShape) -> int | None:
        """Return the entries of a Haar column that lie beyond n_out."""
        return self._order(shape) - shape.n_out

    def loose_bias(
        self, shape: LayerShape, batch: int, stream: Stream
    ) -> Float[torch.Tensor, "{batch} {shape.n_out}"] | None:
        """Draw N(0, bias_scale**2) biases (batch, n_out)."""
        return stream.normal(batch, shape.n_out, std=self.bias_scale) if shape.bias else None

    def weights(
        self,
        shape: LayerShape,
        batch: int,
        stream: Stream,
        shared: Float64[torch.Tensor, "{batch} layers"] | None,
    ) -> tuple[
        Float[torch.Tensor, "{batch} {shape.n_out} {shape.n_in}"],
        Float[torch.Tensor, "{batch} {shape.n_out}"] | None,
    ]:
        """Draw weights (batch, n_out, n_in), and biases (batch, n_out) where the layer has them."""
        if shape.n_out >= shape.n_in:
            drawn = self.block(shape, shape.n_in, batch, stream, shared)
        else:
            turned = LayerShape(shape.index, shape.n_in, shape.n_out, shape.fan_in, shape.fan_out, shape.bias)
            drawn = self.block(turned, shape.n_out, batch, stream, shared).mT.contiguous()
        return drawn.mul_(self.gain), self.loose_bias(shape, batch, stream)

    def weight_moment(self, shape: LayerShape) -> float:
        """Return gain**2 / max(n_out, n_in)."""
        return self.gain**2 / self._order(shape)

    def bias_moment(self, shape: LayerShape) -> float:
        """Return bias_scale**2."""
        return self.bias_scale**2

    @staticmethod
    def _order(shape: LayerShape) -> int:
        return max(shape.n_out, shape.n_in)


class Sphere(RotationInvariant):
    """Uniform on the sphere of radius gain in the space of all P weights and biases, or in the ball.

    The coordinates that are biases are then multiplied by bias_scale. The squared radii of the layers
    are gain**2 times Dirichlet(P_l / 2), and each layer is uniform on its own sphere: normals over their
    norm, to which the undrawn dimensions add a chi-square. The ball's radius is gain * U**(1/P).
    Source: Muller 1959; Voelker et al. 2017.
    """

    def __init__(
        self, shapes: Sequence[LayerShape], gain: float, bias_scale: float, ball: bool = False
    ) -> None:
        super().__init__(shapes, gain, bias_scale)
        self._ball = ball
        self._dimension = sum(shape.parameters for shape in self.shapes)

    def begin(self, batch: int, stream: Stream) -> Float64[torch.Tensor, "{batch} layers"]:
        """Draw the radius of each layer, float64 (batch, layers)."""
        sizes = torch.tensor(
            [float(s.parameters) for s in self.shapes], dtype=torch.float64, device=stream.device
        )
        squares = stream.chi_square(sizes.expand(batch, -1).contiguous())
        radii = (squares / squares.sum(dim=1, keepdim=True)).sqrt_().mul_(self.gain)
        if self._ball:
            radii *= stream.unit(batch, 1).pow_(1 / self._dimension)
        return radii

    def support(self) -> tuple[str, float] | None:
        """Return the radius of the ball whose volume the ball has, its biases stretched by bias_scale."""
        biases = sum(shape.n_out * shape.bias for shape in self.shapes)
        radius = self.gain * self.bias_scale ** (biases / self._dimension)
        return ("ball", radius) if self._ball and radius > 0 else None

    def row_scales(self, shape: LayerShape) -> tuple[float, float]:
        """Return 1, and the factor on biases."""
        return 1.0, self.bias_scale if shape.bias else 0.0

    def layer_scale(
        self, shape: LayerShape, shared: Float64[torch.Tensor, "batch layers"] | None
    ) -> Float64[torch.Tensor, " batch"] | float:
        """Return the radius of a layer in each network, (batch,)."""
        return 1.0 if shared is None else shared[:, shape.index]

    def block(
        self,
        shape: LayerShape,
        rank: int,
        batch: int,
        stream: Stream,
        shared: Float64[torch.Tensor, "{batch} layers"] | None,
    ) -> Float[torch.Tensor, "{batch} {shape.n_out} {rank}"]:
        """Draw a projection of a layer that is uniform on its sphere, (batch, n_out, rank)."""
        drawn = stream.normal(batch, shape.n_out, rank)
        square = torch.linalg.vector_norm(drawn, dim=(1, 2), dtype=torch.float64).square_()
        rest = shape.parameters - shape.n_out * rank
        square += stream.chi_square(torch.full_like(square, rest))
        scale = square.rsqrt_() * self.layer_scale(shape, shared)
        return drawn.mul_(scale.to(stream.dtype).view(batch, 1, 1))

    def undrawn(self, shape: LayerShape) -> int | None:
        """Return the dimensions of the layer beyond one column."""
        return shape.parameters - shape.n_out

    def weights(
        self,
        shape: LayerShape,
        batch: int,
        stream: Stream,
        shared: Float64[torch.Tensor, "{batch} layers"] | None,
    ) -> tuple[
        Float[torch.Tensor, "{batch} {shape.n_out} {shape.n_in}"],
        Float[torch.Tensor, "{batch} {shape.n_out}"] | None,
    ]:
        """Draw weights (batch, n_out, n_in), and biases (batch, n_out) where the layer has them."""
        drawn = self.block(shape, shape.n_in + shape.bias, batch, stream, shared)
        if not shape.bias:
            return drawn, None
        return drawn[..., :-1].contiguous(), drawn[..., -1] * self.bias_scale

    def weight_moment(self, shape: LayerShape) -> float:
        """Return the mean square of one coordinate."""
        shrink = self._dimension / (self._dimension + 2) if self._ball else 1.0
        return self.gain**2 * shrink / self._dimension

    def bias_moment(self, shape: LayerShape) -> float:
        """Return the mean square of one bias."""
        return self.weight_moment(shape) * self.bias_scale**2


def _wishart_factor(
    freedom: int, size: int, batch: int, stream: Stream
) -> Float64[torch.Tensor, "{batch} rows {size}"]:
    """Draw T, float64, with T^T T ~ Wishart(freedom, I): normals, or Bartlett's triangle if smaller."""
    if freedom < size:
        return stream.normal(batch, freedom, size).to(torch.float64)
    upper = stream.normal(batch, size, size).to(torch.float64).triu_(1)
    steps = torch.arange(freedom, freedom - size, -1, dtype=torch.float64, device=stream.device)
    diagonal = stream.chi_square(steps.expand(batch, -1).contiguous()).sqrt_()
    return upper + torch.diag_embed(diagonal)
