"""What is known at one loss: density, V and λ with their errors, from what the reports are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geomreg_tui.formatting import decimal_text, interval_text, margin_text, number_text, upper_text
from geomreg_tui.splitting.joined import DeepTail
from geomreg_tui.statistics import VolumeCurve
from geomreg_tui.statistics.intervals import UNDEFINED, WIDTH, Interval
from geomreg_tui.training.volume import VolumeOfLoss

__all__ = ["Readout", "exponent_at", "place_texts", "readout", "readout_texts", "volume_at", "volume_bound"]

_DIGITS = 4  # of a loss
_ROUNDING = 1e-9  # of a log10 loss


@dataclass(frozen=True)
class Readout:
    """What is known at one loss.

    Attributes:
        loss: where.
        per_null: the same in units of the null loss; NaN where that is 0.
        height: of the bar there, with its band; undefined where no bar is on view.
        volume: log10 V with the ends of its 95 % interval; undefined where V is not known.
        bound: log10 of a 95 % upper bound for V; NaN where V is known, or nothing is.
        exponent: λ and its standard error; NaN where it is not known.
        deep: whether V there is the deep tail's.
    """

    loss: float
    per_null: float
    height: Interval
    volume: Interval
    bound: float
    exponent: tuple[float, float]
    deep: bool


def readout(
    loss: float, null_loss: float, height: Interval, curve: VolumeCurve, deep: DeepTail | None
) -> Readout:
    """Return what is known at a loss.

    Args:
        loss: where.
        null_loss: the unit of losses.
        height: of the bar there.
        curve: V of what was sampled.
        deep: the deep tail; None without.
    """
    volume = volume_at(loss, curve, deep)
    known = math.isfinite(volume.estimate)
    return Readout(
        loss,
        loss / null_loss if null_loss > 0 else math.nan,
        height,
        volume,
        math.nan if known else volume_bound(curve, deep),
        exponent_at(loss, curve, deep) if known else (math.nan, math.nan),
        _is_deep(loss, deep),
    )


def volume_at(loss: float, curve: VolumeCurve, deep: DeepTail | None) -> Interval:
    """Return log10 V at a loss with its 95 % interval; undefined below all that is known.

    Where it was sampled, it is on the curve and the band that are drawn: exact at their points, straight
    between them, and level beyond the largest loss. Below that it is :class:`~.VolumeOfLoss`.
    """
    if not loss > 0:
        zero = curve.zero
        with np.errstate(divide="ignore"):
            return Interval(*map(float, np.log10(zero))) if zero.estimate > 0 else UNDEFINED
    if _is_deep(loss, deep):
        return Interval(*map(float, VolumeOfLoss.of(curve, deep).at([loss])[0]))
    place = math.log10(loss)
    if not curve.loss.size or place < curve.log10_loss[0] - _ROUNDING:
        return UNDEFINED
    lines = (curve.log10_volume, np.log10(curve.low), np.log10(curve.high))
    ends = (float(np.interp(place, curve.log10_loss, line)) for line in lines)
    return Interval(*ends)


def volume_bound(curve: VolumeCurve, deep: DeepTail | None) -> float:
    """Return log10 of the 95 % upper bound for V where nothing is known of it; NaN without one."""
    if deep is not None and deep.curve is not None:
        return math.nan if deep.curve.log10_bound is None else deep.curve.log10_bound
    return math.log10(curve.bound) if curve.bound > 0 else math.nan


def exponent_at(loss: float, curve: VolumeCurve, deep: DeepTail | None) -> tuple[float, float]:
    """Return λ and its standard error at the point of the curve nearest to a loss; NaN where not known."""
    if not loss > 0:
        return math.nan, math.nan
    place = math.log10(loss)
    if deep is not None and deep.curve is not None and _is_deep(loss, deep):
        points, slope, std = deep.curve.log10_loss, deep.curve.exponent, deep.curve.exponent_std
    else:
        points, slope, std = curve.log10_loss, curve.exponent, curve.exponent_std
    if not points.size or place > points.max():
        return math.nan, math.nan
    nearest = int(np.argmin(np.abs(points - place)))
    return float(slope[nearest]), float(std[nearest])


def _is_deep(loss: float, deep: DeepTail | None) -> bool:
    return deep is not None and deep.curve is not None and loss > 0 and math.log10(loss) <= deep.meets


def readout_texts(found: Readout, what: str) -> list[str]:
    """Return a readout in words, without its loss: one text for each quantity.

    Args:
        found: what is known.
        what: the height of bars, as ``density``.
    """
    texts = []
    if math.isfinite(found.height.estimate):
        texts.append(f"{what} {interval_text(found.height, 3)}")
    if math.isfinite(found.volume.estimate):
        text = interval_text(found.volume, 3, decimals=3)
        texts.append(f"log10 V {text}" + (" (tail)" if found.deep else ""))
    elif math.isfinite(found.bound):
        texts.append(f"log10 V < {upper_text(found.bound, 2, 3)}")
    slope, std = found.exponent
    if math.isfinite(slope):
        error = f" ± {margin_text(WIDTH * std)}" if math.isfinite(std) else ""
        texts.append(f"slope λ {decimal_text(slope)}{error}")
    return texts


def place_texts(loss: float, per_null: float) -> list[str]:
    """Return where a readout is, in words."""
    texts = [f"L = {number_text(loss, _DIGITS)}"]
    return [*texts, f"L/L0 = {number_text(per_null, _DIGITS)}"] if math.isfinite(per_null) else texts
