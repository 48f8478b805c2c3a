"""What is drawn over an axis of losses, or of another observable."""

from __future__ import annotations

from enum import Enum

__all__ = ["Measure"]


class Measure(Enum):
    """What is drawn over the axis."""

    DENSITY = "density"
    COUNT = "networks in each bar"
    CUMULATIVE = "share with loss ≤ L"

    @property
    def next(self) -> Measure:
        """The next measure; after the last comes the first."""
        members = list(Measure)
        return members[(members.index(self) + 1) % len(members)]
