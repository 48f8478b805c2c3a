"""Laws with independent entries (or columns) that are not rotation invariant: drawn weight by weight."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from geomreg_tui.inits.base import InitLaw, Stream
from geomreg_tui.lazy import torch
from geomreg_tui.shapes import LayerShape, fan_std

if TYPE_CHECKING:
    from jaxtyping import Float, Float64

__all__ = [
    "Binary",
    "Independent",
    "Laplace",
    "Sparse",
    "StudentT",
    "TorchDefault",
    "TruncatedNormal",
    "Uniform",
]


class Independent(InitLaw):
    """Every weight is ``scale(layer)`` times a draw from one standard law,
    and every bias ``offset_scale(layer)`` times.
    """

    @abstractmethod
    def standard(self, stream: Stream, *size: int) -> torch.Tensor:
        """Draw from the standard law."""

    @abstractmethod
    def standard_moment(self) -> float:
        """Return the second moment of the standard law."""

    def scale(self, shape: LayerShape) -> float:
        """Return the factor on the weights of a layer."""
        return self.gain

    def offset_scale(self, shape: LayerShape) -> float:
        """Return the factor on the biases of a layer."""
        return self.bias_scale

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
        drawn = self.standard(stream, batch, shape.n_out, shape.n_in).mul_(self.scale(shape))
        if not shape.bias:
            return drawn, None
        return drawn, self.standard(stream, batch, shape.n_out).mul_(self.offset_scale(shape))

    def weight_moment(self, shape: LayerShape) -> float:
        """Return E[w**2]."""
        return self.scale(shape) ** 2 * self.standard_moment()

    def bias_moment(self, shape: LayerShape) -> float:
        """Return E[b**2]."""
        return self.offset_scale(shape) ** 2 * self.standard_moment()


class Uniform(Independent):
    """U[-a, a]: a = gain, or the bound that gives a fan-scaled family its variance, sqrt(3) std, times gain.

    The biases are U[-bias_scale, bias_scale]. Source: ``torch.nn.init.uniform_``, ``kaiming_uniform_``,
    ``xavier_uniform_``.
    """

    def __init__(
        self, shapes: Sequence[LayerShape], gain: float, bias_scale: float, family: str | None = None
    ) -> None:
        super().__init__(shapes, gain, bias_scale)
        self._family = family

    def standard(self, stream: Stream, *size: int) -> torch.Tensor:
        """Draw U[-1, 1)."""
        return stream.uniform(*size)

    def standard_moment(self) -> float:
        """Return 1/3."""
        return 1 / 3

    def support(self) -> tuple[str, float] | None:
        """Return the side of the cube whose volume the box of all weights and biases has."""
        sides: list[tuple[int, float]] = []
        for shape in self.shapes:
            sides.append((shape.n_out * shape.n_in, 2 * self.scale(shape)))
            if shape.bias:
                sides.append((shape.n_out, 2 * self.offset_scale(shape)))
        if any(side == 0 for _, side in sides):
            return None
        total = sum(count for count, _ in sides)
        return "box", math.exp(math.fsum(count * math.log(side) for count, side in sides) / total)

    def scale(self, shape: LayerShape) -> float:
        """Return the half-width for a layer's weights."""
        return self.gain * (math.sqrt(3) * fan_std(self._family, shape) if self._family else 1.0)


class TorchDefault(Uniform):
    """The law of ``nn.Linear`` and ``nn.Conv2d``: U[-1/sqrt(fan_in), 1/sqrt(fan_in)].

    The gain multiplies the weights, bias_scale the biases. Source: ``reset_parameters`` in
    torch/nn/modules/linear.py and conv.py (``kaiming_uniform_`` with a = sqrt(5)).
    """

    def scale(self, shape: LayerShape) -> float:
        """Return gain / sqrt(fan_in)."""
        return self.gain / math.sqrt(shape.fan_in)

    def offset_scale(self, shape: LayerShape) -> float:
        """Return bias_scale / sqrt(fan_in)."""
        return self.bias_scale / math.sqrt(shape.fan_in)


class TruncatedNormal(Independent):
    """A normal cut at two standard deviations, widened so that its variance is the family's.

    Source: ``keras.initializers.VarianceScaling(distribution="truncated_normal")``, which Keras calls
    he_normal, glorot_normal and lecun_normal. Biases follow the same law with variance bias_scale**2.
    """

    _CUT = math.erf(2 / math.sqrt(2))
    # Standard deviation of a standard normal cut at +-2; Keras rounds it to .87962566103423978.
    _STD = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / _CUT)

    def __init__(self, shapes: Sequence[LayerShape], gain: float, bias_scale: float, family: str) -> None:
        super().__init__(shapes, gain, bias_scale)
        self._family = family

    def standard(self, stream: Stream, *size: int) -> torch.Tensor:
        """Draw the cut normal, scaled to variance 1, by inversion."""
        return stream.uniform(*size, bound=self._CUT).erfinv_().mul_(math.sqrt(2) / self._STD)

    def standard_moment(self) -> float:
        """Return 1."""
        return 1.0

    def scale(self, shape: LayerShape) -> float:
        """Return the standard deviation of a layer's weights."""
        return self.gain * fan_std(self._family, shape)


class Laplace(Independent):
    """Density exp(-|w| / gain) / (2 gain); biases with scale bias_scale. Variance 2 gain**2."""

    def standard(self, stream: Stream, *size: int) -> torch.Tensor:
        """Draw an exponential number with a random sign."""
        return stream.laplace(*size)

    def standard_moment(self) -> float:
        """Return 2."""
        return 2.0


class StudentT(Independent):
    """gain times Student's t with ``dof`` degrees of freedom: heavy tails, infinite variance for dof <= 2."""

    def __init__(self, shapes: Sequence[LayerShape], gain: float, bias_scale: float, dof: float) -> None:
        super().__init__(shapes, gain, bias_scale)
        self._dof = dof

    def standard(self, stream: Stream, *size: int) -> torch.Tensor:
        """Draw Student's t."""
        return stream.student_t(*size, dof=self._dof)

    def standard_moment(self) -> float:
        """Return dof / (dof - 2), or infinity."""
        return self._dof / (self._dof - 2) if self._dof > 2 else math.inf


class Binary(Independent):
    """-gain or +gain with equal probability; biases -bias_scale or +bias_scale."""

    def standard(self, stream: Stream, *size: int) -> torch.Tensor:
        """Draw -1 or +1."""
        return stream.signs(*size)

    def standard_moment(self) -> float:
        """Return 1."""
        return 1.0


class Sparse(Independent):
    """N(0, gain**2), with the share ``sparsity`` of the entries of each column, rounded up, set to 0.

    Biases are N(0, bias_scale**2), none of them set to 0. Source: Martens 2010; ``torch.nn.init.sparse_``
    with std = gain.
    """

    def __init__(self, shapes: Sequence[LayerShape], gain: float, bias_scale: float, sparsity: float) -> None:
        super().__init__(shapes, gain, bias_scale)
        self._sparsity = sparsity

    def standard(self, stream: Stream, *size: int) -> torch.Tensor:
        """Draw standard normals; a matrix has its zeros put in."""
        drawn = stream.normal(*size)
        zeros = self._zeros(size[1]) if len(size) == 3 else 0
        if zeros:
            drawn.scatter_(1, stream.unit(*size).argsort(dim=1)[:, :zeros], 0.0)
        return drawn

    def standard_moment(self) -> float:
        """Return 1, the second moment of an entry that is not set to 0."""
        return 1.0

    def weight_moment(self, shape: LayerShape) -> float:
        """Return E[w**2] over the entries of a column."""
        return self.gain**2 * (1 - self._zeros(shape.n_out) / shape.n_out)

    def _zeros(self, rows: int) -> int:
        return math.ceil(self._sparsity * rows)
