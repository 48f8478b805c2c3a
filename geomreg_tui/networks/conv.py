"""The convolutional network: stride 1, zero padding that keeps the image size, pooling, linear readout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor
from torch.nn import functional

from geomreg_tui.experiment import Experiment
from geomreg_tui.networks.activations import activation
from geomreg_tui.networks.base import LayerSource, Network, normalize_units
from geomreg_tui.shapes import LayerShape, pools

if TYPE_CHECKING:
    from jaxtyping import Float

__all__ = ["ConvNet"]


class ConvNet(Network):
    """Each block convolves, normalises if asked to, applies the nonlinearity and pools 2x2 while it fits.

    A convolution is its weight matrix (channels, n_in) times the matrix of image patches, so every way
    of drawing a linear layer serves convolutions as well.
    """

    def __init__(self, experiment: Experiment, shapes: tuple[LayerShape, ...]) -> None:
        self.shapes = shapes
        self._experiment = experiment
        self._activation = activation(experiment.activation)

    def forward(
        self, x: Float[Tensor, "examples channels height width"], layers: LayerSource
    ) -> Float[Tensor, "batch outputs examples"]:
        """Return outputs (batch, outputs, examples) for x of shape (examples, channels, height, width)."""
        images = x.transpose(0, 1).unsqueeze(0)  # (1 or batch, channels, examples, height, width)
        for shape in self.shapes[:-1]:
            images = self._block(shape, images, layers)
        features = images.movedim(2, 4).flatten(1, 3)
        return layers.linear(self.shapes[-1], features)

    def _block(
        self,
        shape: LayerShape,
        images: Float[Tensor, "#batch channels examples height width"],
        layers: LayerSource,
    ) -> Float[Tensor, "{layers.batch} {shape.n_out} examples height_after width_after"]:
        """Return images after one convolution and what follows it."""
        examples, height, width = images.shape[2:]
        z = layers.linear(shape, _patches(images, self._experiment.kernel))
        z = z.view(layers.batch, shape.n_out, examples, height, width)
        if self._experiment.layer_norm:
            z = normalize_units(z, (1, 3, 4))
        z = self._activation(z)
        if self._experiment.residual and images.shape[1] == shape.n_out:
            z = z + images
        if not pools(self._experiment, height, width):
            return z
        pool = functional.avg_pool2d if self._experiment.pooling == "avg" else functional.max_pool2d
        pooled = pool(z.flatten(1, 2), 2)
        return pooled.view(layers.batch, shape.n_out, examples, height // 2, width // 2)


def _patches(
    images: Float[Tensor, "batch channels examples height width"], kernel: int
) -> Float[Tensor, "batch channels*{kernel}**2 examples*height*width"]:
    """Return the patches around every pixel, (batch, channels * kernel**2, examples * height * width)."""
    padded = functional.pad(images, (kernel // 2,) * 4)
    windows = padded.unfold(3, kernel, 1).unfold(4, kernel, 1)
    return windows.permute(0, 1, 5, 6, 2, 3, 4).flatten(1, 3).flatten(2)
