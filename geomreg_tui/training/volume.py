"""How rare in weight space what training has found is: V of its losses, on the curve of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geomreg_tui.splitting.joined import DeepTail
from geomreg_tui.statistics.intervals import WIDTH
from geomreg_tui.statistics.volume import VolumeCurve

__all__ = ["VolumeOfLoss"]

FloatArray = NDArray[np.float64]

_ROUNDING = 1e-9  # of a log10 loss: a curve that went down to a loss knows V there


@dataclass(frozen=True)
class VolumeOfLoss:
    """log10 V(loss) between the points of a curve.

    Attributes:
        log10_loss: increasing, (points,).
        log10_volume: at each, (points,).
        std: standard error of each, (points,).
    """

    log10_loss: FloatArray
    log10_volume: FloatArray
    std: FloatArray

    def to_json(self) -> dict[str, list[float]]:
        """Return plain data."""
        return {name: getattr(self, name).tolist() for name in ("log10_loss", "log10_volume", "std")}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> VolumeOfLoss:
        """Restore it.

        Raises:
            LookupError, TypeError, ValueError: if it is no curve.
        """
        columns = [np.asarray(values[name], np.float64) for name in ("log10_loss", "log10_volume", "std")]
        loss, volume, std = columns
        if loss.ndim != 1 or not loss.shape == volume.shape == std.shape or not np.isfinite(columns).all():
            raise ValueError("not a curve of numbers")
        if (np.diff(loss) <= 0).any() or (volume > 0).any() or (std < 0).any():
            raise ValueError("an impossible curve")
        return cls(loss, volume, std)

    @classmethod
    def of(cls, sampled: VolumeCurve, deep: DeepTail | None = None) -> VolumeOfLoss:
        """Return it from what was sampled, and the deep tail where there is one."""
        if deep is not None:
            return cls(deep.log10_loss, deep.log10_volume, deep.std)
        return cls(sampled.log10_loss, sampled.log10_volume, sampled.std)

    def at(self, loss: ArrayLike) -> FloatArray:
        """Return log10 V with the ends of its 95 % interval, (losses, 3), linear between points.

        NaN below the lowest point of the curve, where V is not known, and for a loss that is no number.
        Above the highest point V is 1.

        Args:
            loss: any losses, (losses,).
        """
        losses = np.asarray(loss, np.float64)
        found = np.full((len(losses), 3), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            place = np.log10(losses)
            if not len(self.log10_loss):
                return found
            known = place >= self.log10_loss[0] - _ROUNDING
            volume = np.interp(place, self.log10_loss, self.log10_volume, right=0.0)
            std = np.interp(place, self.log10_loss, self.std, right=0.0)
        joined = np.column_stack([volume, volume - WIDTH * std, np.minimum(volume + WIDTH * std, 0.0)])
        found[known] = joined[known]
        return found
