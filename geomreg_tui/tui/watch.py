"""The watch: when to look whether there is anything new to draw."""

from __future__ import annotations

from collections.abc import Callable

from textual.message_pump import MessagePump
from textual.timer import Timer

__all__ = ["Watch"]

_EAGER = 0.03  # seconds between looks for the first networks after a change
_EAGER_LOOKS = 100
_SELDOM = 2.0  # seconds between looks at what seems to stay as it is, but may go on elsewhere


class Watch:
    """Looks often for the first answer after a change, then at the frame rate while things move.

    Args:
        owner: whose timers these are.
        look: what a look is.
        frame: seconds between frames.
    """

    def __init__(self, owner: MessagePump, look: Callable[[], object], frame: float) -> None:
        self._eager, self._steady, self._seldom = (
            owner.set_interval(seconds, look, pause=True) for seconds in (_EAGER, frame, _SELDOM)
        )
        self._now: Timer | None = None
        self._left = 0

    @property
    def resting(self) -> bool:
        """Whether nothing is looked at any more, or seldom."""
        return self._now in (None, self._seldom)

    def eagerly(self) -> None:
        """Look for the first answer, often."""
        self._left = _EAGER_LOOKS
        self._only(self._eager)

    def steadily(self) -> None:
        """Look at the frame rate."""
        self._only(self._steady)

    def seldom(self) -> None:
        """Look now and then."""
        self._only(self._seldom)

    def rest(self) -> None:
        """Look no more."""
        self._only(None)

    def in_vain(self) -> None:
        """Note that nothing was there yet; after a while, look less often."""
        self._left -= 1
        if self._left <= 0:
            self.steadily()

    def _only(self, wanted: Timer | None) -> None:
        """Let one timer run, and pause the others."""
        self._now = wanted
        for timer in (self._eager, self._steady, self._seldom):
            if timer is wanted:
                timer.resume()
            else:
                timer.pause()
