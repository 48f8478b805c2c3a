"""A chunk of an experiment inside a worker: a pure function of (experiment, chunk index)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.engine.work import Interrupt, loading
from geomreg_tui.experiment import Experiment
from geomreg_tui.sampling.drawn import ChunkSampler
from geomreg_tui.sampling.fused import FusedSampler
from geomreg_tui.sampling.pieces import ChunkWork
from geomreg_tui.sampling.plan import chunk_size
from geomreg_tui.summary import ChunkResult, Facts, JointHistogram, LossHistogram, Moments, Summary

if TYPE_CHECKING:
    from jaxtyping import Float64

__all__ = ["Ready", "draw_chunk", "prepare", "run_chunk"]

_ATOM_ROUNDING = 2  # units in the last place, relative to the null loss


@dataclass(frozen=True)
class Ready:
    """An experiment that can be run.

    Attributes:
        facts: what it comes to; ``facts.experiment`` is the resolved one, which :func:`run_chunk` takes.
        x: training inputs as the network sees them, float64 (N, *input shape).
        targets: training targets as the loss sees them, float64 (N, outputs).
    """

    facts: Facts
    x: Float64[NDArray[np.float64], " training *input_shape"]
    targets: Float64[NDArray[np.float64], "training outputs"]


def prepare(experiment: Experiment, device: str = "cpu") -> Ready:
    """Load the data, choose the sampler and fix the sizes. Loads torch where torch is to draw.

    Args:
        experiment: what is to be sampled.
        device: where to compute, such as ``cuda:0``.

    Returns:
        The experiment as :func:`run_chunk` takes it, ``facts.experiment``, with what it comes to and its
        training examples: ``x`` float64 (N, *input shape) and ``targets`` float64 (N, outputs).

    Raises:
        ExperimentError, DataError, CapacityError: if the experiment cannot be run; nothing was allocated.

    Example:
        >>> experiment = geomreg.Experiment.parse({"data": "digits", "examples": 4, "width": 16})
        >>> ready = geomreg.prepare(experiment)
        >>> ready.x.shape, ready.targets.shape
        ((4, 1, 8, 8), (4, 1))
        >>> experiment.sampler, ready.facts.experiment.sampler
        ('auto', 'projected')
    """
    sampler = _sampler(experiment, device)
    training = sampler.dataset.x[: sampler.dataset.examples]
    return Ready(sampler.facts, training, np.asarray(sampler.targets.training, np.float64))


def draw_chunk(work: ChunkWork, device: str, interrupt: Interrupt | None = None) -> ChunkResult:
    """Draw a chunk; as :func:`run_chunk`."""
    return run_chunk(
        work.experiment, work.chunk, work.count, device=device, keep=work.keep, interrupt=interrupt
    )


def run_chunk(
    experiment: Experiment,
    chunk: int,
    count: int | None = None,
    *,
    device: str = "cpu",
    keep: int = 0,
    interrupt: Interrupt | None = None,
) -> ChunkResult:
    """Draw the networks of one chunk. Loads torch where torch draws.

    The same arguments give the same bits: the stream is keyed by (seed, chunk), and networks are
    evaluated in batches of fixed size on one thread. With the fused backend it is keyed by (seed, network).

    Args:
        experiment: a resolved experiment (``prepare(...).facts.experiment``).
        chunk: index of the chunk, from 0.
        count: only the first ``count`` networks of the chunk; default all.
        device: where to compute.
        keep: how many of the first losses to return.
        interrupt: asked before each batch whether to give up.

    Returns:
        The summary of the networks, and the first losses, float64 (keep,); None where none are kept.

    Raises:
        GivenUpError: if ``interrupt`` said so.

    Example:
        >>> experiment = geomreg.Experiment.parse({"data": "digits", "examples": 4, "width": 16})
        >>> experiment = geomreg.prepare(experiment).facts.experiment
        >>> drawn = geomreg.run_chunk(experiment, 0, 1000, keep=5)
        >>> drawn.summary.samples, drawn.losses.shape
        (1000, (5,))
    """
    sampler = _sampler(experiment, device)
    facts = sampler.facts
    size = chunk_size(facts.experiment)
    wanted = size if count is None else min(count, size)
    drawn = sampler.draw_chunk(chunk, size, wanted, interrupt)
    losses = drawn.train
    histogram = LossHistogram.from_losses(
        losses,
        facts.experiment.bin_bits,
        facts.null_loss,
        _ATOM_ROUNDING * float(np.finfo(facts.experiment.dtype).eps),
    )
    joint = None
    if drawn.held_out is not None:
        joint = JointHistogram.from_losses(losses, drawn.held_out, drawn.correct, facts.experiment.held_out)
    moments = Moments.from_losses(losses, facts.null_loss, blas=facts.experiment.backend == "torch")
    dead = None if drawn.dead is None else int(np.count_nonzero(drawn.dead))
    summary = Summary(histogram, moments, joint, dead)
    return ChunkResult(summary, losses[:keep].copy() if keep else None)


@lru_cache(maxsize=4)
def _sampler(experiment: Experiment, device: str) -> ChunkSampler:
    """Return what draws an experiment; the last few are kept."""
    fused = FusedSampler.build(experiment, device)
    if fused is not None:
        return fused
    with loading():
        from geomreg_tui.sampling.sampler import Sampler  # imports torch

    return Sampler(experiment, device)
