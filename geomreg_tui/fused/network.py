"""Networks of an experiment as the kernel draws them: by their numbers, in any range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.experiment import Experiment
from geomreg_tui.fused.library import Kernel, LayerFields, PlanFields
from geomreg_tui.fused.plan import ACTIVATIONS, LOSSES, law_number, least_input, projected_layers
from geomreg_tui.shapes import LayerShape

if TYPE_CHECKING:
    from jaxtyping import Float32, Float64, Int64, UInt8

__all__ = ["DEAD", "UNCERTAIN", "FusedNetworks", "LayerNumbers", "LossNumbers"]

DEAD, UNCERTAIN = 1, 2  # states of networks; 0: alive

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LayerNumbers:
    """The numbers of a layer that its law gives.

    Attributes:
        scale: factor on its inputs, for standard entries of the law.
        offset: constant input whose weights are the biases; 0 for none.
        undrawn: normals beyond one column to what is normalised; None where nothing is.
    """

    scale: float
    offset: float
    undrawn: int | None = None


@dataclass(frozen=True)
class LossNumbers:
    """What outputs are compared with.

    Attributes:
        targets: (E, C), rounded to float32.
        labels: classes, (E,), or None for real targets.
        bounds: (2, E) interval of the right class for a single output, rounded to float32.
    """

    targets: Float64[FloatArray, "examples outputs"]
    labels: Int64[NDArray[np.int64], " examples"] | None
    bounds: Float64[FloatArray, "2 examples"]


class FusedNetworks:
    """Networks of an experiment, by their numbers."""

    def __init__(
        self,
        kernel: Kernel,
        experiment: Experiment,
        shapes: Sequence[LayerShape],
        layers: Sequence[LayerNumbers],
        x: Float64[FloatArray, "examples n_in"],
        loss: LossNumbers,
        *,
        slope: float = 0.0,
        watched: bool = False,
        least: float = 0.0,
    ) -> None:
        """Prepare.

        Args:
            kernel: the compiled kernel.
            experiment: one that :func:`~geomreg_tui.fused.plan.against_fused` has nothing against.
            shapes: the layers.
            layers: their numbers.
            x: inputs.
            loss: what outputs are compared with.
            slope: radial: slope of the activation below 0, squared.
            watched: whether networks with a layer that is off are looked for.
            least: smallest size that lies well inside the number format.
        """
        self._kernel = kernel
        self._columns = len(x)
        self._outputs = loss.targets.shape[1]
        self._held_out = self._columns - experiment.examples
        self._classes = loss.labels is not None
        stride = -(-self._columns // 4) * 4
        radial = experiment.sampler == "radial"
        projected = projected_layers(shapes, self._columns, experiment.sampler)
        norm = math.sqrt(math.fsum(x[0] ** 2)) if radial else 0.0
        fields = (LayerFields * len(shapes))()
        for place, shape, numbers, is_projected in zip(fields, shapes, layers, projected, strict=True):
            place.outputs, place.inputs, place.parameters = shape.n_out, shape.n_in, shape.parameters
            place.undrawn = -1 if numbers.undrawn is None else numbers.undrawn
            place.projected = is_projected
            place.scale, place.offset = numbers.scale, numbers.offset
            place.least = least_input(numbers.scale, numbers.offset, least)
        largest = float(np.abs(x[: experiment.examples]).max())
        first = layers[0]
        inside = largest >= fields[0].least or (largest == 0 and first.offset == 0)
        fields[0].least = 0.0 if inside else 1.0
        sphere = experiment.init in ("sphere", "ball")
        parameters = sum(shape.parameters for shape in shapes)
        matrix, rows, triangular = self._first(x, stride, first, projected[0])
        targets = np.ascontiguousarray(loss.targets)
        low, high = (np.ascontiguousarray(row) for row in loss.bounds)
        self._kept = (fields, matrix, targets, loss.labels, low, high)  # what the plan points to
        self._plan = PlanFields(
            seed=experiment.seed,
            depth=len(shapes),
            layers=fields,
            columns=self._columns,
            stride=stride,
            training=experiment.examples,
            outputs=self._outputs,
            activation=ACTIVATIONS.index(experiment.activation),
            law=law_number(experiment),
            loss=LOSSES.index(experiment.loss),
            first=matrix.ctypes.data,
            first_rows=rows,
            first_triangular=triangular,
            radial=radial,
            single=self._columns == 1 and all(projected) and not sphere,
            watched=watched,
            negative=slope,
            norm=norm,
            radius=experiment.gain if sphere else 0.0,
            ball=1 / parameters if experiment.init == "ball" else 0.0,
            targets=targets.ctypes.data,
            labels=_address(loss.labels),
            low=low.ctypes.data,
            high=high.ctypes.data,
        )
        self._scratch = _aligned(int(kernel.scratch(self._plan)))

    def losses(
        self, first: int, count: int
    ) -> tuple[
        Float64[FloatArray, " {count}"],
        Float64[FloatArray, " {count}"] | None,
        Int64[NDArray[np.int64], " {count}"] | None,
        UInt8[NDArray[np.uint8], " {count}"],
    ]:
        """Draw the networks ``first`` to ``first + count - 1``.

        Returns:
            Mean training losses (count,); mean held-out losses (count,), or None where nothing is held out;
            right held-out predictions (count,), or None for real targets; and states (count,): 0 alive,
            1 dead, 2 where the number format hides which.
        """
        train, states = np.empty(count), np.empty(count, np.uint8)
        held_out = np.empty(count) if self._held_out else None
        right = np.empty(count, np.int64) if self._held_out and self._classes else None
        places = (self._scratch, train, held_out, right, states)
        self._kernel.losses(self._plan, first, count, *(_address(place) for place in places))
        return train, held_out, right, states

    def outputs(self, first: int, count: int) -> Float32[NDArray[np.float32], "{count} outputs columns"]:
        """Return outputs (count, C, E) of the networks ``first`` to ``first + count - 1``."""
        out = np.empty((count, self._outputs, self._columns), np.float32)
        self._kernel.outputs(self._plan, first, count, self._scratch.ctypes.data, out.ctypes.data)
        return out

    def _first(
        self, x: Float64[FloatArray, "examples n_in"], stride: int, numbers: LayerNumbers, projected: bool
    ) -> tuple[NDArray[np.float32], int, bool]:
        """Return the matrix that the first layer is applied to, (rows, stride), its rows, and its form."""
        columns, inputs = x.shape
        if not projected:
            rows = inputs + (numbers.offset != 0)
            matrix = np.zeros((rows, stride), np.float32)
            matrix[:inputs, :columns] = x.T.astype(np.float32) * np.float32(numbers.scale)
            matrix[inputs:, :columns] = numbers.offset
            return matrix, rows, False
        root = np.zeros((stride, stride), np.float32)
        sums, gram = np.empty((stride, stride, 8)), np.empty((stride, stride))
        given = np.ascontiguousarray(x)
        places = (sums.ctypes.data, gram.ctypes.data, root.ctypes.data)
        found = self._kernel.root(
            given.ctypes.data, inputs, columns, stride, numbers.scale, numbers.offset, *places
        )
        return root, abs(found), found > 0


def _address(array: NDArray[Any] | None) -> int | None:
    """Return where an array lies; None for none."""
    return None if array is None else int(array.ctypes.data)


def _aligned(size: int) -> NDArray[np.uint8]:
    """Return ``size`` bytes that begin at a multiple of 64."""
    memory = np.zeros(size + 64, np.uint8)
    return memory[-memory.ctypes.data % 64 :][:size]
