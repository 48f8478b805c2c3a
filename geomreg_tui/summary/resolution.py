"""Where a number format ends: the loss below which computed losses say nothing.

Outputs near a target y are about eps |y| apart (eps: the format's relative spacing; 1.2e-7 for float32). And
an output is a sum of terms that have roundings of their own: it is known to within eps s, with s its moved
size (:mod:`geomreg_tui.sampling.rounding`), however near to 0 it comes. So a residual f - y below both is
rounding, and a loss that is computed as 0 need not be a perfect fit. Neither are losses below the smallest
normal number (1.2e-38 for float32), which lose their digits and end in 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.experiment import Experiment

__all__ = ["loss_resolution", "resolution_from_null_loss", "zeros_are_exact"]


def loss_resolution(loss: str, dtype: str, targets: NDArray[np.float64], size: float) -> float:
    """Return the loss below which values computed in a number format are unresolved.

    Averaged over examples and outputs, as losses are: eps**2 (y**2 + s**2) for mse, half of it for huber,
    eps (|y| + s) for mae. Cross-entropy and bce keep their digits down to the smallest normal number. Hinge
    loss is 1 - m at margins m below 1, so its positive values end at eps (1 + s). The 0-1 loss is exact: 0.

    Args:
        loss: its name.
        dtype: ``float32`` or ``float64``.
        targets: y, training targets as the loss sees them, any shape.
        size: s, the root mean square of the moved sizes of outputs.
    """
    limits = np.finfo(dtype)
    eps, least = float(limits.eps), float(limits.tiny)
    if loss in ("mse", "huber"):
        square = float(np.mean((eps * targets) ** 2)) + (eps * size) ** 2
        return max(least, square if loss == "mse" else square / 2)
    if loss == "mae":
        return max(least, eps * (float(np.mean(np.abs(targets))) + size))
    return {"hinge": eps * (1 + size), "zero_one": 0.0}.get(loss, least)


def resolution_from_null_loss(loss: str, dtype: str, null_loss: float) -> float | None:
    """Return :func:`loss_resolution` where only the null loss is known; None where that does not tell it.

    That of outputs whose moved size is 0: a run of version 0.1.0 may be unresolved from higher up.
    """
    if loss == "huber":
        return None
    size = np.array([np.sqrt(null_loss) if loss == "mse" else null_loss])
    return loss_resolution(loss, dtype, size, 0.0)


def zeros_are_exact(experiment: Experiment) -> bool:
    """Return whether losses that are computed as 0 are 0 in exact arithmetic too, whatever the network.

    The hinge and 0-1 losses are 0 on whole regions; networks of a discrete law can fit exactly.
    """
    return experiment.loss in ("hinge", "zero_one") or experiment.init == "binary"
