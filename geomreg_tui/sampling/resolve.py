"""From an experiment as written to one in which everything that could change a bit is fixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.fused.plan import drawn_numbers
from geomreg_tui.inits import InitLaw
from geomreg_tui.sampling.cost import network_cost
from geomreg_tui.sampling.radial import HOMOGENEOUS
from geomreg_tui.shapes import LayerShape

__all__ = ["Choice", "choose_sampler", "sizes"]

# Batches are sized for a core's cache, chunks for a few of them a second on one core.
_BATCH_ELEMENTS = 2**19
_BATCH_LIMIT = 2**10
_RADIAL_BATCH = 2**14
_CHUNK_SECONDS = 0.2
_CALL_SECONDS = 2e-4  # of a person's own module, for one network
_CHUNK_LIMIT = 2**19
_FUSED = 4  # times as fast, at least


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


def sizes(
    shapes: Sequence[LayerShape],
    examples: int,
    sampler: str,
    *,
    one_by_one: bool = False,
    fused: bool = False,
) -> tuple[int, int]:
    """Return (chunk_size, batch_size) for an experiment that leaves them unset. The same on every machine.

    Args:
        shapes: the layers.
        examples: training and held-out examples.
        sampler: how networks are drawn.
        one_by_one: whether they are evaluated one after the other.
        fused: whether the fused kernel draws them, which is several times as fast.
    """
    cost = network_cost(shapes, examples, sampler)
    limit = _RADIAL_BATCH if sampler == "radial" else _BATCH_LIMIT
    batch = 2 ** int(math.log2(max(1, min(limit, _BATCH_ELEMENTS // cost.elements))))
    seconds = cost.seconds + (_CALL_SECONDS if one_by_one else 0.0)
    faster = _FUSED if fused else 1
    chunk = min(_CHUNK_LIMIT * faster, int(_CHUNK_SECONDS * faster / seconds))
    return max(batch, chunk // batch * batch), batch


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
