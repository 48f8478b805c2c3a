"""Spaces to move in: latent coordinates with a standard law, and the loss as a function of them.

In each space the loss of a random point has exactly the law that it has over networks drawn at random.
So the volume fraction of a loss is the probability of the points that have it, in whichever space:

- :class:`LatentSpace`: a coordinate for every number that a sampler draws. With sampler ``direct`` these are
  the weights; the only space for laws that are not Gaussian.
- :class:`ReducedSpace`: the reduced normals of projected sampling, of the training examples alone. A layer
  that is projected has n_out * N of them in place of n_out * n_in weights. It stays exact because the
  loss depends on a layer's weights W only through W Q, with Q an orthonormal basis of its inputs' span, and
  given everything below, the entries of W Q are independent standard normals (times the law's scale). The
  part of W that no training example sees is independent of the loss, and is drawn only when held-out
  examples ask for it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.inits import Stream
from geomreg_tui.inits.rotation import Gaussian
from geomreg_tui.networks import apply_matrix
from geomreg_tui.sampling.cost import projects
from geomreg_tui.sampling.roots import augment, triangular_root
from geomreg_tui.sampling.rounding import moved, moved_sizes
from geomreg_tui.sampling.sampler import Sampler
from geomreg_tui.shapes import LayerShape
from geomreg_tui.splitting.latent import Latent, LatentStream, latent_sizes
from geomreg_tui.splitting.reach import Reach, reach_of

__all__ = ["HeldOut", "LatentSpace", "ReducedSpace", "Space", "build_space"]

_ROUNDING = 64 * torch.finfo(torch.float64).eps
_SIZES = 64  # networks whose outputs tell what size outputs have
_MOST_BLUR = math.log(0.25)


class HeldOut(NamedTuple):
    """Held-out performance of a batch of networks.

    Attributes:
        loss: mean held-out loss, (batch,).
        accuracy: share of right predictions, (batch,), or None where there are no classes.
    """

    loss: Tensor
    accuracy: Tensor | None


class Space(ABC):
    """Latent coordinates and the loss as a function of them.

    Attributes:
        sampler: the experiment made ready, in float64.
        normals, signs: coordinates of one network.
        targets: y, (C, N).
        reach: which outputs are possible; everything unless the loss is the squared error.
        squared: whether the loss is the squared error, a function of residuals.
        examples: training examples N.
    """

    normals: int
    signs: int

    def __init__(self, sampler: Sampler) -> None:
        self.sampler = sampler
        self.examples = sampler.dataset.examples
        self.squared = sampler.facts.experiment.loss == "mse"
        self.targets = torch.from_numpy(sampler.objective.targets).T.to(sampler.device, torch.float64)
        self._batch = int(sampler.facts.experiment.batch_size or 1)
        everything = Reach(None, self.targets, 0.0, attained=False)
        x = sampler.x[: self.examples]
        self.reach = (
            reach_of(sampler.facts.experiment, tuple(sampler.network.shapes), x, self.targets)
            if self.squared
            else everything
        )

    @property
    def discrete(self) -> bool:
        """Whether there are finitely many networks, 2**signs of them."""
        return self.signs > 0 and self.normals == 0

    @property
    def _power(self) -> float:
        """How the loss moves with outputs: the squared error's root does as they do, others' the loss itself.

        Those of a softmax or a sigmoid move relative to themselves: 0.
        """
        powers = {"mse": 0.5, "huber": 0.5, "cross_entropy": 0.0, "bce": 0.0, "zero_one": 0.0}
        return powers.get(self.sampler.facts.experiment.loss, 1.0)

    @cached_property
    def rounding(self) -> float:
        """How far rounding can move an output, from the sizes of targets and of outputs drawn at random.

        A continuous law of a squared error has no lattice to be blurred: there only the difference to the
        targets rounds.
        """
        size = float(self.targets.square().mean().sqrt())
        if not self.squared or self.discrete:
            generator = torch.Generator(self.sampler.device).manual_seed(0)
            with torch.inference_mode():
                outputs = self._outputs(self.draw(_SIZES, generator))
            finite = outputs.abs()[outputs.isfinite()]
            size += float(finite.median()) if finite.numel() else 0.0
        return _ROUNDING * size

    def blur(self, log_excess: float) -> float:
        """Return by how much rounding can move the natural logarithm of a loss above the floor."""
        if not math.isfinite(log_excess) or self.sampler.facts.experiment.loss == "zero_one":
            return 0.0
        relative = math.log(self.rounding) - self._power * log_excess if self.rounding else -math.inf
        return _ROUNDING + 2 * math.exp(min(relative, _MOST_BLUR))

    def rounding_size(self, latent: Latent, generator: torch.Generator) -> float:
        """Return the size of the numbers whose rounding a residual f - y has: targets and moved outputs.

        The median over points of the root mean square of both.

        Args:
            latent: points, (n, D).
            generator: random numbers.
        """
        share = math.sqrt(torch.finfo(torch.float64).eps)
        after = Latent(*(moved(part, share, generator) for part in latent))
        outputs, others = (
            torch.cat([self.reach.of(self._outputs(Latent(*some))) for some in self._batches(each)])
            for each in (latent, after)
        )
        sizes = moved_sizes(outputs, others, share)
        targets = self.reach.targets.square().mean()
        return float((sizes.square() + targets).median().sqrt())

    def draw(self, count: int, generator: torch.Generator) -> Latent:
        """Draw points at random."""
        device = self.sampler.device
        normals = torch.randn(count, self.normals, dtype=torch.float64, device=device, generator=generator)
        signs = torch.randint(2, (count, self.signs), device=device, generator=generator)
        return Latent(normals, signs.to(torch.float64).mul_(2).sub_(1))

    def log_excess(self, latent: Latent) -> Tensor:
        """Return the natural logarithm of the training loss above the floor ``reach.floor``, (n,).

        It is infinite where the loss is not finite. That of a squared error has no underflow: residuals down
        to 1e-308 are told apart.
        """
        outputs = torch.cat([self._outputs(Latent(*some)) for some in self._batches(latent)])
        log_excess = self._log_excess(outputs)
        if self.discrete and self._power and self.rounding:  # what is 0 to within rounding is 0
            zero = log_excess < math.log(self.rounding) / self._power
            log_excess = torch.where(zero, -math.inf, log_excess)
        return log_excess

    def _log_excess(self, outputs: Tensor) -> Tensor:
        """Return the natural logarithm of the loss above the floor, from outputs, (n,)."""
        if self.squared:
            outside = self.reach.of(outputs) - self.reach.targets
            return log_mean_square(outside, self.targets.numel())
        loss = self.sampler.objective.per_example(outputs, training=True).mean(dim=1).log()
        return torch.where(loss.isnan(), math.inf, loss)

    @abstractmethod
    def held_out(self, latent: Latent, generator: torch.Generator) -> HeldOut:
        """Return the performance of points on the M held-out examples."""

    @abstractmethod
    def _outputs(self, latent: Latent) -> Tensor:
        """Return outputs on the training examples, (n, C, N)."""

    def _batches(self, latent: Latent) -> list[tuple[Tensor, ...]]:
        return list(zip(*(torch.split(part, self._batch) for part in latent), strict=True))

    def _performance(self, outputs: Tensor) -> HeldOut:
        """Return the performance on the held-out examples, from outputs on all."""
        objective = self.sampler.objective
        losses = objective.per_example(outputs)[:, self.examples :]
        correct = objective.correct(outputs)
        share = None if correct is None else correct / losses.shape[1]
        return HeldOut(losses.mean(dim=1), share)


class LatentSpace(Space):
    """A coordinate for every random number that the sampler draws, those of held-out examples included."""

    def __init__(self, sampler: Sampler) -> None:
        super().__init__(sampler)
        self.normals, self.signs = latent_sizes(lambda stream: sampler.outputs(1, stream))

    def held_out(self, latent: Latent, generator: torch.Generator) -> HeldOut:
        """Return the performance of points on the M held-out examples."""
        parts = [self._performance(self._all_outputs(Latent(*some))) for some in self._batches(latent)]
        return _joined(parts)

    def _outputs(self, latent: Latent) -> Tensor:
        return self._all_outputs(latent)[:, :, : self.examples]

    def _all_outputs(self, latent: Latent) -> Tensor:
        return self.sampler.outputs(len(latent.normals), LatentStream(latent))


class ReducedSpace(Space):
    """Reduced normals of a network with Gaussian weights; those of the readout come last.

    Attributes:
        hidden: how many coordinates the layers below the readout have.
    """

    def __init__(self, sampler: Sampler) -> None:
        super().__init__(sampler)
        if not isinstance(sampler.law, Gaussian):
            raise TypeError("reduced normals are those of a Gaussian law")
        self.law = sampler.law
        self.signs = 0
        self._slices: list[slice] = []
        end = 0
        for shape in self.law.shapes:
            start, end = end, end + shape.n_out * self.rank(shape)
            self._slices.append(slice(start, end))
        self.normals = end
        self.hidden = self._slices[-1].start
        first = self.law.shapes[0]
        self._first_root = None
        if sampler.facts.experiment.arch == "mlp":
            inputs = sampler.x[: self.examples].flatten(1).T.unsqueeze(0)
            self._first_root = triangular_root(inputs, *self.law.row_scales(first))

    def rank(self, shape: LayerShape) -> int:
        """Return how many coordinates a unit of a layer has."""
        columns = self.examples * shape.columns
        return min(columns, shape.n_in + shape.bias) if self.reduced(shape) else shape.n_in + shape.bias

    @property
    def layers_below(self) -> list[slice]:
        """Where the coordinates of each layer below the readout are."""
        return self._slices[:-1]

    def reduced(self, shape: LayerShape) -> bool:
        """Return whether a layer's coordinates are reduced ones, and not its weights."""
        return shape is self.law.shapes[-1] or projects(shape, self.examples * shape.columns)

    def block(self, shape: LayerShape, normals: Tensor) -> Tensor:
        """Return the coordinates of a layer, (n, n_out, rank)."""
        return normals[:, self._slices[shape.index]].reshape(len(normals), shape.n_out, self.rank(shape))

    def root(self, shape: LayerShape, activations: Tensor) -> Tensor:
        """Return R, upper triangular, with which pre-activations are block @ R."""
        if shape.index == 0 and self._first_root is not None:
            return self._first_root
        return triangular_root(activations, *self.law.row_scales(shape))

    def readout_root(self, hidden: Tensor) -> Tensor:
        """Return R of the readout for points of the layers below it, in what is in reach, (n or 1, rank, G).

        Args:
            hidden: their coordinates, (n, hidden).
        """
        if self._first_root is not None and not self.hidden:
            return self.reach.of(self._first_root)  # of all networks
        parts = []
        for some in torch.split(hidden, self._batch):
            layers = _ReducedLayers(self, some)
            self.sampler.network.forward(self.sampler.x[: self.examples], layers)
            parts.append(layers.readout_root)
        return self.reach.of(torch.cat(parts))

    def log_root_size(self, hidden: Tensor) -> Tensor:
        """Return the logarithm of the size of the readout's root if none of its terms cancel, (n,).

        It is that of networks drawn at random, times the sizes of layers that are small. A root keeps its
        digits where a layer is small and loses them where terms cancel.

        Args:
            hidden: coordinates of the layers below the readout, (n, hidden).
        """
        sizes = [hidden[:, layer].square().mean(dim=1).sqrt().log() for layer in self.layers_below]
        return self._log_usual_root + torch.stack(sizes).clamp_max(0).sum(dim=0)

    @cached_property
    def _log_usual_root(self) -> float:
        """Return the logarithm of the largest root of the readout among points drawn at random."""
        generator = torch.Generator(self.sampler.device).manual_seed(0)
        roots = self.readout_root(self.draw(_SIZES, generator).normals[:, : self.hidden])
        largest = torch.linalg.matrix_norm(roots, ord="fro").amax()
        return float(largest.log()) if largest.isfinite() else math.inf

    def held_out(self, latent: Latent, generator: torch.Generator) -> HeldOut:
        """Return the performance of points on the M held-out examples.

        What the training examples leave undecided of each layer is drawn afresh.
        """
        fresh = Stream(generator, self.sampler.device, torch.float64)
        parts = []
        for normals in torch.split(latent.normals, self._batch):
            layers = _ReducedLayers(self, normals, fresh)
            parts.append(self._performance(self.sampler.network.forward(self.sampler.x, layers)))
        return _joined(parts)

    def _outputs(self, latent: Latent) -> Tensor:
        layers = _ReducedLayers(self, latent.normals)
        return self.sampler.network.forward(self.sampler.x[: self.examples], layers)


class _ReducedLayers:
    """The layers of a batch of networks, made from reduced normals.

    Attributes:
        readout_root: R of the last layer, once it was asked for.
    """

    readout_root: Tensor

    def __init__(self, space: ReducedSpace, normals: Tensor, fresh: Stream | None = None) -> None:
        """Begin a batch.

        Args:
            space: the space.
            normals: its coordinates, (batch, normals); those of the readout may be left out, and then
                only its root is computed.
            fresh: where to draw what columns beyond the training examples need; None when there are none.
        """
        self.batch = len(normals)
        self._space = space
        self._normals = normals
        self._fresh = fresh

    def weights(self, shape: LayerShape) -> tuple[Tensor, Tensor | None]:
        raise NotImplementedError("reduced normals are not weights")

    def linear(self, shape: LayerShape, activations: Tensor) -> Tensor:
        """Return pre-activations (batch, n_out, columns) of activations (batch or 1, n_in, columns)."""
        space = self._space
        if not space.reduced(shape):
            return self._full(shape, activations)
        known = activations[..., : space.examples * shape.columns]
        root = space.root(shape, known)
        if shape is space.law.shapes[-1] and self._normals.shape[1] < space.normals:
            self.readout_root = root
            return root[:, :0]
        z = apply_matrix(space.block(shape, self._normals), root)
        if self._fresh is None:
            return z
        return torch.cat([z, self._beyond(shape, activations, z, self._fresh)], dim=2)

    def _beyond(self, shape: LayerShape, activations: Tensor, known: Tensor, fresh: Stream) -> Tensor:
        """Draw the pre-activations of further columns A_M given those of the first ones, W A_N.

        With C the least-squares coefficients of A_M in A_N, W A_M = (W A_N) C + W E, and the
        residuals E are orthogonal to A_N, so W E is independent of W A_N. Any root of E^T E serves to draw
        it: where E has no more rows than columns, E itself does without any work.
        """
        scale, offset = self._space.law.row_scales(shape)
        augmented = augment(activations, scale, offset)
        first, further = augmented[..., : known.shape[2]], augmented[..., known.shape[2] :]
        coefficients = torch.linalg.pinv(first) @ further
        root = further - first @ coefficients
        if root.shape[1] > root.shape[2]:
            root = triangular_root(root, 1.0, 0.0)
        drawn = fresh.normal(self.batch, shape.n_out, root.shape[1])
        return apply_matrix(known, coefficients) + apply_matrix(drawn, root)

    def _full(self, shape: LayerShape, activations: Tensor) -> Tensor:
        """Return pre-activations of a layer whose weights are its coordinates."""
        scale, offset = self._space.law.row_scales(shape)
        block = self._space.block(shape, self._normals)
        z = apply_matrix(block[..., : shape.n_in], activations * scale)
        return z.add_(block[..., -1:] * offset) if shape.bias else z


def build_space(sampler: Sampler) -> Space:
    """Return the smallest space that is exact for an experiment.

    Raises:
        ExperimentError: for radial sampling, whose numbers of active units are no coordinates.
    """
    if sampler.facts.experiment.sampler == "radial":
        rule = "a tail has no coordinates to move along there; allowed is projected, which has the same law"
        raise ExperimentError([Problem("sampler", "'radial'", rule)])
    projected = sampler.facts.experiment.sampler == "projected"
    return ReducedSpace(sampler) if projected and isinstance(sampler.law, Gaussian) else LatentSpace(sampler)


def log_mean_square(residuals: Tensor, count: int) -> Tensor:
    """Return log(sum(r**2) / count) over the last two dimensions, without under- or overflow; inf for NaN."""
    if not residuals[0].numel():
        return residuals.new_full((len(residuals),), -math.inf)
    largest = residuals.abs().amax(dim=(1, 2), keepdim=True)
    scaled = residuals / largest
    log = 2 * largest[:, 0, 0].log() + (scaled.square_().sum(dim=(1, 2)) / count).log()
    log = torch.where(largest[:, 0, 0] == 0, -math.inf, log)
    return torch.where(log.isnan(), math.inf, log)


def _joined(parts: list[HeldOut]) -> HeldOut:
    shares = [part.accuracy for part in parts if part.accuracy is not None]
    return HeldOut(torch.cat([part.loss for part in parts]), torch.cat(shares) if shares else None)
