"""What an init law is: it draws the layers of a batch of networks, and knows its own second moments."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from geomreg_tui.lazy import torch
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Float, Float64, Num

__all__ = ["InitLaw", "Stream"]


class Stream:
    """A source of random numbers, and the kind of tensor they fill.

    Every tensor that it returns is the caller's own.
    """

    def __init__(self, generator: torch.Generator, device: torch.device, dtype: torch.dtype) -> None:
        self.generator = generator
        self.device = device
        self.dtype = dtype

    def empty(self, *size: int) -> torch.Tensor:
        """Return an uninitialised tensor."""
        return torch.empty(size, dtype=self.dtype, device=self.device)

    def normal(self, *size: int, std: float = 1.0) -> torch.Tensor:
        """Return independent N(0, std**2) numbers."""
        return self.empty(*size).normal_(0.0, std, generator=self.generator)

    def uniform(self, *size: int, bound: float = 1.0) -> torch.Tensor:
        """Return independent numbers, uniform on [-bound, bound)."""
        return self.empty(*size).uniform_(-bound, bound, generator=self.generator)

    def signs(self, *size: int) -> torch.Tensor:
        """Return independent -1 and +1, equally likely."""
        return self.empty(*size).bernoulli_(0.5, generator=self.generator).mul_(2).sub_(1)

    def unit(self, *size: int) -> Float64[torch.Tensor, " ..."]:
        """Return independent numbers, uniform on [0, 1), as float64."""
        return torch.rand(size, dtype=torch.float64, device=self.device, generator=self.generator)

    def laplace(self, *size: int) -> torch.Tensor:
        """Return independent numbers of density exp(-|x|) / 2."""
        return self.empty(*size).exponential_(generator=self.generator).mul_(self.signs(*size))

    def student_t(self, *size: int, dof: float) -> torch.Tensor:
        """Return independent numbers of Student's t law."""
        shape = torch.full(size, dof / 2, dtype=torch.float64, device=self.device)
        ratio = torch._standard_gamma(shape, generator=self.generator).mul_(2 / dof).rsqrt_()
        return self.normal(*size).mul_(ratio.to(self.dtype))

    def chi_square(self, freedom: Num[torch.Tensor, "*size"]) -> Float64[torch.Tensor, "*size"]:
        """Return independent chi-square numbers, one for each degree of freedom in ``freedom`` (0 gives 0).

        They are float64 whatever the stream's format: their small values matter in products of many.
        """
        shape = freedom.to(torch.float64) / 2
        drawn = torch._standard_gamma(shape.clamp_min(0.5), generator=self.generator).mul_(2)
        return torch.where(freedom > 0, drawn, 0.0)


class InitLaw(ABC):
    """A distribution over the weights and biases of a network.

    Attributes:
        rotation_invariant: whether W and W Q have one law for every orthogonal Q. Such a law can also
            draw W restricted to a subspace (see ``RotationInvariant``).
    """

    rotation_invariant: bool = False

    def __init__(self, shapes: Sequence[LayerShape], gain: float, bias_scale: float) -> None:
        self.shapes = tuple(shapes)
        self.gain = gain
        self.bias_scale = bias_scale

    def begin(self, batch: int, stream: Stream) -> Float64[torch.Tensor, "{batch} layers"] | None:
        """Return random factors that layers share, (batch, layers); None where layers are independent."""
        return None

    @abstractmethod
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
        """Draw a layer.

        Returns:
            Weights (batch, n_out, n_in), and biases (batch, n_out) or None for a layer without.
        """

    @abstractmethod
    def weight_moment(self, shape: LayerShape) -> float:
        """Return E[w**2] of one weight; infinite where the law has no variance."""

    @abstractmethod
    def bias_moment(self, shape: LayerShape) -> float:
        """Return E[b**2] of one bias."""

    def support(self) -> tuple[str, float] | None:
        """Return ("box", side) or ("ball", radius) of the region that the law is uniform on, or None.

        Where coordinates differ in extent, that of the cube or ball of equal volume.
        """
        return None

    def radius(self) -> float:
        """Return sqrt(E ||theta||**2) over all weights and biases."""
        squares = (
            shape.n_out * (shape.n_in * self.weight_moment(shape) + shape.bias * self.bias_moment(shape))
            for shape in self.shapes
        )
        return math.sqrt(math.fsum(squares))
