"""The Lebesgue volume of low loss, which only laws that are uniform on a box or a ball have.

It is not the prior mass V(eps), which is a share, nor the volume of a hypersphere: it is the share times the
volume of the box or ball. The radius of the ball of equal volume puts it beside hyperspheres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.statistics.hypersphere import log_volume, radius_of_volume
from geomreg_tui.statistics.volume import VolumeCurve

__all__ = ["LebesgueCurve", "lebesgue_curve"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LebesgueCurve:
    """The Lebesgue volume of {L <= eps} in weight space, at the points of a curve V(eps).

    Attributes:
        support: ``box`` or ``ball``, on which the init law is uniform.
        log10_support: log10 of its volume.
        log10_volume: log10 of the Lebesgue volume, shape (points,); its standard error is that of log10 V.
        radius: radius of the n-ball of equal volume, n the number of parameters, shape (points,).
    """

    support: str
    log10_support: float
    log10_volume: FloatArray
    radius: FloatArray

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "support": self.support,
            "log10_support": self.log10_support,
            "log10_volume": self.log10_volume.tolist(),
            "ball_radius": self.radius.tolist(),
        }


def lebesgue_curve(
    curve: VolumeCurve, support: tuple[str, float] | None, parameters: int
) -> LebesgueCurve | None:
    """Return the Lebesgue volumes that belong to V(eps), or None for a law that is not uniform.

    Args:
        curve: the prior mass V(eps).
        support: ("box", side) or ("ball", radius), or None.
        parameters: number of weights and biases, the dimension.
    """
    if support is None:
        return None
    kind, size = support
    if kind == "box":
        whole = parameters * math.log(size)
    else:
        whole = float(log_volume(np.array([float(parameters)]), size)[0])
    log = whole + np.log(curve.volume)
    return LebesgueCurve(kind, whole / math.log(10), log / math.log(10), radius_of_volume(parameters, log))
