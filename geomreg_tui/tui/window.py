"""What part of an axis is on view: panned, zoomed about a place, or typed. Knows nothing of the screen."""

from __future__ import annotations

import math
from typing import NamedTuple

from geomreg_tui.experiment import read_number

__all__ = ["Window"]

_LEAST = 1e-9  # of the larger end: a window that is narrower has no cells to tell apart
_LARGEST = 300.0  # power of ten beyond which there are no losses


class Window(NamedTuple):
    """The ends of an axis, in its units: base-10 logarithms on a log axis."""

    low: float
    high: float

    def panned(self, share: float) -> Window:
        """Return the window moved by a share of its width."""
        step = share * (self.high - self.low)
        return Window(self.low + step, self.high + step)

    def zoomed(self, about: float, factor: float) -> Window:
        """Return the window ``factor`` times as narrow, in which ``about`` stays where it is."""
        return Window(about - (about - self.low) / factor, about + (self.high - about) / factor)

    def within(self, least: float) -> Window:
        """Return the window moved up, not narrowed, where it reaches below ``least``."""
        return Window(least, self.high + least - self.low) if self.low < least else self

    def sound(self, log: bool) -> bool:
        """Return whether both ends are finite, and so far apart that cells between them can be told apart."""
        size = max(abs(self.low), abs(self.high))
        largest = _LARGEST if log else 10.0**_LARGEST
        return size <= largest and self.high - self.low > _LEAST * size > 0

    def turned(self, log: bool) -> Window | None:
        """Return the same ends on a log axis, or from one on a linear axis; None where that cannot be."""
        if log:
            if self.high <= 0:
                return None
            # From 0 on there is no end of a log axis: three decades are shown.
            low = self.low if self.low > 0 else self.high / 1e3
            window = Window(math.log10(low), math.log10(self.high))
        else:
            if self.high > _LARGEST:
                return None
            window = Window(10.0**self.low, 10.0**self.high)
        return window if window.sound(log) else None

    @classmethod
    def typed(cls, text: str, log: bool, least: float | None = 0.0) -> Window:
        """Return the window that a person typed as two numbers, as ``0.1 2``, ``0.1:2`` or ``1e-3, 0.5``.

        Args:
            text: what was typed.
            log: whether the axis is a log one; numbers are not logarithms.
            least: the least number that there is; None where there is no such.

        Raises:
            ValueError: with what is wrong, in words.
        """
        parts = text.replace(":", " ").replace(";", " ").replace(", ", " ").split()
        if len(parts) != 2:
            raise ValueError("needs two numbers, as in 0.1 2")
        ends = []
        for part in parts:
            try:
                ends.append(read_number(part))
            except ValueError:
                raise ValueError(f"{part} is no number") from None
        low, high = ends
        if not low < high:
            raise ValueError("the second must be larger")
        if least is not None and low < least:
            raise ValueError(f"there is nothing below {least:g}")
        if log and low <= 0:
            raise ValueError("a log axis begins above 0")
        window = cls(math.log10(low), math.log10(high)) if log else cls(low, high)
        if not window.sound(log):
            raise ValueError("the two are too near to one another, or too large")
        return window
