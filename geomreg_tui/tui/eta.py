"""How long something will go on, from a smoothed rate: what is shown must not jump with every look."""

from __future__ import annotations

import math
from collections.abc import Hashable

__all__ = ["TimeLeft"]

_SPAN = 20.0  # seconds over which a rate is averaged; the weight of what was before falls by e in that time


class TimeLeft:
    """The time that is left of one thing after another."""

    def __init__(self) -> None:
        self._subject: Hashable = None
        self._rate = 0.0
        self._at = 0.0

    def seconds(self, subject: Hashable, left: float, rate: float, now: float) -> float:
        """Return the seconds that are left; infinite while nothing comes.

        Args:
            subject: what goes on; of another one nothing is remembered.
            left: how much there is to do.
            rate: of late, a second.
            now: when that was so, in seconds on any clock.
        """
        if subject != self._subject or not self._rate:
            self._subject, self._rate = subject, rate
        else:
            weight = -math.expm1(-max(0.0, now - self._at) / _SPAN)
            self._rate += weight * (rate - self._rate)
        self._at = now
        return left / self._rate if self._rate > 0 else math.inf
