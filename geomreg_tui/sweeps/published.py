"""The result of a sweep on disk, kept up to date while points come in."""

from __future__ import annotations

import time
from collections.abc import Sequence

from geomreg_tui.sweeps.directory import SweepDirectory
from geomreg_tui.sweeps.plan import Factor
from geomreg_tui.sweeps.result import FailedPoint, SweepPoint

__all__ = ["PublishedResult"]

_IDLE = 9  # times as long as writing took: a tenth of the time goes into it, however many points there are


class PublishedResult:
    """Writes ``sweep.json``: at once where that is quick, otherwise as often as takes a tenth of the time.

    Each writing judges all points so far, which takes seconds where there are hundreds of them.

    Args:
        directory: of the sweep.
        factors: what is varied.

    Attributes:
        points: those that are over.
        failed: those that failed.
    """

    def __init__(self, directory: SweepDirectory, factors: Sequence[Factor]) -> None:
        self._directory, self._factors = directory, factors
        self.points: list[SweepPoint] = []
        self.failed: list[FailedPoint] = []
        self._unwritten = False
        self._due = 0.0

    def add(self, point: SweepPoint | FailedPoint) -> None:
        """Take in the outcome of a point.

        Raises:
            RunDirectoryError: if the result cannot be written.
        """
        if isinstance(point, FailedPoint):
            self.failed.append(point)
        else:
            self.points.append(point)
        self._unwritten = True
        self.keep_up()

    def keep_up(self) -> None:
        """Write what is not written yet, if it is time to; to be called several times a second.

        Raises:
            RunDirectoryError: if the result cannot be written.
        """
        if time.monotonic() >= self._due:
            self.write()

    def write(self) -> None:
        """Write what is not written yet.

        Raises:
            RunDirectoryError: if the result cannot be written.
        """
        if not self._unwritten:
            return
        begun = time.monotonic()
        self._directory.write_result(self._factors, self.points, self.failed)
        self._unwritten = False
        ended = time.monotonic()
        self._due = ended + _IDLE * (ended - begun)
