"""Laws of the loss that theory gives for an experiment, without drawing a network."""

from __future__ import annotations

from typing import Any

from geomreg_tui.api.arguments import asked_for
from geomreg_tui.datasets import arrays_in
from geomreg_tui.errors import ExperimentError, Problem
from geomreg_tui.experiment import Experiment
from geomreg_tui.statistics.quadratic_form import QuadraticForm
from geomreg_tui.statistics.theory import infinite_width_law

__all__ = ["infinite_width"]


def infinite_width(experiment: Experiment | None = None, *, data: Any = None, **keys: Any) -> QuadraticForm:
    """Return the law of the loss when the hidden layers are infinitely wide (NNGP), down to any volume.

    The outputs are a Gaussian process then, and their squared error has a generalised chi-square law
    (Neal 1996; Lee et al. 2018, arXiv 1711.00165). With ``depth=0`` it is the exact law. The data are read
    in the process that calls this, which loads torch.

    Args:
        experiment: what would be sampled; None for an experiment of the keys alone.
        data: as for :func:`sample`.
        keys: keys of :class:`Experiment`, which take precedence over ``experiment``.

    Returns:
        The law. For losses of any shape, ``law.cdf(loss)`` is V(loss), and ``law.log_cdf(loss)`` is its
        natural logarithm, which is right where V itself is too small for a float. ``law.mean`` is the mean
        loss.

    Raises:
        ExperimentError: if a key is unknown or has an impossible value, or the law does not apply. It needs
            ``arch="mlp"`` without residuals or layer norm, ``loss="mse"``, an init law of independent
            Gaussian weights, and at most 256 examples.
        DataError: if the data cannot be read or used.

    Example:
        >>> law = geomreg.infinite_width(data="teacher", inputs=2, examples=8, depth=2, init="he_normal")
        >>> round(float(law.log_cdf(1e-3)) / 2.302585, 1)  # log10 V(1e-3)
        -41.4
    """
    from geomreg_tui.sampling.work import prepare  # which loads torch

    with asked_for(experiment, data, None, keys) as asked, arrays_in(asked.arrays):
        if asked.experiment.arch != "mlp":  # a custom one would have its code run for nothing
            raise _does_not_apply(f"arch {asked.experiment.arch}")
        ready = prepare(asked.experiment)
    law = infinite_width_law(ready.facts.experiment, ready.x, ready.targets)
    if law is None:
        raise _does_not_apply(ready.facts.describe())
    return law


def _does_not_apply(got: str) -> ExperimentError:
    needs = (
        "the law of infinite width needs a plain mlp, mse, independent Gaussian weights, and at most "
        "256 examples"
    )
    return ExperimentError([Problem("experiment", got, needs)])
