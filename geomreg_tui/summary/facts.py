"""Facts: what an experiment comes to once its data are loaded and its sizes are fixed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.experiment import Experiment
from geomreg_tui.summary.aggregate import Summary
from geomreg_tui.summary.resolution import resolution_from_null_loss, zeros_are_exact

__all__ = ["Facts", "Overlay"]


@dataclass(frozen=True)
class Overlay:
    """A law of the loss that theory gives, for drawing over the sampled one.

    Attributes:
        name: what law it is, in a few words.
        loss: increasing losses, shape (points,).
        cdf: probability of a loss no larger than each, shape (points,).
    """

    name: str
    loss: NDArray[np.float64]
    cdf: NDArray[np.float64]

    def shares(self, edges: NDArray[np.float64], null_loss: float) -> NDArray[np.float64]:
        """Return the probability of each bin, the atom at the null loss left out, shape (edges - 1,).

        Args:
            edges: increasing edges of the bins.
            null_loss: where the atom is, if there is one; the law then has both sides of its jump.
        """
        cdf = self.cdf
        around = np.flatnonzero(np.abs(self.loss - null_loss) <= 1e-12 * null_loss)
        if around.size > 1:
            jump = cdf[around[-1]] - cdf[around[0]]
            cdf = cdf - jump * (np.arange(cdf.size) > around[0])
        return np.diff(np.interp(edges, self.loss, cdf, left=0.0))


@dataclass(frozen=True)
class Facts:
    """The facts of a run that viewers need besides the summary.

    Attributes:
        experiment: the resolved experiment: a concrete sampler, sizes set, data file digest set.
        input_size: numbers in one input.
        output_size: outputs of the network.
        parameters: P, weights and biases of one network.
        init_radius: sqrt(E ||theta||^2) under the init law; infinite where the law has no variance.
        null_loss: loss of the function that is 0 everywhere.
        constant_loss: loss of the best constant prediction.
        support: kind and size of the region that the init law is uniform on, ("box", side) or
            ("ball", radius), where it is uniform; where its extent differs between coordinates, of the cube
            or ball of equal volume. None for other laws.
        sampler_reason: why this sampler was chosen.
        data_notes: plain statements about the data: source, standardisation, which examples.
        overlays: laws that theory gives for this experiment.
        resolution: loss below which losses are unresolved in the number format of the run; 0 where all are
            exact, None where that is not known (some runs of version 0.1.0).
        zeros_exact: whether every loss that is computed as 0 is 0 in exact arithmetic too.

    Example:
        >>> experiment = geomreg.Experiment.parse({"data": "digits", "examples": 4, "width": 16, "depth": 1})
        >>> facts = geomreg.prepare(experiment).facts
        >>> facts.input_size, facts.output_size, facts.parameters
        (64, 1, 1040)
    """

    experiment: Experiment
    input_size: int
    output_size: int
    parameters: int
    init_radius: float
    null_loss: float
    constant_loss: float
    sampler_reason: str
    data_notes: tuple[str, ...] = ()
    support: tuple[str, float] | None = None
    overlays: tuple[Overlay, ...] = field(default=(), compare=False)
    resolution: float | None = None
    zeros_exact: bool = False

    def describe(self) -> str:
        """Return the experiment in one line, with the sizes of its input and output."""
        return self.experiment.describe(self.input_size, self.output_size)

    def empty_summary(self) -> Summary:
        """Return the summary of no networks of this experiment."""
        experiment = self.experiment
        return Summary.empty(experiment.bin_bits, self.null_loss, experiment.held_out)

    def exact_zeros(self, summary: Summary) -> int:
        """Return how many of the losses that were computed as 0 are known to be 0 in exact arithmetic.

        Where not all are (:attr:`zeros_exact`), those of dead networks, if the null loss is 0.
        """
        zeros = summary.histogram.zero
        if self.zeros_exact:
            return zeros
        biases = self.experiment.bias and self.experiment.bias_scale > 0
        return min(zeros, summary.dead or 0) if self.null_loss == 0 and not biases else 0

    def to_parts(self) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
        """Return plain data and named arrays from which :meth:`from_parts` restores the facts."""
        arrays = {}
        for number, overlay in enumerate(self.overlays):
            arrays[f"overlay.{number}.loss"] = overlay.loss
            arrays[f"overlay.{number}.cdf"] = overlay.cdf
        values = {
            "experiment": self.experiment.to_json(),
            "input_size": self.input_size,
            "output_size": self.output_size,
            "parameters": self.parameters,
            "init_radius": self.init_radius if math.isfinite(self.init_radius) else None,
            "null_loss": self.null_loss,
            "constant_loss": self.constant_loss,
            "sampler_reason": self.sampler_reason,
            "data_notes": list(self.data_notes),
            "support": list(self.support) if self.support else None,
            "overlays": [overlay.name for overlay in self.overlays],
            "resolution": self.resolution,
            "zeros_exact": self.zeros_exact,
        }
        return values, arrays

    @classmethod
    def from_parts(cls, values: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> Facts:
        """Restore facts.

        Raises:
            ExperimentError: if the experiment is not valid.
            LookupError, OverflowError, TypeError, ValueError: if entries are missing or of the wrong kind.
        """
        experiment, null_loss = Experiment.from_stored(values["experiment"]), float(values["null_loss"])
        if "resolution" in values:
            stored = values["resolution"]
            resolution = None if stored is None else float(stored)
            if resolution is not None and not 0 <= resolution < math.inf:
                raise ValueError(f"resolution: {resolution} is not a loss")
            zeros_exact = bool(values["zeros_exact"])
        else:
            resolution = resolution_from_null_loss(experiment.loss, experiment.dtype, null_loss)
            zeros_exact = zeros_are_exact(experiment)
        return cls(
            experiment=experiment,
            input_size=int(values["input_size"]),
            output_size=int(values["output_size"]),
            parameters=int(values["parameters"]),
            init_radius=math.inf if values["init_radius"] is None else float(values["init_radius"]),
            null_loss=null_loss,
            constant_loss=float(values["constant_loss"]),
            sampler_reason=str(values["sampler_reason"]),
            data_notes=tuple(str(note) for note in values["data_notes"]),
            support=_support(values["support"]),
            overlays=tuple(
                Overlay(str(name), _law(arrays[f"overlay.{n}.loss"]), _law(arrays[f"overlay.{n}.cdf"]))
                for n, name in enumerate(values["overlays"])
            ),
            resolution=resolution,
            zeros_exact=zeros_exact,
        )


def _law(array: NDArray[np.generic]) -> NDArray[np.float64]:
    if array.ndim != 1 or not np.all(np.isfinite(array)):
        raise ValueError("overlay: not a row of numbers")
    return array.astype(np.float64, copy=False)


def _support(value: Any) -> tuple[str, float] | None:
    if value is None:
        return None
    kind, size = value
    return str(kind), float(size)
