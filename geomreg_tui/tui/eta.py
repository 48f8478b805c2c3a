"""How long something will go on, from a smoothed rate: what is shown must not jump with every look.

Sampling tells its rate. Of all else the rate comes of how much more is done from one look to another.
"""

from __future__ import annotations

import math
from collections.abc import Hashable

from geomreg_tui.runner.progress import stage_progress, stage_work
from geomreg_tui.runner.snapshot import Snapshot
from geomreg_tui.tui.numbers import duration_text

__all__ = ["TimeLeft", "time_text"]

_SPAN = 20.0  # seconds over which a rate is averaged; the weight of what was before falls by e in that time


class TimeLeft:
    """The time that is left of one thing after another."""

    def __init__(self) -> None:
        self._subject: Hashable = None
        self._rate = 0.0
        self._at = 0.0
        self._done = 0.0
        self._gain = 0.0  # what was done between the last two looks at which there was more
        self._begun = False  # whether there was more at a look: before that nobody knows since when

    def of_run(self, subject: Hashable, snapshot: Snapshot) -> float:
        """Return the seconds that are left of the stage that a run is at.

        As :meth:`seconds` has them of networks, and :meth:`of_work` of all else.

        Args:
            subject: the run.
            snapshot: its newest.
        """
        stage, now = stage_progress(snapshot), snapshot.written_at
        if stage.name == "sampling":
            left = snapshot.target - snapshot.samples
            return self.seconds((subject, stage.name), left, snapshot.rate, now)
        work = stage_work(snapshot)
        return math.nan if work is None else self.of_work((subject, stage.name), work.done, work.left, now)

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
            self._smooth(rate, now - self._at)
        self._at = now
        return left / self._rate if self._rate > 0 else math.inf

    def of_work(self, subject: Hashable, done: float, left: float, now: float) -> float:
        """Return the seconds that are left, by how much more is done than at earlier looks.

        NaN until more has been done twice. Where work comes in pieces, and the next one is
        late, the rate is at most that of a piece in the time since the last one.

        Args:
            subject: what goes on; of another one nothing is remembered.
            done: work that is behind it, in any unit.
            left: work that is to come.
            now: when that was so, in seconds on any clock.
        """
        if subject != self._subject or done < self._done:
            self._subject, self._rate, self._at, self._done, self._gain = subject, 0.0, now, done, 0.0
            self._begun = False
            return math.nan
        since = now - self._at
        if done > self._done and since > 0:
            self._gain = done - self._done
            if self._rate:
                self._smooth(self._gain / since, since)
            elif self._begun:
                self._rate = self._gain / since
            self._at, self._done, self._begun = now, done, True
            since = 0.0
        if not self._rate:
            return math.nan
        rate = min(self._rate, self._gain / since) if since > 0 else self._rate
        return left / rate

    def _smooth(self, rate: float, since: float) -> None:
        self._rate += -math.expm1(-max(0.0, since) / _SPAN) * (rate - self._rate)


def time_text(seconds: float) -> str:
    """Return the time that is left in words: ``ETA 0:40``, or that it is not known."""
    return f"ETA {duration_text(seconds)}" if math.isfinite(seconds) else "ETA not known yet"
