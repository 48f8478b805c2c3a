"""Standard deviations of the fan-scaled laws, before the gain."""

from __future__ import annotations

import math

from geomreg_tui.shapes import LayerShape

__all__ = ["fan_std"]


def fan_std(family: str, shape: LayerShape) -> float:
    """Return the standard deviation that a fan-scaled family gives the weights of a layer.

    Args:
        family: ``he`` (He et al. 2015, sqrt(2 / fan_in); ``torch.nn.init.kaiming_normal_``),
            ``glorot`` (Glorot & Bengio 2010, sqrt(2 / (fan_in + fan_out)); ``xavier_normal_``), or
            ``lecun`` (LeCun et al. 1998, sqrt(1 / fan_in); kaiming with nonlinearity ``linear``).
        shape: the layer.
    """
    variance = {
        "he": 2 / shape.fan_in,
        "glorot": 2 / (shape.fan_in + shape.fan_out),
        "lecun": 1 / shape.fan_in,
    }
    return math.sqrt(variance[family])
