"""From an experiment as written to one in which everything that could change a bit is fixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from geomreg_tui.activations import HOMOGENEOUS
from geomreg_tui.datasets import Dataset
from geomreg_tui.errors import CapacityError, ExperimentError, Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.fused.plan import drawn_numbers
from geomreg_tui.inits import InitLaw
from geomreg_tui.losses import TargetNumbers
from geomreg_tui.sampling.cost import network_cost
from geomreg_tui.shapes import LayerShape, parameter_count
from geomreg_tui.summary import Facts, zeros_are_exact

__all__ = ["Choice", "check_memory", "choose_sampler", "describe", "rounded_count", "sizes"]

# Batches are sized for a core's cache, chunks for a few of them a second on one core.
_BATCH_ELEMENTS = 2**19
_BATCH_LIMIT = 2**10
_RADIAL_BATCH = 2**14
_CHUNK_SECONDS = 0.2
_CALL_SECONDS = 2e-4  # of a person's own module, for one network
_CHUNK_LIMIT = 2**19
# A GPU is busy only with much at once: a batch takes milliseconds, so that starting its kernels, and waiting
# for it between layers, takes little beside it.
_GPU_ELEMENTS = 2**27
_GPU_LIMIT = 2**20
_GPU_BYTES = 64  # of memory for each element; measured on a CPU: 3 to 18, the most where laws draw in float64
_GPU_BATCHES = 4  # in a chunk
_ROUNDED = (4, 16)  # networks, fewest and most, that tell how large rounding is
_ROUNDED_SECONDS = 0.005  # that may go by, roughly, where these are not the fewest
_FUSED = 2  # times as many networks in a chunk of the fused kernel, which is as much faster at least


@dataclass(frozen=True)
class Choice:
    """A sampler and why it was taken."""

    sampler: str
    reason: str


def choose_sampler(experiment: Experiment, law: InitLaw, columns: int, needs_weights: bool) -> Choice:
    """Return the sampler of an experiment; for ``auto`` the cheapest exact one.

    Args:
        experiment: the experiment.
        law: its init law.
        columns: training and held-out examples.
        needs_weights: whether the architecture wants whole weight tensors.

    Raises:
        ExperimentError: if the sampler asked for is not exact for this experiment.
    """
    against_projected = _against_projected(experiment, law, needs_weights)
    against_radial = against_projected or _against_radial(experiment, columns)
    objections = {"direct": None, "projected": against_projected, "radial": against_radial}
    if experiment.sampler != "auto":
        objection = objections[experiment.sampler]
        if objection:
            raise ExperimentError(
                [Problem("sampler", repr(experiment.sampler), f"that is exact only {objection}")]
            )
        return Choice(experiment.sampler, "asked for")
    if not against_radial:
        return Choice("radial", f"one example, no biases, {experiment.activation}: O(depth) random numbers")
    if against_projected:
        return Choice("direct", f"the others are exact only {against_projected}")
    full = network_cost(law.shapes, columns, "direct").normals
    few = network_cost(law.shapes, columns, "projected").normals
    if experiment.backend == "fused":
        few = drawn_numbers(law.shapes, columns)
    if few == full:
        return Choice("direct", f"{columns} examples span the inputs of every layer")
    return Choice(
        "projected", f"{experiment.init} is rotation invariant: {few:,} random numbers instead of {full:,}"
    )


def rounded_count(experiment: Experiment, shapes: Sequence[LayerShape], columns: int) -> int:
    """Return how many networks are drawn to tell how large rounding is.

    Args:
        experiment: the experiment, its sampler chosen.
        shapes: the layers.
        columns: training and held-out examples.
    """
    few, many = _ROUNDED
    seconds = network_cost(shapes, columns, experiment.sampler).seconds
    return max(few, min(many, int(_ROUNDED_SECONDS / seconds)))


def sizes(
    shapes: Sequence[LayerShape],
    examples: int,
    sampler: str,
    *,
    one_by_one: bool = False,
    fused: bool = False,
    gpu_bytes: int = 0,
) -> tuple[int, int]:
    """Return (chunk_size, batch_size) for an experiment that leaves them unset.

    The same on every machine, but for GPUs with little memory.

    Args:
        shapes: the layers.
        examples: training and held-out examples.
        sampler: how networks are drawn.
        one_by_one: whether they are evaluated one after the other.
        fused: whether the fused kernel draws them, which is several times as fast.
        gpu_bytes: bytes that are free on the GPU that draws them; 0 for a CPU.
    """
    cost = network_cost(shapes, examples, sampler)
    if gpu_bytes and not one_by_one:
        elements = min(_GPU_ELEMENTS, gpu_bytes // _GPU_BYTES)
        batch = 2 ** int(math.log2(max(1, min(_GPU_LIMIT, elements // cost.elements))))
        return _GPU_BATCHES * batch, batch
    limit = _RADIAL_BATCH if sampler == "radial" else _BATCH_LIMIT
    batch = 2 ** int(math.log2(max(1, min(limit, _BATCH_ELEMENTS // cost.elements))))
    seconds = cost.seconds + (_CALL_SECONDS if one_by_one else 0.0)
    faster = _FUSED if fused else 1
    chunk = min(_CHUNK_LIMIT * faster, int(_CHUNK_SECONDS * faster / seconds))
    return max(batch, chunk // batch * batch), batch


def check_memory(
    shapes: Sequence[LayerShape],
    examples: int,
    sampler: str,
    dtype: str,
    free: int,
    device: str,
    *,
    needs_weights: bool = False,
) -> None:
    """Refuse an experiment of which not even one network fits into memory.

    Args:
        shapes: the layers.
        examples: training and held-out examples.
        sampler: how networks are drawn.
        dtype: number format.
        free: bytes that are free.
        device: where, for people.
        needs_weights: whether whole weight tensors are held.

    Raises:
        CapacityError: naming what is needed and what is free.
    """
    elements = network_cost(shapes, examples, sampler).elements
    if needs_weights:
        elements = max(elements, 2 * parameter_count(shapes))
    needed = elements * np.dtype(dtype).itemsize
    if needed > free:
        raise CapacityError(
            f"one network needs {needed / 2**30:,.1f} GiB with sampler {sampler}, "
            f"but {free / 2**30:,.1f} GiB are free on {device}: try a smaller width, "
            "fewer examples, or a rotation-invariant init, which can be projected"
        )


def describe(
    experiment: Experiment,
    reason: str,
    dataset: Dataset,
    targets: TargetNumbers,
    law: InitLaw,
    *,
    needs_weights: bool = False,
    one_by_one: bool = False,
    gpu_bytes: int = 0,
) -> Facts:
    """Return what an experiment comes to, its sizes fixed and its resolution still open.

    Args:
        experiment: the experiment, its backend and its sampler chosen.
        reason: why this sampler.
        dataset: the examples.
        targets: what outputs are compared with.
        law: the init law.
        needs_weights: whether the architecture is a person's own.
        one_by_one: whether networks are evaluated one after the other.
        gpu_bytes: bytes that are free on the GPU that draws them; 0 for a CPU.
    """
    chunk, batch = sizes(
        law.shapes,
        len(dataset.x),
        experiment.sampler,
        one_by_one=one_by_one,
        fused=experiment.backend == "fused",
        gpu_bytes=gpu_bytes,
    )
    resolved = experiment.replace(
        batch_size=experiment.batch_size or batch,
        chunk_size=experiment.chunk_size or chunk,
        data_sha256=dataset.sha256,
    )
    last = law.shapes[-1]
    silent = law.weight_moment(last) == 0 and not (last.bias and law.bias_moment(last)) and not needs_weights
    notes = dataset.notes
    if silent:
        notes += ("every weight of the readout is 0, so every network predicts 0",)
    null_loss = targets.null_loss(experiment.loss)
    return Facts(
        experiment=resolved,
        input_size=int(dataset.x[0].size),
        output_size=targets.outputs,
        parameters=parameter_count(law.shapes),
        init_radius=law.radius(),
        null_loss=null_loss,
        constant_loss=min(null_loss, targets.constant_loss(experiment.loss)),
        sampler_reason=reason,
        data_notes=notes,
        support=law.support(),
        zeros_exact=zeros_are_exact(experiment) or silent,
    )


def _against_projected(experiment: Experiment, law: InitLaw, needs_weights: bool) -> str | None:
    """Return when alone projected sampling is exact; None where it is for this experiment."""
    if needs_weights:
        return "for arch mlp and conv"
    if not law.rotation_invariant:
        return f"for rotation-invariant init laws, which {experiment.init} is not"
    return None


def _against_radial(experiment: Experiment, columns: int) -> str | None:
    """Return when alone radial sampling is exact; None where it is for this experiment."""
    if experiment.arch != "mlp" or experiment.residual or experiment.layer_norm:
        return "for arch mlp without residual connections and layer norm"
    if experiment.activation not in HOMOGENEOUS:
        return f"for positively homogeneous activations ({', '.join(HOMOGENEOUS)})"
    if experiment.bias:
        return "without biases"
    if columns != 1:
        return "for one example and none held out"
    return None
